/** Vector selectors over all steps, and the windows that ranges cover. */
import { type Annotations, messages } from "./annotations.ts";
import type { SelectorTime } from "./evaluation.ts";
import { type FloatSamples, type Grid, gridEnd, type SampleScratch } from "./series.ts";
import { interpolateHistograms } from "./interpolate.ts";
import { metricName } from "./labels.ts";
import { isStaleHistogram, type LoadedSeries, staleTest } from "./load.ts";
import { type Histogram, isCustom } from "./histogram.ts";
import { FLOAT, isEmpty, newRow, putValue, type Row } from "./rows.ts";
import type { Span } from "../source.ts";
import type { LiveSeries } from "./window.ts";

/** Where step `i` looks. */
export function lookAt(grid: Grid, step: number, { offsetMs, atMs }: SelectorTime): number {
  return (atMs ?? grid.startMs + step * grid.stepMs) - offsetMs;
}

/** The samples a selector needs: later than `afterMs`, up to `toMs`. */
export function neededRange(
  grid: Grid,
  time: SelectorTime,
  { backMs, aheadMs }: { readonly backMs: number; readonly aheadMs: number },
): { afterMs: number; toMs: number } {
  const first = (time.atMs ?? grid.startMs) - time.offsetMs;
  const last = (time.atMs ?? gridEnd(grid)) - time.offsetMs;
  return { afterMs: first - backMs, toMs: last + aheadMs };
}

export type SampleField = "value" | "time" | "start";

/** Which value, or which time of the value, each step sees. */
export function instantRow(
  series: LoadedSeries,
  grid: Grid,
  options: {
    readonly time: SelectorTime;
    readonly lookbackMs: number;
    readonly field: SampleField;
    readonly scratch?: SampleScratch | undefined;
    /** Where the row comes from. */
    readonly rowOf?: typeof newRow | undefined;
  },
): Row | undefined {
  const { histograms } = series.source;
  const floats = series.source.floats(options.scratch);
  const { timeMs, value, startMs } = floats;
  const { time, lookbackMs, field } = options;
  if (histograms.length === 0 && field === "value") {
    const row = (options.rowOf ?? newRow)(series.labels, false, grid.count);
    return putFloats(row, floats, { grid, time, lookbackMs }) ? row : undefined;
  }
  let stale: ((row: number) => boolean) | undefined;
  const isStale = (row: number): boolean => {
    const v = value[row] as number;
    // Only what is no number may be a marker.
    if (!Number.isNaN(v)) return false;
    stale ??= staleTest(value);
    return stale(row);
  };
  const row = (options.rowOf ?? newRow)(series.labels, field !== "value", grid.count);
  let next = 0;
  let nextHistogram = 0;
  let any = false;
  for (let step = 0; step < grid.count; step++) {
    const at = lookAt(grid, step, time);
    while (next < timeMs.length && (timeMs[next] as number) <= at) next++;
    while (
      nextHistogram < histograms.length &&
      (histograms[nextHistogram]?.timeMs ?? Number.POSITIVE_INFINITY) <= at
    )
      nextHistogram++;
    const floatMs = next > 0 ? (timeMs[next - 1] as number) : Number.NEGATIVE_INFINITY;
    const point = histograms[nextHistogram - 1];
    if (point !== undefined && point.timeMs > floatMs) {
      if (point.timeMs <= at - lookbackMs || isStaleHistogram(point.histogram)) continue;
      const seen = {
        value: point.histogram,
        time: point.timeMs / 1000,
        start: point.startMs / 1000,
      };
      putValue(row, step, seen[field]);
    } else {
      if (floatMs <= at - lookbackMs || isStale(next - 1)) continue;
      row.kind[step] = 1;
      if (field === "value") row.value[step] = value[next - 1] as number;
      else row.value[step] = (field === "time" ? floatMs : (startMs?.[next - 1] ?? 0)) / 1000;
    }
    any = true;
  }
  return any ? row : undefined;
}

