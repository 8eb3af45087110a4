/** `sum_over_time`. */
import { HistogramSum } from "../histogram-sum.ts";
import { isInfinite, type KahanSum, kahanAdd } from "../kahan.ts";
import type { RangeWindow } from "../window.ts";
import { combineHistograms, isOneKind } from "./shared/one-kind.ts";
import { define, type RangeKernel } from "./spec.ts";

const cell: KahanSum = { sum: 0, compensation: 0 };

function sumFloats(w: RangeWindow): number {
  const { value } = w.series;
  cell.sum = 0;
  cell.compensation = 0;
  for (let i = w.from; i < w.to; i++) kahanAdd(cell, value[i] as number);
  return isInfinite(cell.sum) ? cell.sum : cell.sum + cell.compensation;
}

const sumOfRange: RangeKernel = (w) => {
  if (!isOneKind(w)) return undefined;
  return w.to > w.from ? sumFloats(w) : combineHistograms(w, new HistogramSum());
};

export const sumOverTime = define({
  name: "sum_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "The sum of the samples of the range.",
    "Nothing, with a warning, for series that have floats and native histograms in the range.",
    "Of native histograms the sum of each bucket.",
  ],
  example: "sum_over_time(temperature_celsius[5m])",
  kernel: { kind: "range", run: sumOfRange },
});
