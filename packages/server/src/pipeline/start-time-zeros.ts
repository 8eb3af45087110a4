/**
 * Writes a zero at the time a counter or histogram began, as Prometheus does with
 * `--enable-feature=created-timestamp-zero-ingestion`: without it the first increase of a new counter is not seen. Start
 * times come with protobuf scrapes, remote write 2.0 and OTLP. A zero is added when the start lies between the last
 * sample of the series that this process saw and the sample, and at most an hour before it: what is older would not be
 * taken by Prometheus either.
 */
import {
  type Batch,
  type FloatSamples,
  type SampleBatch,
  type SeriesTable,
  Temporality,
} from "@triptych/model";
import type { Stage } from "./pipeline.ts";

export interface StartTimeZeros {
  /** Of so many series the time of the last sample is remembered; those not seen for longest are forgotten first. */
  readonly seriesMax: number;
  /** Told of zeros that were added. */
  readonly added?: ((count: number) => void) | undefined;
}

/** Half of the two hours that Prometheus' head covers. */
const OLDEST_MS = 3_600_000;

export function createStartTimeZeros({ seriesMax, added }: StartTimeZeros): Stage {
  /** Time of the last sample by hash of the series, in the order they were seen. */
  const lastMs = new Map<bigint, number>();
  const remember = (key: bigint, timeMs: number): void => {
    lastMs.delete(key);
    lastMs.set(key, timeMs);
    if (lastMs.size <= seriesMax) return;
    for (const oldest of lastMs.keys()) {
      lastMs.delete(oldest);
      break;
    }
  };
  return {
    name: "start_time_zeros",
    process(batch: Batch) {
      if (batch.signal !== "samples") return { batch };
      const changed = new Map<bigint, number | undefined>();
      const wanted = ({ series, timeMs, startMs, rows }: Starts): number[] => {
        const out: number[] = [];
        for (let row = 0; row < rows; row++) {
          const start = startMs[row] as number;
          const time = timeMs[row] as number;
          if (start === 0 || !isCumulative(batch.series, series[row] as number)) continue;
          const key = keyOf(batch.series, series[row] as number);
          const last = lastMs.get(key);
          if (!changed.has(key)) changed.set(key, last);
          if (start < time && start >= time - OLDEST_MS && (last === undefined || start > last))
            out.push(row);
          if (last === undefined || time > last) remember(key, time);
        }
        return out;
      };
      const floats = wanted(batch.samples);
      const histograms = wanted(batch.histograms);
      addFloats(batch.samples, floats);
      for (const row of histograms) addHistogram(batch, row);
      if (floats.length + histograms.length > 0) added?.(floats.length + histograms.length);
      if (changed.size === 0) return { batch };
      return {
        batch,
        undo() {
          for (const [key, before] of changed)
            if (before === undefined) lastMs.delete(key);
            else lastMs.set(key, before);
        },
      };
    },
  };
}

type Starts = Pick<FloatSamples, "rows" | "series" | "timeMs" | "startMs">;

function isCumulative(table: SeriesTable, series: number): boolean {
  return table.temporality[series] === Temporality.cumulative;
}

function keyOf({ hashLow, hashHigh }: SeriesTable, series: number): bigint {
  return (BigInt(hashHigh[series] as number) << 32n) | BigInt(hashLow[series] as number);
}

/** Puts the zeros before all other rows, so that the times of each series ascend. */
function addFloats(samples: FloatSamples, rows: readonly number[]): void {
  if (rows.length === 0) return;
  const count = rows.length;
  const old = samples.rows;
  const zeros = rows.map((row) => ({
    series: samples.series[row] as number,
    startMs: samples.startMs[row] as number,
  }));
  for (let i = 0; i < count; i++) samples.add(0, 0, 0, 0);
  // Copies of memory: a NaN keeps its bits.
  for (const column of [samples.series, samples.timeMs, samples.startMs, samples.value])
    column.copyWithin(count, 0, old);
  for (const [row, { series, startMs }] of zeros.entries()) {
    samples.series[row] = series;
    samples.timeMs[row] = startMs;
    samples.startMs[row] = startMs;
    samples.value[row] = 0;
  }
}

/** At the end: the store sorts histograms by time. */
function addHistogram({ histograms }: SampleBatch, row: number): void {
  const startMs = histograms.startMs[row] as number;
  const at = histograms.addRow(histograms.series[row] as number, startMs, startMs);
  histograms.schema[at] = histograms.schema[row] as number;
  histograms.zeroThreshold[at] = histograms.zeroThreshold[row] as number;
  histograms.resetHint[at] = RESET;
  const { offsets, values } = histograms.customValues;
  for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++)
    histograms.customValues.push(values[i] as number);
  histograms.endRow();
}

const RESET = 1;
