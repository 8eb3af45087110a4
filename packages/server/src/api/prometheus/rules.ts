/** `/rules`, `/alerts` and `/alertmanagers` of the Prometheus API: pure functions from what rules show to `data`. */
import { formatG } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { testOf } from "../../query/metrics/matchers.ts";
import type { ActiveAlert } from "../../rules/alert-state.ts";
import type { Pairs } from "../../rules/sample.ts";
import type { RuleGroupView, RuleView } from "../../rules/view.ts";
import { matchersOf } from "./exchange.ts";
import { wholeNumber } from "./params.ts";
import type { RulesView } from "./views.ts";

/** What the API needs of the rules and of those who send alerts. */
export function createRulesView(deps: {
  readonly groups: () => readonly RuleGroupView[];
  /** Where alerts are sent. */
  readonly alertmanagers: () => readonly string[];
}): RulesView {
  return {
    rules: (params) => rulesAnswer(deps.groups(), params),
    alerts: () => alertsAnswer(deps.groups()),
    alertmanagers: () => alertmanagersAnswer(deps.alertmanagers()),
  };
}

/** `data` of `/rules`. Throws `query_invalid` when a parameter is wrong. */
export function rulesAnswer(groups: readonly RuleGroupView[], params: URLSearchParams): unknown {
  const wanted = filters(params);
  const type = typeParam(params);
  const excludeAlerts = excludeAlertsParam(params);
  const { limit, token } = pageParams(params);
  const all = sorted(groups);
  const from = token === "" ? 0 : all.findIndex((group) => tokenOf(group) === token);
  if (from < 0)
    throw wrong(
      `invalid parameter "group_next_token": invalid group_next_token '${token}'. were rule groups changed?`,
    );
  const out: unknown[] = [];
  for (const group of all.slice(from)) {
    if (!wanted.file(listedFile(group)) || !wanted.group(group.name)) continue;
    const rules = group.rules.filter(
      (rule) =>
        (type === "" || rule.kind === type) && wanted.rule(rule.name) && wanted.labels(rule.labels),
    );
    if (rules.length === 0) continue;
    if (out.length === limit) return { groups: out, groupNextToken: tokenOf(group) };
    out.push(groupJson(group, rules, excludeAlerts));
  }
  return { groups: out };
}

/** `data` of `/alerts`: in the order of `/rules`. */
export function alertsAnswer(groups: readonly RuleGroupView[]): unknown {
  return {
    alerts: sorted(groups).flatMap(({ rules }) =>
      rules.flatMap(({ alerts }) => alerts.map(alertJson)),
    ),
  };
}

/** `data` of `/alertmanagers`. */
export function alertmanagersAnswer(urls: readonly string[]): unknown {
  return { activeAlertmanagers: urls.map((url) => ({ url })), droppedAlertmanagers: [] };
}

const wrong = (message: string): TriptychError => new TriptychError("query_invalid", message);

function typeParam(params: URLSearchParams): RuleView["kind"] | "" {
  const given = (params.get("type") ?? "").toLowerCase();
  if (given !== "" && given !== "alert" && given !== "record")
    throw wrong(`invalid parameter "type": not supported value "${given}"`);
  return given;
}

function excludeAlertsParam(params: URLSearchParams): boolean {
  const given = (params.get("exclude_alerts") ?? "").toLowerCase();
  if (["", "0", "f", "false"].includes(given)) return false;
  if (["1", "t", "true"].includes(given)) return true;
  throw wrong(
    `invalid parameter "exclude_alerts": error converting exclude_alerts: strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`,
  );
}

function filters(params: URLSearchParams) {
  const oneOf = (name: string): ((value: string) => boolean) => {
    // Prometheus's clients write brackets, those of Loki's ruler none.
    const given = new Set([...params.getAll(`${name}[]`), ...params.getAll(name)]);
    return given.size === 0 ? () => true : (value) => given.has(value);
  };
  const selectors = params.getAll("match[]").map((text) => {
    return matchersOf(text).map((matcher) => ({ name: matcher.name, test: testOf(matcher) }));
  });
  return {
    rule: oneOf("rule_name"),
    group: oneOf("rule_group"),
    file: oneOf("file"),
    labels(labels: Pairs): boolean {
      if (selectors.length === 0) return true;
      const values = new Map(labels);
      return selectors.some((tests) =>
        tests.every(({ name, test }) => test(values.get(name) ?? "")),
      );
    },
  };
}

