/** Quantiles and fractions of observations, of native histograms and of classic buckets. */
import { exp2, log2 } from "./go-math.ts";
import { type Annotate, forMetric } from "./annotations.ts";
import { allBuckets, type Bucket, type Histogram, isCustom } from "./histogram.ts";
import type { Span } from "../source.ts";

/** Which part of a bucket's observations is below `value`, which lies in it. */
export function fractionBelow({ lower, upper }: Bucket, value: number, linear: boolean): number {
  if (linear) return (value - lower) / (upper - lower);
  const logLower = log2(Math.abs(lower));
  const logUpper = log2(Math.abs(upper));
  const logValue = log2(Math.abs(value));
  if (value > 0) return (logValue - logLower) / (logUpper - logLower);
  return 1 - (logValue - logUpper) / (logLower - logUpper);
}

export interface Reporting {
  readonly annotate: Annotate;
  readonly metric: string;
  readonly span: Span;
}

export function histogramQuantile(q: number, h: Histogram, report: Reporting): number {
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  if (h.count === 0 || Number.isNaN(q)) return Number.NaN;
  const sumIsNaN = Number.isNaN(h.sum);
  const forward = sumIsNaN || q < 0.5;
  const buckets = forward ? allBuckets(h) : allBuckets(h).reverse();
  let rank = forward ? q * h.count : (1 - q) * h.count;
  let count = 0;
  let bucket: Bucket = { lower: 0, upper: 0, count: 0 };
  let at = 0;
  for (; at < buckets.length; at++) {
    const candidate = buckets[at] as Bucket;
    bucket = candidate;
    if (candidate.count === 0) continue;
    count += candidate.count;
    if (count >= rank) break;
  }
  const custom = isCustom(h);
  let { lower, upper } = bucket;
  if (!custom && lower < 0 && upper > 0) {
    const sides = zeroSides(h);
    if (sides === "positive") lower = 0;
    else if (sides === "negative") upper = 0;
  } else if (custom) {
    if (lower === Number.NEGATIVE_INFINITY) {
      if (upper <= 0) return upper;
      lower = 0;
    } else if (upper === Number.POSITIVE_INFINITY) {
      return lower;
    }
  }
  count = Math.min(count, h.count);
  if (count < rank) {
    if (!sumIsNaN) return upper;
    report.annotate.info(
      forMetric("input to histogram_quantile has NaN observations, result is NaN", report.metric),
      report.span,
    );
    return Number.NaN;
  }
  rank = forward ? rank - (count - bucket.count) : count - rank;
  const inBucket = bucket.count;
  if (sumIsNaN) {
    for (at++; at < buckets.length; at++) count += (buckets[at] as Bucket).count;
    if (count < h.count)
      report.annotate.info(
        forMetric(
          "input to histogram_quantile has NaN observations, result is skewed higher",
          report.metric,
        ),
        report.span,
      );
  }
  const fraction = rank / inBucket;
  if (custom || (lower <= 0 && upper >= 0)) return lower + (upper - lower) * fraction;
  const logLower = log2(Math.abs(lower));
  const logUpper = log2(Math.abs(upper));
  if (lower > 0) return exp2(logLower + (logUpper - logLower) * fraction);
  return -exp2(logUpper + (logLower - logUpper) * (1 - fraction));
}

/** Which sides of zero have buckets. */
function zeroSides(h: Histogram): "positive" | "negative" | "both" {
  const positive = h.positive.index.length > 0;
  const negative = h.negative.index.length > 0;
  if (positive && !negative) return "positive";
  return negative && !positive ? "negative" : "both";
}

