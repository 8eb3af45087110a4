/** The variance of the floats of a range, in one pass. */
import { type KahanSum, kahanAdd } from "../../kahan.ts";
import type { RangeWindow } from "../../window.ts";

export function variance(w: RangeWindow): number {
  const { value } = w.series;
  const mean: KahanSum = { sum: 0, compensation: 0 };
  const squares: KahanSum = { sum: 0, compensation: 0 };
  let count = 0;
  for (let i = w.from; i < w.to; i++) {
    const v = value[i] as number;
    count++;
    const delta = v - (mean.sum + mean.compensation);
    kahanAdd(mean, delta / count);
    kahanAdd(squares, delta * (v - (mean.sum + mean.compensation)));
  }
  return (squares.sum + squares.compensation) / count;
}