const listedFile = ({ file, namespace }: RuleGroupView): string => namespace ?? file;

function sorted(groups: readonly RuleGroupView[]): RuleGroupView[] {
  const key = (group: RuleGroupView): string => `${listedFile(group)}\u{0}${group.name}`;
  return [...groups].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Where the next page begins, as a text that says nothing about the files. */
function tokenOf({ file, name }: RuleGroupView): string {
  let high = 0x811c9dc5;
  let low = 0x01000193;
  for (const byte of new TextEncoder().encode(`${file};${name}`)) {
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte, 0x5bd1e995) ^ (high >>> 13);
  }
  return [high, low].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** How many groups a page has, and the first group of this one; errors in Prometheus' words. */
function pageParams(params: URLSearchParams): { limit: number; token: string } {
  const text = params.get("group_limit") ?? "";
  const token = params.get("group_next_token") ?? "";
  if (text === "" && token !== "")
    throw wrong(
      'invalid parameter "group_next_token": group_limit needs to be present in order to paginate over the groups',
    );
  if (text === "") return { limit: Number.POSITIVE_INFINITY, token };
  const limit = wholeNumber(text);
  const isInteger = /^[+-]?\d+$/.test(text);
  if (limit === undefined || Math.abs(limit) > 2 ** 31 - 1)
    throw wrong(
      `invalid parameter "group_limit": group_limit needs to be a valid number: strconv.ParseInt: parsing ${JSON.stringify(text)}: ${isInteger ? "value out of range" : "invalid syntax"}`,
    );
  if (limit <= 0)
    throw wrong('invalid parameter "group_limit": group_limit needs to be greater than 0');
  return { limit, token };
}

/** Go's zero time for what never happened. */
function time(ms: number | undefined): string {
  return ms === undefined || ms === 0 ? "0001-01-01T00:00:00Z" : new Date(ms).toISOString();
}

function groupJson(
  group: RuleGroupView,
  rules: readonly RuleView[],
  excludeAlerts: boolean,
): unknown {
  return {
    name: group.name,
    // Loki's clients join this list with that of Loki's own API by namespace.
    file: listedFile(group),
    rules: rules.map((rule) => ruleJson(rule, excludeAlerts)),
    interval: group.intervalMs / 1000,
    limit: group.limit,
    evaluationTime: group.evaluationSeconds,
    lastEvaluation: time(group.lastEvaluationMs),
  };
}

function ruleJson(rule: RuleView, excludeAlerts: boolean): unknown {
  const shared = {
    name: rule.name,
    query: rule.query,
    labels: Object.fromEntries(rule.labels),
    health: rule.health,
    ...(rule.lastError === "" ? {} : { lastError: rule.lastError }),
    evaluationTime: rule.evaluationSeconds,
    lastEvaluation: time(rule.lastEvaluationMs),
  };
  if (rule.kind === "record") return { ...shared, type: "recording" };
  return {
    state: stateOf(rule),
    ...shared,
    duration: rule.forMs / 1000,
    keepFiringFor: rule.keepFiringForMs / 1000,
    annotations: Object.fromEntries(rule.annotations),
    alerts: excludeAlerts ? null : rule.alerts.map(alertJson),
    type: "alerting",
  };
}

function stateOf({ alerts, health }: RuleView): string {
  if (health === "unknown") return "unknown";
  if (alerts.some(({ state }) => state === "firing")) return "firing";
  return alerts.some(({ state }) => state === "pending") ? "pending" : "inactive";
}

function alertJson(alert: ActiveAlert): unknown {
  const { keepFiringSinceMs } = alert;
  return {
    labels: Object.fromEntries(alert.labels.pairs),
    annotations: Object.fromEntries(alert.annotations),
    state: alert.state,
    activeAt: time(alert.activeAtMs),
    ...(keepFiringSinceMs === undefined ? {} : { keepFiringSince: time(keepFiringSinceMs) }),
    value: exponential(alert.value),
  };
}

/** Go's `%e` with as many digits as the number needs. */
function exponential(value: number): string {
  if (!Number.isFinite(value)) return formatG(value);
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const digits = String(Math.abs(Number(exponent))).padStart(2, "0");
  return `${mantissa}e${Number(exponent) < 0 ? "-" : "+"}${digits}`;
}
