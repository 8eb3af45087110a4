/** Rules of our own HTTP API: groups with how each rule does, and what a reader of rules would say about it. */
import type { Labels, Rule, RuleGroup, RuleLint, RulesAnswer } from "@triptych/contract";
import type { Clock } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import type { LintKnowledge } from "../../config/rules/lints.ts";
import { lintRule } from "../../config/rules/logql-lints.ts";
import { parseRuleExpr } from "../../config/rules/rule-expr.ts";
import type { RuleConfig } from "../../config/rules/rule-file.ts";
import type { MetricsSource } from "../../query/metrics/source.ts";
import type { Pairs } from "../../rules/sample.ts";
import type { RuleGroupView, RuleView } from "../../rules/view.ts";
import { answerInfo } from "./answer-info.ts";
import { clientGone } from "./client-gone.ts";
import { shortId } from "./short-id.ts";

export interface OwnRulesDeps {
  readonly clock: Clock;
  /** `/api/triptych`. */
  readonly prefix: string;
  readonly groups: () => readonly RuleGroupView[];
  /** For lints: which metrics there are. */
  readonly source: Pick<MetricsSource, "metadata" | "metricNames">;
}

/** A metric that nobody sent for this long is taken for one that does not exist. */
const KNOWN_WITHIN_MS = 86_400_000;
/** Names do not come and go: asking for them with each look at the page would be waste. */
const KNOWLEDGE_KEPT_MS = 30_000;

export function registerOwnRules(app: FastifyInstance, deps: OwnRulesDeps): void {
  const { clock, prefix } = deps;
  let kept: { readonly atMs: number; readonly known: LintKnowledge } | undefined;
  app.get(`${prefix}/rules`, async (_request, reply): Promise<RulesAnswer> => {
    const ask = { signal: clientGone(reply), cost: { rowsRead: 0, bytesRead: 0 } };
    const info = answerInfo(clock, ask.cost);
    const groups = deps.groups();
    const marks: string[] = [];
    if (kept === undefined || clock.monotonicMs() - kept.atMs > KNOWLEDGE_KEPT_MS)
      try {
        kept = { atMs: clock.monotonicMs(), known: await knowledge(deps, ask) };
      } catch {
        // Rules are shown also when the store cannot say which metrics there are; the mark says so.
        marks.push("Some lints are missing: the names of metrics could not be read.");
      }
    const known = { ...(kept?.known ?? noMetrics), recorded: recordedBy(groups) };
    return { ...info(marks), groups: groups.map((group) => groupJson(group, known)) };
  });
}

const noMetrics: LintKnowledge = { types: new Map(), recorded: new Set() };

async function knowledge(
  { clock, source }: OwnRulesDeps,
  ask: { readonly signal: AbortSignal; readonly cost: { rowsRead: number; bytesRead: number } },
): Promise<LintKnowledge> {
  const toMs = clock.nowMs();
  const range = { fromMs: toMs - KNOWN_WITHIN_MS, toMs };
  const [names, metadata] = await Promise.all([
    source.metricNames("", range, ask),
    source.metadata([], ask),
  ]);
  return {
    // Without a single metric it is too early to call one unknown.
    metrics: names.length === 0 ? undefined : new Set(names.map(({ metric }) => metric)),
    types: new Map(metadata.map(({ family, type }) => [family, type])),
    recorded: new Set(),
  };
}

function recordedBy(groups: readonly RuleGroupView[]): Set<string> {
  return new Set(
    groups.flatMap(({ rules }) =>
      rules.filter(({ kind }) => kind === "record").map(({ name }) => name),
    ),
  );
}

function groupJson(group: RuleGroupView, known: LintKnowledge): RuleGroup {
  return {
    file: group.file,
    name: group.name,
    intervalSeconds: group.intervalMs / 1000,
    limit: group.limit,
    lastEvaluationMs: group.lastEvaluationMs,
    evaluationSeconds: group.evaluationSeconds,
    rules: group.rules.map((rule, i) => ruleJson(group, i, lintsOf(rule, known))),
  };
}

/** Rules of one group may share a name, so the place in the group is part of it. */
export function ruleId(group: RuleGroupView, index: number): string {
  return shortId([group.file, group.name, String(index)]);
}

/** `index` is the rule's place in the group. */
export function ruleJson(
  group: RuleGroupView,
  index: number,
  found: readonly RuleLint[] = [],
): Rule {
  const rule = group.rules[index] as RuleView;
  const inState = (state: "firing" | "pending"): number =>
    rule.alerts.reduce((sum, alert) => sum + (alert.state === state ? 1 : 0), 0);
  return {
    id: ruleId(group, index),
    kind: rule.kind,
    language: rule.language,
    name: rule.name,
    group: group.name,
    file: group.file,
    query: rule.query,
    labels: labelJson(rule.labels),
    annotations: labelJson(rule.annotations),
    forSeconds: rule.forMs / 1000,
    keepFiringForSeconds: rule.keepFiringForMs / 1000,
    intervalSeconds: group.intervalMs / 1000,
    health: rule.health,
    lastError: rule.lastError,
    evaluationSeconds: rule.evaluationSeconds,
    lastEvaluationMs: rule.lastEvaluationMs,
    firing: inState("firing"),
    pending: inState("pending"),
    lints: found,
  };
}

export function labelJson(pairs: Pairs): Labels {
  return Object.fromEntries(pairs);
}

const nowhere = { line: 1, column: 1 };

/** What `triptych check` would say of it. */
function lintsOf(rule: RuleView, known: LintKnowledge): RuleLint[] {
  const config: RuleConfig = {
    kind: rule.kind,
    name: rule.name,
    exprText: rule.query,
    ...parseRuleExpr(rule.query, rule.language),
    forMs: rule.forMs,
    keepFiringForMs: rule.keepFiringForMs,
    labels: rule.labels,
    annotations: rule.annotations,
    place: nowhere,
    exprPlace: nowhere,
  };
  return [...lintRule(config, known)].map(({ name, what, why, fix }) => ({ name, what, why, fix }));
}
