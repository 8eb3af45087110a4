/** What the rules tell of themselves at `/metrics`, by Prometheus's names with our prefix. */
import type { Counter, Metrics } from "../self/metrics.ts";
import type { RuleGroupView } from "./view.ts";

export interface RuleMetrics {
  readonly evaluations: Counter;
  readonly failures: Counter;
  readonly iterations: Counter;
  readonly missed: Counter;
  readonly samples: Counter;
}

export function observeRules(metrics: Metrics, view: () => readonly RuleGroupView[]): RuleMetrics {
  const counter = (name: string, help: string): Counter =>
    metrics.counter(`triptych_rule_${name}`, help, "rule_group");
  const gauge = (name: string, help: string, read: (groups: readonly RuleGroupView[]) => number) =>
    metrics.gauge(`triptych_rule_${name}`, help, () => read(view()));
  const longest = (of: (group: RuleGroupView) => number) => (groups: readonly RuleGroupView[]) =>
    groups.reduce((most, group) => Math.max(most, of(group)), 0);
  const alerts = (state: string) => (groups: readonly RuleGroupView[]) =>
    groups
      .flatMap(({ rules }) => rules)
      .reduce((sum, rule) => sum + rule.alerts.filter((one) => one.state === state).length, 0);
  gauge("groups", "Groups of rules.", (groups) => groups.length);
  gauge("group_rules", "Rules in all groups.", (groups) =>
    groups.reduce((sum, { rules }) => sum + rules.length, 0),
  );
  gauge(
    "group_last_duration_seconds",
    "How long the slowest group's last evaluation took.",
    longest(({ evaluationSeconds }) => evaluationSeconds),
  );
  gauge(
    "unhealthy",
    "Rules whose last evaluation failed.",
    (groups) =>
      groups.flatMap(({ rules }) => rules).filter(({ health }) => health === "err").length,
  );
  gauge("alerts_pending", "Alerts that wait for their time.", alerts("pending"));
  gauge("alerts_firing", "Alerts that fire.", alerts("firing"));
  return {
    evaluations: counter("evaluations_total", "Evaluations of rules."),
    failures: counter("evaluation_failures_total", "Evaluations of rules that failed."),
    iterations: counter("group_iterations_total", "Evaluations of groups, missed ones too."),
    missed: counter(
      "group_iterations_missed_total",
      "Evaluations of groups that did not start in time.",
    ),
    samples: counter("samples_written_total", "Samples that rules wrote."),
  };
}
