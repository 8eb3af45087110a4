/** `histogram_fraction`. */
import type { PromqlExpr } from "../ast.ts";
import { bucketFraction, histogramFraction as nativeFraction } from "../histogram-quantile.ts";
import { metricName } from "../labels.ts";
import { RowSet } from "../rows.ts";
import { inputsOf, visit } from "./shared/histogram-inputs.ts";
import { define, type SpecialRun } from "./spec.ts";

const run: SpecialRun = async (evaluation, call, grid) => {
  const lower = await evaluation.scalar(call.args[0] as PromqlExpr, grid);
  const upper = await evaluation.scalar(call.args[1] as PromqlExpr, grid);
  const arg = call.args[2] as PromqlExpr;
  const rows = await evaluation.evaluate(arg, grid);
  const out = new RowSet(grid.count);
  const { annotations } = evaluation;
  await visit(
    inputsOf(rows, evaluation, arg),
    { evaluation, grid, arg },
    {
      native(labels, histogram, step) {
        const report = { annotate: annotations, metric: metricName(labels), span: arg.span };
        const bounds = [lower[step] as number, upper[step] as number] as const;
        out.put(labels, { step, dropName: true }, nativeFraction(...bounds, histogram, report));
      },
      classic(labels, buckets, step) {
        const value = bucketFraction(lower[step] as number, upper[step] as number, buckets);
        out.put(labels, { step, dropName: true }, value);
      },
    },
  );
  return out.rows;
};

export const histogramFraction = define({
  name: "histogram_fraction",
  args: ["scalar", "scalar", "vector"],
  params: ["lower", "upper", "v"],
  doc: [
    "The estimated part of the observations of histograms between two values, from 0 to 1.",
    "Of native and of classic histograms. The part of requests that meet an objective, for instance: from 0 to the slowest that is good.",
    "NaN when there are no observations or an end is NaN; 0 when the lower end is not below the upper.",
  ],
  example: "histogram_fraction(0, 0.5, rate(request_seconds[5m]))",
  kernel: { kind: "special", run },
});
