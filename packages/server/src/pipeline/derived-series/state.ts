/** The columns of a table of derived series: what `derived-series.ts` counts into and `emit.ts` reads. */
import type { NativeBuckets } from "./native-buckets.ts";
import type { DerivedShape, LabelPairs } from "./shape.ts";

export interface Exemplar {
  readonly value: number;
  readonly timeMs: number;
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
}

/** The columns of the table; `emit.ts` reads them. */
export interface DerivedState {
  readonly shape: DerivedShape;
  readonly constantLabels: LabelPairs;
  /** Buckets of all histograms of a set: how many, and where those of each begin. */
  readonly bucketCount: number;
  readonly bucketStart: readonly number[];
  /** Per set; undefined where the place is free. */
  readonly labels: (LabelPairs | undefined)[];
  lastSeenMs: Float64Array;
  createdMs: Float64Array;
  /** Per set and instrument (counters, then histograms, then infos): 1 once its first sample was handed on. */
  announced: Uint8Array;
  counters: Float64Array;
  buckets: Float64Array;
  sums: Float64Array;
  counts: Float64Array;
  readonly native: (NativeBuckets | undefined)[];
  readonly exemplars: Map<number, Exemplar>;
  lastEmitMs: number;
}

/** Sets there is room for at first. */
export const FIRST_CAPACITY = 64;

export function newDerivedState(
  { shape, constantLabels }: { readonly shape: DerivedShape; readonly constantLabels: LabelPairs },
  startedMs: number,
): DerivedState {
  const bucketStart: number[] = [];
  let bucketCount = 0;
  for (const { bounds } of shape.histograms) {
    bucketStart.push(bucketCount);
    bucketCount += bounds.length + 1;
  }
  const state: DerivedState = {
    shape,
    constantLabels: constantLabels.filter(([, value]) => value !== ""),
    bucketCount,
    bucketStart,
    labels: [],
    lastSeenMs: new Float64Array(),
    createdMs: new Float64Array(),
    announced: new Uint8Array(),
    counters: new Float64Array(),
    buckets: new Float64Array(),
    sums: new Float64Array(),
    counts: new Float64Array(),
    native: [],
    exemplars: new Map(),
    lastEmitMs: Math.floor(startedMs),
  };
  growState(state, FIRST_CAPACITY);
  return state;
}

/** Instruments of a set: counters, then histograms, then infos. */
export function instrumentsOf({ counters, histograms, infos }: DerivedShape): number {
  return counters.length + histograms.length + (infos?.length ?? 0);
}

export function growState(state: DerivedState, capacity: number): void {
  const { shape, bucketCount } = state;
  const grown = (array: Float64Array, width: number): Float64Array => {
    const out = new Float64Array(capacity * width);
    out.set(array);
    return out;
  };
  state.lastSeenMs = grown(state.lastSeenMs, 1);
  state.createdMs = grown(state.createdMs, 1);
  state.counters = grown(state.counters, shape.counters.length);
  state.buckets = grown(state.buckets, bucketCount);
  state.sums = grown(state.sums, shape.histograms.length);
  state.counts = grown(state.counts, shape.histograms.length);
  const announced = new Uint8Array(capacity * instrumentsOf(shape));
  announced.set(state.announced);
  state.announced = announced;
}

export function clearSet(state: DerivedState, set: number): void {
  const { shape, bucketCount } = state;
  const zero = (array: Float64Array | Uint8Array, width: number): void =>
    void array.fill(0, set * width, (set + 1) * width);
  state.labels[set] = undefined;
  zero(state.lastSeenMs, 1);
  zero(state.createdMs, 1);
  zero(state.counters, shape.counters.length);
  zero(state.buckets, bucketCount);
  zero(state.sums, shape.histograms.length);
  zero(state.counts, shape.histograms.length);
  zero(state.announced, instrumentsOf(shape));
  for (let i = 0; i < shape.histograms.length; i++)
    state.native[set * shape.histograms.length + i] = undefined;
  for (let bucket = 0; bucket < bucketCount; bucket++)
    state.exemplars.delete(set * bucketCount + bucket);
}
