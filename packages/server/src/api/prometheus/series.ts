/** Series, label names and values, and what is known of metric families. */
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import { byLabels } from "../../query/metrics/series-order.ts";
import type { Series, SeriesMatcher } from "../../query/metrics/source.ts";
import { commaSeparated } from "../comma-separated.ts";
import { answer, type Context, type Exchange, type Route, selectorsOf } from "./exchange.ts";
import { limitParam, rangeParam, wholeNumber } from "./params.ts";
import { labelsJson } from "./result.ts";
import { unescapedName } from "./unescaped-name.ts";

const LONE_SURROGATE = /\p{Surrogate}/u;

export const seriesRoutes: readonly Route[] = [
  [["GET", "POST"], "/series", seriesList],
  [["GET", "POST"], "/labels", labelNames],
  [["GET"], "/label/:name/values", labelValues],
  [["GET"], "/metadata", metadata],
];

async function seriesList({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask } = exchange;
  if (params.getAll("match[]").length === 0)
    throw new TriptychError("query_invalid", "no match[] parameter provided");
  const limit = limitParam(params);
  const range = rangeParam(params, clock);
  const found = new Map<bigint, Series>();
  for (const matchers of selectorsOf(params))
    for (const series of await source.selectSeries(matchers, range, ask))
      found.set(series.id, series);
  const sorted = [...found.values()].sort(byLabels);
  return answer(exchange, (cut) => {
    if (sorted.length > limit) cut();
    return list(commaSeparated(sorted.slice(0, limit), labelsJson));
  });
}

function* list(items: Iterable<string>): Generator<string> {
  yield "[";
  yield* items;
  yield "]";
}

/** The union of what each selector gives, sorted; of everything when there is no selector. */
async function union(
  exchange: Exchange,
  ask: (matchers: SeriesMatcher[]) => Promise<string[]>,
): Promise<FastifyReply> {
  const limit = limitParam(exchange.params);
  const selectors = selectorsOf(exchange.params, "bare");
  const found = new Set<string>();
  for (const matchers of selectors.length === 0 ? [[]] : selectors)
    for (const item of await ask(matchers)) found.add(item);
  const sorted = [...found].sort((a, b) => (a < b ? -1 : 1));
  return answer(exchange, (cut) => {
    if (sorted.length > limit) cut();
    return list(commaSeparated(sorted.slice(0, limit), (item) => JSON.stringify(item)));
  });
}

async function labelNames({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const range = rangeParam(exchange.params, clock);
  return union(exchange, (matchers) => source.labelNames(matchers, range, exchange.ask));
}

async function labelValues({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { name: given = "" } = exchange.request.params as { name?: string };
  const name = unescapedName(given);
  if (name === "" || LONE_SURROGATE.test(name))
    throw new TriptychError("query_invalid", `invalid label name: ${JSON.stringify(name)}`);
  const range = rangeParam(exchange.params, clock);
  return union(exchange, (matchers) => source.labelValues(name, { matchers, range }, exchange.ask));
}

/** A limit that is below zero, or not there, is none. */
function metadataLimit(params: URLSearchParams, name: string): number {
  const given = params.get(name) ?? "";
  if (given === "") return Number.POSITIVE_INFINITY;
  const value = wholeNumber(given);
  if (value === undefined) throw new TriptychError("query_invalid", `${name} must be a number`);
  return value < 0 ? Number.POSITIVE_INFINITY : value;
}

/** All that targets say now, and the newest of what is kept of families that none of them shows. */
async function metadata({ source, views }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const limit = metadataLimit(params, "limit");
  const perMetric = metadataLimit(params, "limit_per_metric");
  const metric = params.get("metric") ?? "";
  const texts = new Map<string, Set<string>>();
  const ofTargets = new URLSearchParams(metric === "" ? {} : { metric });
  for (const { metric: family = metric, type, help, unit } of views.targets?.metadata(ofTargets) ??
    []) {
    const known = texts.get(family) ?? new Set();
    texts.set(family, known.add(JSON.stringify({ type, help, unit })));
  }
  for (const { family, type, unit, help } of await source.metadata(
    metric === "" ? [] : [metric],
    ask,
  ))
    if (!texts.has(family)) texts.set(family, new Set([JSON.stringify({ type, help, unit })]));
  const found = [...texts].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, limit);
  return answer(exchange, () => [
    "{",
    ...commaSeparated(found, ([family, all]) => {
      // None at all would say nothing of the family: Prometheus takes 0 as no limit.
      const list = [...all].slice(0, perMetric === 0 ? undefined : perMetric);
      return `${JSON.stringify(family)}:[${list.join(",")}]`;
    }),
    "}",
  ]);
}