/** What `instantRow` does for most series. False when no step sees anything. */
export function putFloats(
  { kind, value: out }: Pick<Row, "kind" | "value">,
  { timeMs, value }: FloatSamples,
  { grid, time, lookbackMs }: { grid: Grid; time: SelectorTime; lookbackMs: number },
): boolean {
  const { startMs, stepMs, count } = grid;
  const { offsetMs, atMs } = time;
  const { length } = timeMs;
  let stale: ((row: number) => boolean) | undefined;
  let next = 0;
  let any = false;
  for (let step = 0; step < count; step++) {
    const at = (atMs ?? startMs + step * stepMs) - offsetMs;
    while (next < length && (timeMs[next] as number) <= at) next++;
    const row = next - 1;
    if (row < 0 || (timeMs[row] as number) <= at - lookbackMs) continue;
    const v = value[row] as number;
    // Only what is no number may be a marker.
    if (Number.isNaN(v)) {
      stale ??= staleTest(value);
      if (stale(row)) continue;
    }
    kind[step] = FLOAT;
    out[step] = v;
    any = true;
  }
  return any;
}

/** Each step's value on the line between the samples before and after it. */
export function smoothedRow(
  series: LoadedSeries,
  grid: Grid,
  options: {
    readonly time: SelectorTime;
    readonly lookbackMs: number;
    readonly annotations: Annotations;
    readonly span: Span;
  },
): Row | undefined {
  const { labels } = series;
  const live = series.live();
  const { time, lookbackMs, annotations, span } = options;
  const row = newRow(labels, false, grid.count);
  for (let step = 0; step < grid.count; step++) {
    const at = lookAt(grid, step, time);
    const floats = between(live.timeMs, at - lookbackMs, at + lookbackMs);
    const points = between(live.histogramTimeMs, at - lookbackMs, at + lookbackMs);
    const hasFloats = floats.to > floats.from;
    const hasHistograms = points.to > points.from;
    if (hasFloats && hasHistograms) {
      annotations.warning(messages.mixedFloatsHistograms(metricName(labels)), span);
    } else if (hasFloats) {
      const value = smoothedFloat(live, floats, at);
      if (value !== undefined) putValue(row, step, value);
    } else if (hasHistograms) {
      const report = { annotate: annotations, metric: metricName(labels), span };
      const value = smoothedHistogram(live, { ...points, at }, report);
      if (value !== undefined) putValue(row, step, value);
    }
  }
  return isEmpty(row) ? undefined : row;
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Rows of `times` later than `after` and up to `to`. */
export function between(times: Float64Array, after: number, to: number): Stretch {
  return { from: firstAfter(times, after), to: firstAfter(times, to) };
}

function firstAfter(times: Float64Array, t: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}

function smoothedFloat(live: LiveSeries, { from, to }: Stretch, at: number): number | undefined {
  const { timeMs, value } = live;
  let i = from;
  while (i < to && (timeMs[i] as number) < at) i++;
  if (i < to && timeMs[i] === at) return value[i];
  if (i === from) return undefined;
  const before = value[i - 1] as number;
  if (i === to) return before;
  const t = timeMs[i - 1] as number;
  // In this order, so that the last bit is Prometheus's.
  return before + (((value[i] as number) - before) * (at - t)) / ((timeMs[i] as number) - t);
}

function smoothedHistogram(
  live: LiveSeries,
  { from, to, at }: Stretch & { readonly at: number },
  report: { readonly annotate: Annotations; readonly metric: string; readonly span: Span },
): Histogram | undefined {
  const { histogramTimeMs: times, histograms } = live;
  let i = from;
  while (i < to && (times[i] as number) < at) i++;
  const next = histograms[i];
  if (i < to && times[i] === at) return next;
  const before = histograms[i - 1];
  if (i === from || before === undefined) return undefined;
  if (i === to || next === undefined) return { ...before, hint: "unknown" };
  if (isCustom(before) !== isCustom(next)) {
    report.annotate.warning(messages.mixedSchemas(report.metric), report.span);
    return undefined;
  }
  const isCounter = before.hint !== "gauge" || next.hint !== "gauge";
  const first = { histogram: before, timeMs: times[i - 1] as number };
  const second = { histogram: next, timeMs: times[i] as number };
  return interpolateHistograms(first, second, { at, isCounter, ...report });
}
