/** Aggregations of leaves that the source computes: the question, and the rows of its answer. */
import type { Matcher } from "../matcher.ts";
import type { Aggregate, PromqlExpr } from "./ast.ts";
import type { Evaluation } from "./evaluation.ts";
import { METRIC_NAME } from "./labels.ts";
import { leafOf, leafQuestion } from "./leaf.ts";
import { isCounterFunction, noteNonCounter } from "./range-eval.ts";
import type { Row } from "./rows.ts";
import type { FoldAnswer, FoldOp, FoldQuestion, Grid } from "./series.ts";

const foldOps: { readonly [op in Aggregate["op"]]?: FoldOp } = {
  sum: "sum",
  avg: "avg",
  min: "min",
  max: "max",
  count: "count",
  group: "group",
  stddev: "stddev",
  stdvar: "stdvar",
};

/** The one name of all series that match. */
const nameOf = (matchers: readonly Matcher[]): string | undefined =>
  matchers.find(({ name, op, value }) => name === METRIC_NAME && op === "=" && value !== "")?.value;

/** `undefined` when it is no aggregation of a leaf, or the source does not compute it. */
export async function foldedRows(
  evaluation: Evaluation,
  what: {
    readonly op: Aggregate["op"];
    /** What is aggregated. */
    readonly expr: PromqlExpr;
    readonly grid: Grid;
    readonly groups: FoldQuestion["groups"];
  },
  ask: (question: Omit<FoldQuestion, "samplesMax">) => Promise<FoldAnswer | undefined>,
): Promise<Row[] | undefined> {
  const { expr, grid, groups } = what;
  const op = foldOps[what.op];
  const leaf = leafOf(evaluation, expr);
  const name = leaf && nameOf(leaf.matchers);
  // Of series with several names nobody would know which of them had a value.
  if (op === undefined || leaf === undefined || name === undefined) return undefined;
  const answer = await ask({ ...leafQuestion(leaf, grid), op, groups });
  if (answer === undefined) return undefined;
  if (answer.groups.length > 0 && expr.kind === "call" && isCounterFunction(expr))
    noteNonCounter(evaluation, name, expr.args[0] as PromqlExpr);
  const { dropName } = leaf;
  return answer.groups.map(({ labels, has, value }) => ({
    labels,
    dropName,
    kind: has,
    value,
    histograms: undefined,
  }));
}
