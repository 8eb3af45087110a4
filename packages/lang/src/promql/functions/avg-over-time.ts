/** `avg_over_time`. */
import { HistogramMean } from "../histogram-sum.ts";
import { isInfinite, type KahanSum, kahanAdd } from "../kahan.ts";
import type { RangeWindow } from "../window.ts";
import { combineHistograms, isOneKind } from "./shared/one-kind.ts";
import { define, type RangeKernel } from "./spec.ts";

const cell: KahanSum = { sum: 0, compensation: 0 };

/** The mean of the sum, or from where that would overflow, of the means so far. */
function meanFloats(w: RangeWindow): number {
  const { value } = w.series;
  cell.sum = value[w.from] as number;
  cell.compensation = 0;
  const count = w.to - w.from;
  for (let i = w.from + 1; i < w.to; i++) {
    const { sum, compensation } = cell;
    kahanAdd(cell, value[i] as number);
    if (!isInfinite(cell.sum)) continue;
    const n = i - w.from;
    cell.sum = sum / n;
    cell.compensation = compensation / n;
    return meanOfMeans(w, i);
  }
  return cell.sum / count + cell.compensation / count;
}

function meanOfMeans(w: RangeWindow, start: number): number {
  for (let i = start; i < w.to; i++) {
    const n = i - w.from + 1;
    const share = (n - 1) / n;
    cell.sum *= share;
    cell.compensation *= share;
    kahanAdd(cell, (w.series.value[i] as number) / n);
  }
  return cell.sum + cell.compensation;
}

const meanOfRange: RangeKernel = (w) => {
  if (!isOneKind(w)) return undefined;
  return w.to > w.from ? meanFloats(w) : combineHistograms(w, new HistogramMean());
};

export const avgOverTime = define({
  name: "avg_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The mean of the samples of the range, each counting the same.",
    "Nothing, with a warning, for series that have floats and native histograms in the range.",
    "Of native histograms the mean of each bucket.",
  ],
  example: "avg_over_time(temperature_celsius[1h])",
  kernel: { kind: "range", run: meanOfRange },
});
