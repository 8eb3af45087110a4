/** `histogram_quantile`. */
import type { PromqlExpr } from "../ast.ts";
import type { Labels } from "../labels.ts";
import { RowSet } from "../rows.ts";
import { inputsOf, visit } from "./shared/histogram-inputs.ts";
import { quantileVisitor, warnQuantiles } from "./shared/histogram-quantiles.ts";
import { define, type SpecialRun } from "./spec.ts";

const run: SpecialRun = async (evaluation, call, grid) => {
  const q = await evaluation.scalar(call.args[0] as PromqlExpr, grid);
  const arg = call.args[1] as PromqlExpr;
  const rows = await evaluation.evaluate(arg, grid);
  warnQuantiles(evaluation, q, call.args[0] as PromqlExpr);
  const out = new RowSet(grid.count);
  const label = (labels: Labels): Labels => labels;
  const visitor = quantileVisitor(evaluation, out, { q, arg, grid, label });
  await visit(inputsOf(rows, evaluation, arg), { evaluation, grid, arg }, visitor);
  return out.rows;
};

export const histogramQuantile = define({
  name: "histogram_quantile",
  args: ["scalar", "vector"],
  params: ["q", "v"],
  doc: [
    "The estimated quantile, from 0 to 1, of the observations of histograms, in their unit.",
    "Of native histograms, and of classic ones, whose series have their bucket's upper end in the label `le`; aggregations of those have to keep it.",
    "Within a bucket observations are taken to be spread evenly, in native ones evenly over their logarithms. NaN when there are none; -Inf below 0 and +Inf above 1, with a warning.",
  ],
  example: "histogram_quantile(0.9, sum by (le) (rate(request_seconds_bucket[5m])))",
  kernel: { kind: "special", run },
});
