/**
 * Series that this process computes itself: counters and histograms by label set, kept in memory as columns and handed
 * on again and again as cumulative samples. Bounded: label sets beyond the bound share one overflow set. A set that
 * nobody counted for a while ends with staleness markers. After a restart everything begins again from zero.
 */
import { createEmitter, type Emission } from "./emit.ts";
import { newNativeBuckets, observeNative } from "./native-buckets.ts";
import { type DerivedShape, type LabelPairs, OVERFLOW_LABELS } from "./shape.ts";
import { clearSet, FIRST_CAPACITY, growState, newDerivedState } from "./state.ts";

export interface DerivedOptions {
  readonly shape: DerivedShape;
  /** Label sets kept; each has all counters and histograms of the shape. */
  readonly setsMax: number;
  /** A set that was not counted for so long is removed. */
  readonly staleMs: number;
  /** Labels of every series. */
  readonly constantLabels: LabelPairs;
  /** Exemplars kept between two emissions. */
  readonly exemplarsMax: number;
}

/** Where the exemplar's ids are: row `row` of columns with 16 and 8 bytes each. */
export interface ExemplarSource {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly row: number;
}

export interface DerivedSeries {
  /** Label sets now, the overflow set included. */
  readonly sets: number;
  /** Times that a new label set found no room. */
  readonly overflowed: number;
  /** Goes up whenever sets were removed: numbers of sets from before mean nothing any more. */
  readonly generation: number;
  /** The number of the set with these labels; of the overflow set when there is no room. Labels without value are left out. */
  set(labels: LabelPairs): number;
  /** Whether a number is that of the overflow set. */
  isOverflow(set: number): boolean;
  add(set: number, counter: number, value: number, nowMs: number): void;
  /** Keeps a set that has nothing to count. */
  see(set: number, nowMs: number): void;
  observe(set: number, histogram: number, value: number, weight: number): void;
  /** The same with an exemplar, of which the first in a bucket is kept until the next emission. */
  observeFrom(
    set: number,
    histogram: number,
    value: number,
    weight: number,
    source: ExemplarSource,
    timeMs: number,
  ): void;
  /** Begins an emission: removes what is stale and gives batches with everything else. */
  emit(nowMs: number): Emission;
}

export function createDerivedSeries(options: DerivedOptions, startedMs: number): DerivedSeries {
  const { shape, setsMax, staleMs, exemplarsMax } = options;
  const state = newDerivedState(options, startedMs);
  const index = new Map<string, number>();
  const free: number[] = [];
  const emitter = createEmitter(state);
  let overflow = -1;
  let overflowed = 0;
  let generation = 0;
  let capacity = FIRST_CAPACITY;

  const place = (labels: LabelPairs): number => {
    const at = free.pop() ?? state.labels.length;
    if (at >= capacity) {
      capacity *= 2;
      growState(state, capacity);
    }
    state.labels[at] = labels;
    state.createdMs[at] = Number.NaN;
    state.lastSeenMs[at] = Number.POSITIVE_INFINITY;
    return at;
  };
  const overflowSet = (): number => {
    overflowed++;
    if (overflow < 0) overflow = place(OVERFLOW_LABELS);
    return overflow;
  };
  const remove = (at: number): void => {
    const labels = state.labels[at];
    if (labels !== undefined) index.delete(keyOf(labels));
    if (at === overflow) overflow = -1;
    clearSet(state, at);
    free.push(at);
    generation++;
  };
  const see = (set: number, nowMs: number): void => {
    state.lastSeenMs[set] = nowMs;
    // It began after the last emission, whose own time belongs to the markers of removed sets.
    if (Number.isNaN(state.createdMs[set])) state.createdMs[set] = state.lastEmitMs + 1;
  };
  const observe = (set: number, histogram: number, value: number, weight: number): number => {
    const { bounds, form } = shape.histograms[histogram] as DerivedShape["histograms"][number];
    const at = set * shape.histograms.length + histogram;
    state.sums[at] = (state.sums[at] as number) + value * weight;
    state.counts[at] = (state.counts[at] as number) + weight;
    const bucket = bucketOf(bounds, value);
    const slot = set * state.bucketCount + (state.bucketStart[histogram] as number) + bucket;
    state.buckets[slot] = (state.buckets[slot] as number) + weight;
    if (form !== "classic") {
      state.native[at] ??= newNativeBuckets();
      observeNative(state.native[at], value, weight);
    }
    return slot;
  };

  return {
    get sets() {
      return index.size + (overflow < 0 ? 0 : 1);
    },
    get overflowed() {
      return overflowed;
    },
    get generation() {
      return generation;
    },
    set(pairs) {
      const labels = pairs.filter(([, value]) => value !== "");
      const key = keyOf(labels);
      const known = index.get(key);
      if (known !== undefined) return known;
      if (index.size >= setsMax) return overflowSet();
      const at = place(labels);
      index.set(key, at);
      return at;
    },
    isOverflow: (set) => set === overflow,
    add(set, counter, value, nowMs) {
      const at = set * shape.counters.length + counter;
      state.counters[at] = (state.counters[at] as number) + value;
      see(set, nowMs);
    },
    see,
    observe,
    observeFrom(set, histogram, value, weight, { traceId, spanId, row }, timeMs) {
      const slot = observe(set, histogram, value, weight);
      const { exemplars } = state;
      if (exemplars.size >= exemplarsMax || exemplars.has(slot)) return;
      exemplars.set(slot, {
        value,
        timeMs,
        traceId: traceId.slice(row * 16, row * 16 + 16),
        spanId: spanId.slice(row * 8, row * 8 + 8),
      });
    },
    emit(nowMs) {
      const isStale = (set: number): boolean => nowMs - (state.lastSeenMs[set] as number) > staleMs;
      return emitter(nowMs, { isStale, remove });
    },
  };
}

/** Length-prefixed, so that no value can pass for a part of another. */
function keyOf(labels: LabelPairs): string {
  let key = "";
  for (const [name, value] of labels) key += `${name.length}:${name}${value.length}:${value}`;
  return key;
}

/** The first bucket whose bound is not below the value. */
function bucketOf(bounds: readonly number[], value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= (bounds[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}
