/** Quantiles of bucketed observations, as Prometheus' `histogram_quantile` computes them. */

export interface Bucket {
  readonly upper: number;
  /** Observations up to `upper`, all lower buckets included. */
  count: number;
}

/** Of classic buckets, ascending by `upper`. NaN without observations or without a bucket for all of them. */
export function bucketQuantile(q: number, buckets: readonly Bucket[]): number {
  const last = buckets.at(-1);
  if (last === undefined || last.upper !== Number.POSITIVE_INFINITY || buckets.length < 2)
    return Number.NaN;
  // Scrapes and rates may leave a later bucket a little smaller.
  let most = 0;
  const counts = buckets.map(({ count }) => {
    most = Math.max(most, count);
    return most;
  });
  if (most === 0) return Number.NaN;
  const rank = q * most;
  const at = counts.findIndex((count, i) => count >= rank || i === buckets.length - 1);
  const upper = (buckets[at] as Bucket).upper;
  if (at === buckets.length - 1) return (buckets[at - 1] as Bucket).upper;
  if (at === 0 && upper <= 0) return upper;
  const lower = at === 0 ? 0 : (buckets[at - 1] as Bucket).upper;
  const below = at === 0 ? 0 : (counts[at - 1] as number);
  const inside = (counts[at] as number) - below;
  return inside === 0 ? upper : lower + (upper - lower) * ((rank - below) / inside);
}

/** A bucket with its own count; bounds may be infinite. */
export interface Range {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Exponential buckets grow evenly in their logarithm. */
  readonly exponential: boolean;
}

/** Of buckets that do not overlap, ascending. NaN without observations. */
export function rangeQuantile(q: number, ranges: readonly Range[]): number {
  const total = ranges.reduce((sum, range) => sum + range.count, 0);
  if (!(total > 0)) return Number.NaN;
  let rank = q * total;
  for (const range of ranges) {
    if (range.count <= 0) continue;
    if (rank > range.count) {
      rank -= range.count;
      continue;
    }
    return within(range, rank / range.count);
  }
  return ranges.at(-1)?.upper ?? Number.NaN;
}

function within({ lower, upper, exponential }: Range, share: number): number {
  if (upper === Number.POSITIVE_INFINITY) return lower;
  if (lower === Number.NEGATIVE_INFINITY) return upper;
  if (!exponential) return lower + (upper - lower) * share;
  if (lower > 0) return lower * (upper / lower) ** share;
  return -(-upper * (lower / upper) ** (1 - share));
}
