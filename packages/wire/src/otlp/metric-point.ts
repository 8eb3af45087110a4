/** The data point being read: one object that every point of a request goes through. */

/** More buckets in one point than any SDK makes (160 at most by default); a point beyond is refused. */
export const BUCKETS_PER_POINT_MAX = 4096;

/** More exemplars of one point than its buckets are of no use; those beyond are left out. */
export const EXEMPLARS_PER_POINT_MAX = 4096;

/** A reused list of numbers that remembers when it was given more than it keeps. */
export class NumberList {
  values = new Float64Array(32);
  length = 0;
  overflow = false;

  clear(): void {
    this.length = 0;
    this.overflow = false;
  }

  push(value: number): void {
    if (this.length === BUCKETS_PER_POINT_MAX) {
      this.overflow = true;
      return;
    }
    if (this.length === this.values.length) {
      const grown = new Float64Array(this.length * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.length++] = value;
  }
}

/** Buckets of one sign of an exponential histogram: `counts[i]` belongs to index `offset + i`. */
export class PointBuckets {
  offset = 0;
  readonly counts = new NumberList();
  clear(): void {
    this.offset = 0;
    this.counts.clear();
  }
}

export class MetricPoint {
  timeMs = 0;
  startMs = 0;
  flags = 0;
  /** Of a gauge or sum. */
  value = 0;
  hasValue = false;
  /** Of histograms and summaries. */
  count = 0;
  sum = 0;
  hasSum = false;
  readonly bounds = new NumberList();
  readonly bucketCounts = new NumberList();
  scale = 0;
  zeroCount = 0;
  zeroThreshold = 0;
  readonly positive = new PointBuckets();
  readonly negative = new PointBuckets();
  readonly quantiles = new NumberList();
  readonly quantileValues = new NumberList();

  clear(): void {
    this.timeMs = 0;
    this.startMs = 0;
    this.flags = 0;
    this.value = 0;
    this.hasValue = false;
    this.count = 0;
    this.sum = 0;
    this.hasSum = false;
    this.bounds.clear();
    this.bucketCounts.clear();
    this.scale = 0;
    this.zeroCount = 0;
    this.zeroThreshold = 0;
    this.positive.clear();
    this.negative.clear();
    this.quantiles.clear();
    this.quantileValues.clear();
  }

  get hasTooManyBuckets(): boolean {
    return (
      this.bounds.overflow ||
      this.bucketCounts.overflow ||
      this.positive.counts.overflow ||
      this.negative.counts.overflow ||
      this.quantiles.overflow
    );
  }

  /** Bit 0 of the flags: the series ended, there is no value. */
  get isStale(): boolean {
    return (this.flags & 1) === 1;
  }
}

/** Nanoseconds given as two words, in whole milliseconds: 2^32 ns are 4294 ms and 967296 ns. */
export function wordsToMs(low: number, high: number): number {
  return high * 4294 + Math.floor((high * 967_296 + low) / 1_000_000);
}
