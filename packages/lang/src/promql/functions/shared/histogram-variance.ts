/** The variance of the observations of a native histogram, as far as its buckets tell. */
import { allBuckets, type Histogram, isCustom } from "../../histogram.ts";
import { type KahanSum, kahanAdd } from "../../kahan.ts";

/** The mean squared distance from the mean, each bucket standing at its middle. */
export function histogramVariance(h: Histogram): number {
  const mean = h.sum / h.count;
  const custom = isCustom(h);
  const total: KahanSum = { sum: 0, compensation: 0 };
  for (const { lower, upper, count } of allBuckets(h)) {
    if (count === 0) continue;
    let middle = 0;
    if (custom) {
      middle = (upper + lower) / 2;
    } else if (!(lower <= 0 && upper >= 0)) {
      middle = Math.sqrt(upper * lower);
      if (upper < 0) middle = -middle;
    }
    const delta = middle - mean;
    kahanAdd(total, count * delta * delta);
  }
  return (total.sum + total.compensation) / h.count;
}
