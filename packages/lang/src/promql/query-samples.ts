/**
 * How many samples a query evaluates, as Prometheus counts them: at each step those that the selector sees there, so
 * that a sample counts as often as windows hold it. What was read from the store is another number.
 */
import type { EvaluatedSamples } from "./evaluation.ts";
import type { Histogram } from "./histogram.ts";
import { FLOAT, HISTOGRAM, type Row } from "./rows.ts";
import type { LiveSeries } from "./window.ts";

/** Bytes of a histogram's fixed fields, of a run of buckets, and of a number, as Prometheus counts them. */
const FIXED_BYTES = 168;
const RUN_BYTES = 8;
const NUMBER_BYTES = 8;
/** A sample is a time and a value. */
const SAMPLE_BYTES = 16;

/** A histogram counts as many samples as would take its memory. */
export function samplesOfHistogram({ positive, negative, customValues }: Histogram): number {
  let bytes = FIXED_BYTES + customValues.length * NUMBER_BYTES;
  for (const { index } of [positive, negative])
    bytes += runsOf(index) * RUN_BYTES + index.length * NUMBER_BYTES;
  return Math.trunc((bytes + NUMBER_BYTES) / SAMPLE_BYTES);
}

function runsOf(index: Int32Array): number {
  let runs = 0;
  for (let at = 0; at < index.length; at++)
    if (at === 0 || index[at] !== (index[at - 1] as number) + 1) runs++;
  return runs;
}

/** Of an instant selector: one at each step that has a value. */
export function samplesOfRow({ kind, histograms }: Row): number {
  let count = 0;
  for (let step = 0; step < kind.length; step++) {
    const histogram = kind[step] === HISTOGRAM ? histograms?.[step] : undefined;
    if (kind[step] === FLOAT) count++;
    else if (histogram !== undefined) count += samplesOfHistogram(histogram);
  }
  return count;
}

/** Of ranges over a series: all that lie in the window of each step, and the most in one window. */
export function samplesOfWindows(
  { timeMs, histogramTimeMs, histograms }: LiveSeries,
  windows: {
    readonly steps: number;
    readonly rangeMs: number;
    /** The end of the first window. */
    readonly endMs: number;
    readonly stepMs: number;
  },
): { total: number; most: number } {
  const { steps, rangeMs, stepMs } = windows;
  const sizes = histograms.map(samplesOfHistogram);
  let [total, most] = [0, 0];
  let [first, to, firstHistogram, toHistogram, inHistograms] = [0, 0, 0, 0, 0];
  for (let step = 0, end = windows.endMs; step < steps; step++, end += stepMs) {
    const after = end - rangeMs;
    while (to < timeMs.length && (timeMs[to] as number) <= end) to++;
    while (first < to && (timeMs[first] as number) <= after) first++;
    while (toHistogram < sizes.length && (histogramTimeMs[toHistogram] as number) <= end)
      inHistograms += sizes[toHistogram++] as number;
    while (firstHistogram < toHistogram && (histogramTimeMs[firstHistogram] as number) <= after)
      inHistograms -= sizes[firstHistogram++] as number;
    const here = to - first + inHistograms;
    total += here;
    most = Math.max(most, here);
  }
  return { total, most };
}

/** The rows of a node stay when what it was made of is gone. */
export function holdRows(evaluated: EvaluatedSamples, before: number, rows: readonly Row[]): void {
  const made = rows.reduce((sum, row) => sum + samplesOfRow(row), 0);
  evaluated.peak = Math.max(evaluated.peak, evaluated.held, before + made);
  evaluated.held = before + made;
}

/** A range that is the answer itself. */
export function seeRange(evaluated: EvaluatedSamples, { timeMs, histograms }: LiveSeries): void {
  const here = histograms.reduce((sum, one) => sum + samplesOfHistogram(one), timeMs.length);
  evaluated.total += here;
  evaluated.held += here;
  evaluated.peak = Math.max(evaluated.peak, evaluated.held);
}
