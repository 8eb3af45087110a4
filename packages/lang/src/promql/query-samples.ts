/**
 * How many samples a query evaluates, as Prometheus counts them: at each step those that the selector sees there, so
 * that a sample counts as often as windows hold it. What was read from the store is another number.
 */
import type { EvaluatedSamples } from "./evaluation.ts";
import type { Histogram } from "./histogram.ts";
import { FLOAT, HISTOGRAM, type Row } from "./rows.ts";
import type { Grid } from "./series.ts";
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
export function samplesOfRow(row: Row): number {
  let count = 0;
  for (let step = 0; step < row.kind.length; step++) count += samplesAt(row, step);
  return count;
}

function samplesAt({ kind, histograms }: Row, step: number): number {
  const histogram = kind[step] === HISTOGRAM ? histograms?.[step] : undefined;
  if (kind[step] === FLOAT) return 1;
  return histogram === undefined ? 0 : samplesOfHistogram(histogram);
}

/** Nothing yet. */
export const nothingSeen = (): EvaluatedSamples => {
  return { total: 0, read: 0, readAt: undefined, peak: 0, held: 0 };
};

/** Of an instant selector, each of whose samples is read at its step. */
export function seeRow(evaluated: EvaluatedSamples, row: Row): void {
  const count = samplesOfRow(row);
  evaluated.total += count;
  evaluated.read += count;
  const { readAt } = evaluated;
  if (readAt === undefined) return;
  for (let step = 0; step < readAt.length; step++)
    readAt[step] = (readAt[step] as number) + samplesAt(row, step);
}

/** Of ranges over a series: all that lie in the window of each step, the most in one window, and each one once. */
export function samplesOfWindows(
  { timeMs, histogramTimeMs, histograms }: LiveSeries,
  windows: {
    readonly steps: number;
    readonly rangeMs: number;
    /** The end of the first window. */
    readonly endMs: number;
    readonly stepMs: number;
    /** Where what is new at each step is added. */
    readonly readAt?: Float64Array | undefined;
  },
): { total: number; most: number; read: number } {
  const { steps, rangeMs, stepMs, readAt } = windows;
  const sizes = histograms.map(samplesOfHistogram);
  let [total, most, read] = [0, 0, 0];
  let [first, to, firstHistogram, toHistogram, inHistograms] = [0, 0, 0, 0, 0];
  for (let step = 0, end = windows.endMs; step < steps; step++, end += stepMs) {
    const after = end - rangeMs;
    let skipped = 0;
    const before = to;
    let fresh = 0;
    while (to < timeMs.length && (timeMs[to] as number) <= end)
      if ((timeMs[to++] as number) <= after) skipped++;
    fresh += to - before - skipped;
    while (first < to && (timeMs[first] as number) <= after) first++;
    while (toHistogram < sizes.length && (histogramTimeMs[toHistogram] as number) <= end) {
      if ((histogramTimeMs[toHistogram] as number) > after) fresh += sizes[toHistogram] as number;
      inHistograms += sizes[toHistogram++] as number;
    }
    while (firstHistogram < toHistogram && (histogramTimeMs[firstHistogram] as number) <= after)
      inHistograms -= sizes[firstHistogram++] as number;
    const here = to - first + inHistograms;
    total += here;
    read += fresh;
    if (readAt !== undefined) readAt[step] = (readAt[step] as number) + fresh;
    most = Math.max(most, here);
  }
  return { total, most, read };
}

/** What is the same at all steps is read at the first; call the returned function when it was evaluated. */
export function readAtOnce(evaluated: EvaluatedSamples): () => void {
  const { readAt, read } = evaluated;
  evaluated.readAt = undefined;
  return () => {
    if (readAt !== undefined) readAt[0] = (readAt[0] as number) + evaluated.read - read;
    evaluated.readAt = readAt;
  };
}

interface SubqueryPlace {
  readonly grid: Grid;
  readonly parent: { readonly grid: Grid; readonly time: { readonly offsetMs: number } };
  readonly rangeMs: number;
}

/**
 * Values of a subquery count where windows over it are looked at; what it read counts at the first step around it whose
 * window holds the step of the subquery, and not at all when none does. Call the returned function when it was evaluated.
 */
export function beginSubquery(
  evaluated: EvaluatedSamples,
  steps: number,
): (place: SubqueryPlace) => void {
  const { total, read, readAt } = evaluated;
  const own = new Float64Array(steps);
  evaluated.readAt = own;
  return ({ grid, parent, rangeMs }) => {
    evaluated.total = total;
    evaluated.readAt = readAt;
    const outer = parent.grid;
    if (outer.count <= 1) {
      if (readAt !== undefined) readAt[0] = (readAt[0] as number) + evaluated.read - read;
      return;
    }
    evaluated.read = read;
    for (let step = 0; step < steps; step++) {
      const at = grid.startMs + step * grid.stepMs + parent.time.offsetMs;
      const next = Math.max(0, Math.ceil((at - outer.startMs) / outer.stepMs));
      const place = Math.min(next, outer.count - 1);
      if (at <= outer.startMs + place * outer.stepMs - rangeMs) continue;
      evaluated.read += own[step] as number;
      if (readAt !== undefined) readAt[place] = (readAt[place] as number) + (own[step] as number);
    }
  };
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
  evaluated.read += here;
  evaluated.held += here;
  evaluated.peak = Math.max(evaluated.peak, evaluated.held);
}
