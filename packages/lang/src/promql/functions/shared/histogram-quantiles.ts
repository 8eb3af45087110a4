/** Quantiles of histograms, for one or for several at once. */
import { messages } from "../../annotations.ts";
import type { PromqlExpr } from "../../ast.ts";
import type { Evaluation } from "../../evaluation.ts";
import { bucketQuantile, histogramQuantile } from "../../histogram-quantile.ts";
import { type Labels, metricName } from "../../labels.ts";
import type { RowSet } from "../../rows.ts";
import type { Grid } from "../../series.ts";
import type { Visitor } from "./histogram-inputs.ts";

export function warnQuantiles(evaluation: Evaluation, values: Float64Array, arg: PromqlExpr): void {
  for (const q of values)
    if (!(q >= 0 && q <= 1)) evaluation.annotations.warning(messages.quantile(q), arg.span);
}

/** Writes the quantiles that `q` gives for each step. */
export function quantileVisitor(
  evaluation: Evaluation,
  out: RowSet,
  how: {
    readonly q: Float64Array;
    readonly arg: PromqlExpr;
    readonly grid: Grid;
    readonly label: (labels: Labels, q: number) => Labels;
    /** Classic histograms whose counts were found to fall, for several quantiles of them: told with the first. */
    readonly told?: Set<string> | undefined;
  },
): Visitor {
  const { q, arg, grid, label, told } = how;
  const { annotations } = evaluation;
  return {
    native(labels, histogram, step) {
      const report = { annotate: annotations, metric: metricName(labels), span: arg.span };
      const wanted = q[step] as number;
      const value = histogramQuantile(wanted, histogram, report);
      out.put(label(labels, wanted), { step, dropName: true }, value);
    },
    classic(labels, buckets, step) {
      const wanted = q[step] as number;
      const { value, forced } = bucketQuantile(wanted, buckets);
      const timeMs = grid.startMs + step * grid.stepMs;
      const of = `${step} ${labels.key}`;
      if (forced !== undefined && told?.has(of) !== true) {
        told?.add(of);
        annotations.forced(messages.nonMonotonic(metricName(labels)), arg.span, {
          ...forced,
          timeMs,
        });
      }
      out.put(label(labels, wanted), { step, dropName: true }, value);
    },
  };
}
