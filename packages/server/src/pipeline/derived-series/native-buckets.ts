/** A native histogram that grows while values come: exponential buckets, coarser when they become too many. */

export interface NativeBuckets {
  schema: number;
  zeroCount: number;
  /** Bucket index to count, for values above zero. */
  readonly counts: Map<number, number>;
}

/** About 9% between bounds, as Tempo's generator and client libraries with a factor of 1.1 have. */
const SCHEMA_FIRST = 3;
const SCHEMA_MIN = -4;
/** What client libraries take, too; beyond it neighbours are merged. */
const BUCKETS_MAX = 160;
/** Prometheus' default: what is smaller counts as zero. */
export const ZERO_THRESHOLD = 2 ** -128;

export const newNativeBuckets = (): NativeBuckets => ({
  schema: SCHEMA_FIRST,
  zeroCount: 0,
  counts: new Map(),
});

/** Values below zero count as zero: what is measured here are durations and sizes. */
export function observeNative(buckets: NativeBuckets, value: number, weight: number): void {
  if (!(value > ZERO_THRESHOLD)) {
    buckets.zeroCount += weight;
    return;
  }
  const index = Math.ceil(Math.log2(value) * 2 ** buckets.schema);
  const known = buckets.counts.get(index);
  buckets.counts.set(index, (known ?? 0) + weight);
  while (buckets.counts.size > BUCKETS_MAX && buckets.schema > SCHEMA_MIN) coarsen(buckets);
}

function coarsen(buckets: NativeBuckets): void {
  const before = [...buckets.counts];
  buckets.counts.clear();
  buckets.schema--;
  for (const [index, count] of before) {
    const wide = Math.ceil(index / 2);
    buckets.counts.set(wide, (buckets.counts.get(wide) ?? 0) + count);
  }
}
