/** What functions see of the evaluation that runs them. */
import type { Matcher } from "../matcher.ts";
import type { Annotations } from "./annotations.ts";
import type { Aggregate, PromqlExpr } from "./ast.ts";
import type { CompiledRegex } from "./regex.ts";
import type { Row } from "./rows.ts";
import type { LoadedSeries } from "./load.ts";
import type { FoldQuestion, Grid, LeafAnswer, LeafQuestion } from "./series.ts";

/** A selector's time, computed: where the step looks, whatever `@` and `offset` say. */
export interface SelectorTime {
  readonly offsetMs: number;
  readonly atMs: number | undefined;
}

/** Samples that a query evaluates, as Prometheus's statistics have them. */
export interface EvaluatedSamples {
  total: number;
  /** The most that were held at once: values of rows and of the window that was looked at. */
  peak: number;
  /** As `total`, but what the window of one step shares with the step before counts once. */
  read: number;
  /** The same by step, while a subquery is evaluated: its steps count for those of what is around it. */
  readAt: Float64Array | undefined;
  /** Values of rows that are held now. */
  held: number;
}

export interface Evaluation {
  readonly annotations: Annotations;
  readonly lookbackMs: number;
  /** Of subqueries without one. */
  readonly subqueryIntervalMs: number;
  /** Deviations are those of LogQL. */
  readonly aloneIsZero?: boolean | undefined;
  evaluate(expr: PromqlExpr, grid: Grid): Promise<Row[]>;
  /** Gives the rows one after the other; each holds only until `take` returns. */
  each(expr: PromqlExpr, grid: Grid, take: (row: Row) => void): Promise<void>;
  /** Throws when rows of so many series would be too much to hold; ask before they are made. */
  room(series: number, grid: Grid): void;
  /** The steps of a scalar. */
  scalar(expr: PromqlExpr, grid: Grid): Promise<Float64Array>;
  load(
    matchers: readonly Matcher[],
    range: { readonly afterMs: number; readonly toMs: number },
    /** The selector, when it is one of the query. */
    selector?: PromqlExpr,
    /** The function that the samples of a range are for. */
    func?: string,
  ): Promise<readonly LoadedSeries[]>;
  /** What the source computes by itself. */
  leaf(question: LeafQuestion): Promise<LeafAnswer | undefined>;
  /** The rows of an aggregation that the source computes by itself. */
  fold?(node: Aggregate, grid: Grid, groups: FoldQuestion["groups"]): Promise<Row[] | undefined>;
  /** `offset` and `@` of a selector or subquery in this query. */
  timeOf(expr: Extract<PromqlExpr, { kind: "vector_selector" | "subquery" }>): SelectorTime;
  /** Counts what selectors see at the steps; absent when nobody asks for it. */
  readonly evaluated?: EvaluatedSamples | undefined;
  regex(pattern: string): CompiledRegex;
  /** Lets others have a turn and ends the query when nobody waits for it. */
  pause(): Promise<void> | undefined;
}
