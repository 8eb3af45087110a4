/** A straight line through the floats of a range, by least squares. */
import { type KahanSum, kahanAdd } from "../../kahan.ts";
import type { RangeWindow } from "../../window.ts";
import { noteIgnored } from "./floats-of-range.ts";

/** A line through the floats of the window; `originMs` is where its intercept is told. */
export function regression(w: RangeWindow, originMs: number): { slope: number; intercept: number } {
  const { timeMs, value } = w.series;
  const sum = (): KahanSum => ({ sum: 0, compensation: 0 });
  const x = sum();
  const y = sum();
  const xy = sum();
  const x2 = sum();
  const first = value[w.from] as number;
  let constant = true;
  for (let i = w.from; i < w.to; i++) {
    const v = value[i] as number;
    if (i > w.from && v !== first) constant = false;
    const t = ((timeMs[i] as number) - originMs) / 1000;
    kahanAdd(x, t);
    kahanAdd(y, v);
    kahanAdd(xy, t * v);
    kahanAdd(x2, t * t);
  }
  if (constant) {
    const finite = Math.abs(first) !== Number.POSITIVE_INFINITY;
    return finite ? { slope: 0, intercept: first } : { slope: Number.NaN, intercept: Number.NaN };
  }
  const n = w.to - w.from;
  const total = ({ sum, compensation }: KahanSum): number => sum + compensation;
  const sumX = total(x);
  const covariance = total(xy) - (sumX * total(y)) / n;
  const variance = total(x2) - (sumX * sumX) / n;
  const slope = covariance / variance;
  return { slope, intercept: total(y) / n - (slope * sumX) / n };
}

/** Two floats are needed; a single one beside histograms is noted. */
export function hasTrend(w: RangeWindow): boolean {
  if (w.to > w.from) noteIgnored(w);
  return w.to - w.from >= 2;
}
