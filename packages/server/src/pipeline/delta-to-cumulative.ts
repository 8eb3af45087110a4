/**
 * Turns delta samples and histograms into cumulative ones, as PromQL expects counters to be. Keeps the running value
 * of each delta series in memory, bounded; a series that was forgotten or not seen before a restart begins again from
 * zero, which `rate` and its kin read as the counter reset that it is.
 */
import { type Batch, type HistogramSamples, type SampleBatch, Temporality } from "@triptych/model";
import {
  addCounts,
  type HistogramState,
  histogramState,
  writeHistogram,
} from "./histogram-state.ts";
import type { Stage } from "./pipeline.ts";

interface SeriesState {
  lastMs: number;
  value: number;
  histogram: HistogramState | undefined;
}

export interface DeltaOptions {
  /** Series remembered; the one not seen for the longest time is forgotten first. */
  readonly seriesMax: number;
  readonly discarded: (reason: string, items: number) => void;
}

export function createDeltaToCumulative(options: DeltaOptions): Stage {
  // Insertion order is order of last use: a touched entry is moved to the end.
  const states = new Map<string, SeriesState>();
  return {
    name: "delta_to_cumulative",
    process(batch) {
      if (batch.signal !== "samples" || !batch.series.hasDelta) return { batch };
      const before = new Map<string, SeriesState | undefined>();
      const touch = (key: string): SeriesState => {
        const known = states.get(key);
        if (!before.has(key)) before.set(key, known === undefined ? undefined : { ...known });
        const state = known ?? { lastMs: Number.NEGATIVE_INFINITY, value: 0, histogram: undefined };
        states.delete(key);
        states.set(key, state);
        return state;
      };
      accumulateFloats(batch, touch, options);
      accumulateHistograms(batch, touch, options);
      for (const key of states.keys()) {
        if (states.size <= options.seriesMax) break;
        states.delete(key);
      }
      return { batch: batch as Batch, undo: () => restore(states, before) };
    },
  };
}

function restore(
  states: Map<string, SeriesState>,
  before: ReadonlyMap<string, SeriesState | undefined>,
): void {
  for (const [key, state] of before) {
    if (state === undefined) states.delete(key);
    else states.set(key, state);
  }
}

const keyOf = (batch: SampleBatch, series: number): string =>
  `${batch.series.hashHigh[series]}/${batch.series.hashLow[series]}`;

type Touch = (key: string) => SeriesState;

/** Rows of one series in a batch may be in any order: oldest first is how they add up. */
function inTimeOrder(rows: number, timeMs: Float64Array): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  return order.sort((a, b) => (timeMs[a] as number) - (timeMs[b] as number));
}

function accumulateFloats(batch: SampleBatch, touch: Touch, options: DeltaOptions): void {
  const { samples } = batch;
  const words = new Uint32Array(samples.value.buffer, samples.value.byteOffset, samples.rows * 2);
  let late = 0;
  for (const row of inTimeOrder(samples.rows, samples.timeMs)) {
    const series = samples.series[row] as number;
    if (batch.series.temporality[series] !== Temporality.delta) continue;
    const state = touch(keyOf(batch, series));
    const timeMs = samples.timeMs[row] as number;
    // A staleness marker ends the series; its bits must not be added to anything.
    if (words[row * 2 + 1] === 0x7ff00000 && words[row * 2] === 2) continue;
    // Late deltas still count: they are added to the running value, which keeps the newest time.
    if (timeMs <= state.lastMs) {
      late++;
      samples.timeMs[row] = state.lastMs;
    }
    state.lastMs = Math.max(state.lastMs, timeMs);
    state.value += samples.value[row] as number;
    samples.value[row] = state.value;
  }
  if (late > 0) options.discarded("delta_out_of_order_merged", late);
}

function accumulateHistograms(batch: SampleBatch, touch: Touch, options: DeltaOptions): void {
  const source: HistogramSamples = batch.histograms;
  if (source.rows === 0) return;
  const states = new Map<number, HistogramState>();
  let late = 0;
  for (const row of inTimeOrder(source.rows, source.timeMs)) {
    const series = source.series[row] as number;
    const added = histogramState(source, row);
    if (batch.series.temporality[series] !== Temporality.delta) {
      states.set(row, added);
      continue;
    }
    const state = touch(keyOf(batch, series));
    const timeMs = source.timeMs[row] as number;
    if (timeMs <= state.lastMs) {
      late++;
      source.timeMs[row] = state.lastMs;
    }
    state.lastMs = Math.max(state.lastMs, timeMs);
    // No longer a gauge-like delta: a reader must look for resets itself.
    source.resetHint[row] = 0;
    state.histogram = state.histogram === undefined ? added : addCounts(state.histogram, added);
    states.set(row, state.histogram);
  }
  if (late > 0) options.discarded("delta_out_of_order_merged", late);
  writeHistograms(source, states);
}

/** Rewrites the ragged columns in row order: cumulative histograms have more buckets than the deltas had. */
function writeHistograms(
  target: HistogramSamples,
  states: ReadonlyMap<number, HistogramState>,
): void {
  for (const column of [
    target.positiveSpans,
    target.positiveCounts,
    target.negativeSpans,
    target.negativeCounts,
    target.customValues,
  ]) {
    column.rows = 0;
    column.used = 0;
  }
  for (let row = 0; row < target.rows; row++) {
    const state = states.get(row);
    if (state !== undefined) writeHistogram(target, row, state);
  }
}
