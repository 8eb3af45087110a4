/** What the API and the interface see of rules. */
import type { RuleLanguage } from "../config/rules/rule-expr.ts";
import type { ActiveAlert } from "./alert-state.ts";
import type { Pairs } from "./sample.ts";

export interface RuleView {
  readonly kind: "record" | "alert";
  readonly language: RuleLanguage;
  readonly name: string;
  /** Printed in the one form of Prometheus, or Loki. */
  readonly query: string;
  readonly labels: Pairs;
  readonly annotations: Pairs;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly health: "unknown" | "ok" | "err";
  /** "" when the last evaluation went well. */
  readonly lastError: string;
  readonly evaluationSeconds: number;
  /** 0: never. */
  readonly lastEvaluationMs: number;
  /** Pending and firing ones. */
  readonly alerts: readonly ActiveAlert[];
}

export interface RuleGroupView {
  readonly file: string;
  /** What Loki calls the file; absent for rules over metrics. */
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly limit: number;
  readonly intervalMs: number;
  readonly lastEvaluationMs: number;
  readonly evaluationSeconds: number;
  readonly rules: readonly RuleView[];
}
