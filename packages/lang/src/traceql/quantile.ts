/** Quantiles of histograms whose bounds are powers of two. */

export interface PowerBucket {
  /** Upper bound. */
  readonly max: number;
  readonly count: number;
}

/** Exponential interpolation within the bucket that holds the quantile. `buckets` ascend; empty ones do not matter. */
export function log2Quantile(q: number, buckets: readonly PowerBucket[]): number {
  const filled = buckets.filter(({ count }) => count > 0);
  const total = filled.reduce((sum, { count }) => sum + count, 0);
  if (total === 0 || !(q >= 0 && q <= 1)) return 0;
  // At least one span is looked at, and parts of spans count as whole ones.
  const wanted = Math.max(1, Math.ceil(q * total));
  let before = 0;
  for (const [i, { max, count }] of filled.entries()) {
    if (before + count < wanted) {
      before += count;
      continue;
    }
    if (before + count === wanted) return max;
    const high = Math.log2(max);
    const low = i > 0 ? Math.log2(filled[i - 1]?.max ?? max / 2) : high - 1;
    return 2 ** (low + ((high - low) * (wanted - before)) / count);
  }
  return filled.at(-1)?.max ?? 0;
}
