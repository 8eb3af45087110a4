/** What rules read and write: samples at one time, and the alerts they hand on. */
import type { Histogram, Labels } from "@triptych/lang";
import type { RuleExpr } from "../config/rules/rule-expr.ts";

export type Pairs = readonly (readonly [name: string, value: string])[];

export interface VectorSample {
  readonly labels: Labels;
  readonly value: number | Histogram;
}

/** An instant query; a scalar is one sample without labels. Rejects with what is wrong with it. */
export type RuleQuery = (rule: RuleExpr, atMs: number) => Promise<readonly VectorSample[]>;

export interface RuleSample {
  readonly labels: Labels;
  readonly timeMs: number;
  /** `stale`: the series ended here. */
  readonly value: number | Histogram | "stale";
}

/** An alert as it goes to those who tell people. */
export interface AlertMessage {
  /** Sorted by name; `alertname` is among them, labels of the whole installation are not. */
  readonly labels: Pairs;
  readonly annotations: Pairs;
  readonly startsAtMs: number;
  /** Of one that is over: when it ended. Else how long this message holds when no other follows. */
  readonly endsAtMs: number;
  readonly resolved: boolean;
  /** Where the rule's query can be seen, without the address of the server. */
  readonly generatorPath: string;
}
