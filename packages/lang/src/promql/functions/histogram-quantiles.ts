/** `histogram_quantiles`. */
import type { PromqlExpr } from "../ast.ts";
import { formatG } from "../go-format.ts";
import { type Labels, withLabel } from "../labels.ts";
import { RowSet } from "../rows.ts";
import { inputsOf, visit } from "./shared/histogram-inputs.ts";
import { quantileVisitor, warnQuantiles } from "./shared/histogram-quantiles.ts";
import { define, type SpecialRun } from "./spec.ts";

/** As OpenMetrics writes numbers: whole ones with a fraction. */
function openMetricsFloat(value: number): string {
  const text = formatG(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

const run: SpecialRun = async (evaluation, call, grid) => {
  const arg = call.args[0] as PromqlExpr;
  const nameArg = call.args[1] as PromqlExpr;
  const name = nameArg.kind === "string" ? nameArg.value : "";
  const rows = await evaluation.evaluate(arg, grid);
  const inputs = inputsOf(rows, evaluation, arg);
  const out = new RowSet(grid.count);
  const told = new Set<string>();
  for (const quantileArg of call.args.slice(2)) {
    const q = await evaluation.scalar(quantileArg, grid);
    warnQuantiles(evaluation, q, quantileArg);
    const label = (labels: Labels, value: number): Labels =>
      withLabel(labels, name, openMetricsFloat(value));
    const visitor = quantileVisitor(evaluation, out, { q, arg, grid, label, told });
    await visit(inputs, { evaluation, grid, arg }, visitor);
  }
  return out.rows;
};

export const histogramQuantiles = define({
  name: "histogram_quantiles",
  args: ["vector", "string", "scalar", "scalar"],
  params: ["v", "label", "q", "q"],
  variadic: 9,
  experimental: true,
  doc: [
    "Several estimated quantiles of the observations of histograms, in their unit.",
    "Each is a series of its own; the given label tells which one. Up to ten of them.",
    "Of native and of classic histograms. Within a bucket observations are taken to be spread evenly, in native ones evenly over their logarithms. NaN when there are none; -Inf below 0 and +Inf above 1, with a warning.",
  ],
  example: 'histogram_quantiles(rate(request_seconds[5m]), "quantile", 0.5, 0.9)',
  kernel: { kind: "special", run },
});