export function histogramFraction(
  lower: number,
  upper: number,
  h: Histogram,
  report: Reporting,
): number {
  if (h.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const custom = isCustom(h);
  const ranks = new Ranks(lower, upper);
  let total = 0;
  for (const bucket of allBuckets(h)) {
    total += bucket.count;
    if (ranks.done) continue;
    const isZero = bucket.lower <= 0 && bucket.upper >= 0;
    if (isZero) {
      const sides = zeroSides(h);
      if (sides === "positive") bucket.lower = 0;
      else if (sides === "negative") bucket.upper = 0;
    }
    const linear = custom || isZero;
    ranks.see(bucket, (value, rank) =>
      linear && bucket.lower === Number.NEGATIVE_INFINITY
        ? bucket.count
        : rank + bucket.count * fractionBelow(bucket, value, linear),
    );
  }
  let count = h.count;
  if (Number.isNaN(h.sum)) {
    count = total;
    if (total < h.count)
      report.annotate.info(
        forMetric(
          "input to histogram_fraction has NaN observations, which are excluded from all fractions",
          report.metric,
        ),
        report.span,
      );
  }
  return ranks.between(count) / h.count;
}

/** How many observations lie below two values, found while walking over the buckets. */
class Ranks {
  private rank = 0;
  private lowerRank: number | undefined;
  private upperRank: number | undefined;
  private readonly lower: number;
  private readonly upper: number;

  constructor(lower: number, upper: number) {
    this.lower = lower;
    this.upper = upper;
  }

  get done(): boolean {
    return this.lowerRank !== undefined && this.upperRank !== undefined;
  }

  see(bucket: Bucket, inside: (value: number, rank: number) => number): void {
    const { lower, upper } = this;
    if (bucket.lower >= lower) this.lowerRank ??= this.rank;
    if (bucket.lower >= upper) this.upperRank ??= this.rank;
    if (this.done) return;
    if (this.lowerRank === undefined && bucket.lower < lower && bucket.upper > lower)
      this.lowerRank = inside(lower, this.rank);
    if (this.upperRank === undefined && bucket.lower < upper && bucket.upper > upper)
      this.upperRank = inside(upper, this.rank);
    this.rank += bucket.count;
  }

  between(count: number): number {
    const cap = (rank: number | undefined): number =>
      rank === undefined || rank > count ? count : rank;
    return cap(this.upperRank) - cap(this.lowerRank);
  }
}

/** A classic bucket: how many observations are at most `upper`. */
export interface ClassicBucket {
  readonly upper: number;
  count: number;
}

export interface ForcedMonotonicity {
  readonly minBucket: number;
  readonly maxBucket: number;
  readonly maxDiff: number;
}

const SMALL_DELTA = 1e-12;

function sorted(buckets: readonly ClassicBucket[]): ClassicBucket[] {
  const out: ClassicBucket[] = [];
  for (const bucket of [...buckets].sort((a, b) =>
    a.upper < b.upper ? -1 : a.upper > b.upper ? 1 : 0,
  )) {
    const last = out.at(-1);
    if (last !== undefined && last.upper === bucket.upper) last.count += bucket.count;
    else out.push({ ...bucket });
  }
  return out;
}

/** The quantile by linear interpolation; also what had to be changed so that counts do not fall. */
export function bucketQuantile(
  q: number,
  given: readonly ClassicBucket[],
): { value: number; forced: ForcedMonotonicity | undefined } {
  const nothing = (value: number) => ({ value, forced: undefined });
  if (Number.isNaN(q)) return nothing(Number.NaN);
  if (q < 0) return nothing(Number.NEGATIVE_INFINITY);
  if (q > 1) return nothing(Number.POSITIVE_INFINITY);
  const buckets = sorted(given);
  const last = buckets.at(-1);
  if (last?.upper !== Number.POSITIVE_INFINITY) return nothing(Number.NaN);
  const forced = makeMonotonic(buckets);
  const observations = last.count;
  if (buckets.length < 2 || observations === 0) return { value: Number.NaN, forced };
  let rank = q * observations;
  let at = 0;
  while (at < buckets.length - 1 && !((buckets[at] as ClassicBucket).count >= rank)) at++;
  if (at === buckets.length - 1)
    return { value: (buckets[buckets.length - 2] as ClassicBucket).upper, forced };
  const { upper, count } = buckets[at] as ClassicBucket;
  if (at === 0 && upper <= 0) return { value: upper, forced };
  const before = buckets[at - 1];
  const lower = before?.upper ?? 0;
  rank -= before?.count ?? 0;
  return { value: lower + (upper - lower) * (rank / (count - (before?.count ?? 0))), forced };
}

function makeMonotonic(buckets: ClassicBucket[]): ForcedMonotonicity | undefined {
  let previous = buckets[0]?.count ?? 0;
  let forced: ForcedMonotonicity | undefined;
  for (const bucket of buckets.slice(1)) {
    const { count, upper } = bucket;
    if (count === previous) continue;
    if (almostEqual(previous, count, SMALL_DELTA)) {
      bucket.count = previous;
    } else if (count < previous) {
      bucket.count = previous;
      forced = {
        minBucket: Math.min(forced?.minBucket ?? Number.POSITIVE_INFINITY, upper),
        maxBucket: Math.max(forced?.maxBucket ?? Number.NEGATIVE_INFINITY, upper),
        maxDiff: Math.max(forced?.maxDiff ?? 0, previous - count),
      };
    } else {
      previous = count;
    }
  }
  return forced;
}

const SMALLEST_NORMAL = 2.2250738585072014e-308;

/** Equal up to a relative error. */
export function almostEqual(a: number, b: number, tolerance: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true;
  if (a === b) return true;
  const sum = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0 || sum < SMALLEST_NORMAL) return difference < tolerance * SMALLEST_NORMAL;
  return difference / Math.min(sum, Number.MAX_VALUE) < tolerance;
}

export function bucketFraction(
  lower: number,
  upper: number,
  given: readonly ClassicBucket[],
): number {
  const buckets = sorted(given);
  const last = buckets.at(-1);
  if (last?.upper !== Number.POSITIVE_INFINITY) return Number.NaN;
  if (last.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const ranks = new Ranks(lower, upper);
  let from = (buckets[0] as ClassicBucket).upper <= 0 ? Number.NEGATIVE_INFINITY : 0;
  let before = 0;
  for (const bucket of buckets) {
    const start = from;
    const shown = { lower: start, upper: bucket.upper, count: bucket.count - before };
    if (!ranks.done)
      ranks.see(shown, (value, rank) =>
        start === Number.NEGATIVE_INFINITY
          ? bucket.count
          : rank + ((bucket.count - rank) * (value - start)) / (bucket.upper - start),
      );
    from = bucket.upper;
    before = bucket.count;
  }
  return ranks.between(last.count) / last.count;
}
