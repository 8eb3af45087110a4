/** `/rules`, `/alerts` and `/alertmanagers` of the Prometheus API: pure functions from what rules show to `data`. */
import { formatG, parseSeriesSelector, selectorMatchers } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { testOf } from "../../query/metrics/matchers.ts";
import { compileRegex } from "../../regex/compile.ts";
import type { ActiveAlert } from "../../rules/alert-state.ts";
import type { Pairs } from "../../rules/sample.ts";
import type { RuleGroupView, RuleView } from "../../rules/view.ts";
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
  const type = typeParam(params);
  const excludeAlerts = flag(params, "exclude_alerts");
  const wanted = filters(params);
  const { page, next } = pageOf(sorted(groups), params);
  const out = page.flatMap((group) => {
    if (!wanted.file(group.file) || !wanted.group(group.name)) return [];
    const rules = group.rules.filter(
      (rule) =>
        (type === "" || rule.kind === type) && wanted.rule(rule.name) && wanted.labels(rule.labels),
    );
    // A group of which nothing is asked for is left out; an empty one is shown when nothing is asked.
    if (rules.length === 0 && (group.rules.length > 0 || wanted.any)) return [];
    return [groupJson(group, rules, excludeAlerts)];
  });
  return next === undefined ? { groups: out } : { groups: out, groupNextToken: next };
}

/** `data` of `/alerts`. */
export function alertsAnswer(groups: readonly RuleGroupView[]): unknown {
  return {
    alerts: groups.flatMap(({ rules }) => rules.flatMap(({ alerts }) => alerts.map(alertJson))),
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

function flag(params: URLSearchParams, name: string): boolean {
  const given = params.get(name) ?? "";
  if (["", "0", "f", "F", "false", "FALSE", "False"].includes(given)) return false;
  if (["1", "t", "T", "true", "TRUE", "True"].includes(given)) return true;
  throw wrong(
    `invalid parameter "${name}": strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`,
  );
}

function filters(params: URLSearchParams) {
  const oneOf = (name: string): ((value: string) => boolean) => {
    const given = new Set(params.getAll(name));
    return given.size === 0 ? () => true : (value) => given.has(value);
  };
  const selectors = params.getAll("match[]").map((text) => {
    const selector = parseSeriesSelector(text, { compileRegex });
    return selectorMatchers(selector).map((matcher) => ({
      name: matcher.name,
      test: testOf(matcher),
    }));
  });
  const names = ["rule_name[]", "rule_group[]", "file[]", "match[]", "type"];
  return {
    any: names.some((name) => params.has(name)),
    rule: oneOf("rule_name[]"),
    group: oneOf("rule_group[]"),
    file: oneOf("file[]"),
    labels(labels: Pairs): boolean {
      if (selectors.length === 0) return true;
      const values = new Map(labels);
      return selectors.some((tests) =>
        tests.every(({ name, test }) => test(values.get(name) ?? "")),
      );
    },
  };
}

function sorted(groups: readonly RuleGroupView[]): RuleGroupView[] {
  const key = ({ file, name }: RuleGroupView): string => `${file}\u{0}${name}`;
  return [...groups].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Where a page ends, as a text that says nothing about the files. */
function tokenOf({ file, name }: RuleGroupView): string {
  let high = 0x811c9dc5;
  let low = 0x01000193;
  for (const byte of new TextEncoder().encode(`${file};${name}`)) {
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte, 0x5bd1e995) ^ (high >>> 13);
  }
  return [high, low].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

function pageOf(
  groups: readonly RuleGroupView[],
  params: URLSearchParams,
): { page: readonly RuleGroupView[]; next: string | undefined } {
  const limitText = params.get("group_limit") ?? "";
  const token = params.get("group_next_token") ?? "";
  if (limitText === "" && token !== "")
    throw wrong(
      'invalid parameter "group_limit": group_limit needs to be paired with group_next_token if one is set',
    );
  if (limitText === "") return { page: groups, next: undefined };
  const limit = Number(limitText);
  if (!Number.isInteger(limit) || limit < 1)
    throw wrong('invalid parameter "group_limit": group_limit must be greater than 0');
  const last = token === "" ? -1 : groups.findIndex((group) => tokenOf(group) === token);
  if (token !== "" && last < 0)
    throw wrong(
      'invalid parameter "group_next_token": invalid group_next_token: rule groups might have changed',
    );
  const page = groups.slice(last + 1, last + 1 + limit);
  const end = page.at(-1);
  const hasMore = end !== undefined && last + 1 + limit < groups.length;
  return { page, next: hasMore ? tokenOf(end) : undefined };
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
    file: group.file,
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
    alerts: excludeAlerts ? [] : rule.alerts.map(alertJson),
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
