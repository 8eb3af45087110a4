/** Rule groups as the API sees them. Tests only. */
import { labelsFrom } from "@triptych/lang";
import type { RuleGroupView, RuleView } from "../../rules/view.ts";

const shared = {
  language: "promql",
  labels: [["severity", "page"]],
  annotations: [],
  forMs: 0,
  keepFiringForMs: 0,
  health: "ok",
  lastError: "",
  evaluationSeconds: 0.001,
  lastEvaluationMs: 1_700_000_000_000,
  alerts: [],
} as const;
export const record: RuleView = {
  ...shared,
  kind: "record",
  name: "a:b",
  query: "sum(up)",
  labels: [["team", "x"]],
};
export const alert: RuleView = {
  ...shared,
  kind: "alert",
  name: "Down",
  query: "up == 0",
  annotations: [["s", "t"]],
  forMs: 60_000,
  lastError: "no",
  health: "err",
  alerts: [
    {
      labels: labelsFrom([["alertname", "Down"]]),
      annotations: [["s", "t"]],
      state: "firing",
      value: 1234.5,
      activeAtMs: 1_700_000_000_000,
      keepFiringSinceMs: 1_700_000_001_000,
    },
  ],
};
export const group = (file: string, name: string, rules: readonly RuleView[]): RuleGroupView => ({
  ...{
    file,
    name,
    rules,
    limit: 0,
    intervalMs: 60_000,
    evaluationSeconds: 0.5,
    lastEvaluationMs: 0,
  },
});
export const groups: readonly RuleGroupView[] = [
  group("b.yml", "g2", [record]),
  group("a.yml", "g1", [record, alert]),
  group("c.yml", "empty", []),
];

export const ruleGroupsForTests = (): readonly RuleGroupView[] => groups;
