/** Rules, alerts and targets: what other parts know, in the form of the API, and the empty form where they are absent. */
import { TriptychError } from "@triptych/model";
import { answerJson, type Route } from "./exchange.ts";
import type { RulesView, TargetsView } from "./views.ts";

const noRules: RulesView = {
  rules: () => ({ groups: [] }),
  alerts: () => ({ alerts: [] }),
  alertmanagers: () => ({ activeAlertmanagers: [], droppedAlertmanagers: [] }),
};

const noPool = (params: URLSearchParams): never => {
  const wanted = params.get("scrapePool") ?? "";
  throw new TriptychError(
    "query_invalid",
    wanted === ""
      ? "no scrapePool parameter provided"
      : `error retrieving scrape config: scrape pool ${JSON.stringify(wanted)} not found`,
  );
};

const noTargets: TargetsView = {
  targets: () => ({ activeTargets: [], droppedTargets: [], droppedTargetCounts: {} }),
  metadata: () => [],
  scrapePools: () => ({ scrapePools: [] }),
};

export const viewRoutes: readonly Route[] = [
  [
    ["GET"],
    "/rules",
    async ({ views }, exchange) =>
      answerJson(exchange, (views.rules ?? noRules).rules(exchange.params)),
  ],
  [
    ["GET"],
    "/alerts",
    async ({ views }, exchange) => answerJson(exchange, (views.rules ?? noRules).alerts()),
  ],
  [
    ["GET"],
    "/alertmanagers",
    async ({ views }, exchange) => answerJson(exchange, (views.rules ?? noRules).alertmanagers()),
  ],
  [
    ["GET"],
    "/targets",
    async ({ views }, exchange) =>
      answerJson(exchange, (views.targets ?? noTargets).targets(exchange.params)),
  ],
  [
    ["GET"],
    "/targets/metadata",
    async ({ views }, exchange) => {
      const limit = exchange.params.get("limit") ?? "";
      if (limit !== "" && !/^[+-]?\d{1,15}$/.test(limit))
        throw new TriptychError("query_invalid", "limit must be a number");
      return answerJson(exchange, (views.targets ?? noTargets).metadata(exchange.params));
    },
  ],
  [
    ["GET"],
    "/scrape_pools",
    async ({ views }, exchange) => answerJson(exchange, (views.targets ?? noTargets).scrapePools()),
  ],
  [
    ["GET"],
    "/scrape_pools/config",
    async ({ views }, exchange) =>
      answerJson(exchange, (views.targets?.scrapePoolConfig ?? noPool)(exchange.params)),
  ],
  [
    ["GET"],
    "/targets/relabel_steps",
    async ({ views }, exchange) =>
      answerJson(exchange, (views.targets?.relabelSteps ?? noPool)(exchange.params)),
  ],
];
