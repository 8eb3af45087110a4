/** Rates over `anchored` and `smoothed` ranges: their ends have values, so nothing is extrapolated. */
import { messages } from "../../annotations.ts";
import {
  add,
  compact,
  divide,
  type Histogram,
  isCustom,
  subtract,
  wasReset,
} from "../../histogram.ts";
import { type HistogramReport, interpolateHistograms, told } from "../../interpolate.ts";
import type { RangeWindow } from "../../window.ts";

export interface RateKind {
  readonly isCounter: boolean;
  /** Per second. */
  readonly isRate: boolean;
}

export function extendedRate(
  w: RangeWindow,
  extended: "anchored" | "smoothed",
  kind: RateKind,
): number | Histogram | undefined {
  const floats = w.to - w.from;
  const points = w.histogramTo - w.histogramFrom;
  if (floats > 0 && points > 0) {
    w.annotate.warning(messages.mixedFloatsHistograms(w.metric), w.span);
    return undefined;
  }
  const smoothed = extended === "smoothed";
  if (points > 0) return histogramRate(w, smoothed, kind);
  return floats > 0 ? floatRate(w, smoothed, kind) : undefined;
}

interface Ends {
  readonly first: number;
  readonly last: number;
}

/** The samples that stand for the ends of the range; `undefined` when none lies within it. */
export function endsOf(
  w: RangeWindow,
  times: Float64Array,
  how: { readonly from: number; readonly to: number; readonly smoothed: boolean },
): Ends | undefined {
  const { from, to, smoothed } = how;
  let last = to - 1;
  let first = from;
  while (first < last && (times[first] as number) <= w.startMs) first++;
  first = Math.max(from, first - 1);
  if (smoothed) {
    let at = from;
    while (at < last && (times[at] as number) < w.endMs) at++;
    last = at;
  }
  if ((times[last] as number) <= w.startMs) return undefined;
  if (smoothed && (times[first] as number) > w.endMs) return undefined;
  return { first, last };
}

function interpolate(w: RangeWindow, i: number, at: number, isCounter: boolean): number {
  const { timeMs, value } = w.series;
  const second = value[i + 1] as number;
  let first = value[i] as number;
  if (isCounter && second < first) first = 0;
  const t = timeMs[i] as number;
  return first + ((second - first) * (at - t)) / ((timeMs[i + 1] as number) - t);
}

/** The values at the ends of the range. */
export function endValues(
  w: RangeWindow,
  { first, last }: Ends,
  how: { readonly smoothed: boolean; readonly isCounter: boolean; readonly from: number },
): { left: number; right: number } {
  const { timeMs, value } = w.series;
  const { smoothed, isCounter } = how;
  const left =
    smoothed && (timeMs[first] as number) < w.startMs
      ? interpolate(w, first, w.startMs, isCounter)
      : (value[first] as number);
  const right =
    smoothed && last > how.from && (timeMs[last] as number) > w.endMs
      ? interpolate(w, last - 1, w.endMs, isCounter)
      : (value[last] as number);
  return { left, right };
}

function floatRate(w: RangeWindow, smoothed: boolean, kind: RateKind): number | undefined {
  const { timeMs, value } = w.series;
  const { isCounter, isRate } = kind;
  const ends = endsOf(w, timeMs, { from: w.from, to: w.to, smoothed });
  if (ends === undefined) return undefined;
  const { left, right } = endValues(w, ends, { smoothed, isCounter, from: w.from });
  let result = right - left;
  if (isCounter) {
    const from = (timeMs[ends.first] as number) <= w.startMs ? ends.first + 1 : ends.first;
    const to = (timeMs[ends.last] as number) >= w.endMs ? ends.last - 1 : ends.last;
    // Added up on their own, as Prometheus does: the last digits depend on it.
    let lost = 0;
    let previous = left;
    for (let i = from; i <= to; i++) {
      const current = value[i] as number;
      if (current < previous) lost += previous;
      previous = current;
    }
    if (right < previous) lost += previous;
    result += lost;
  }
  return isRate ? result / (w.rangeMs / 1000) : result;
}

function validRange(w: RangeWindow, { first, last }: Ends, isCounter: boolean): boolean {
  const { histograms } = w.series;
  const custom = isCustom(histograms[first] as Histogram);
  for (let i = first; i <= last; i++) {
    const histogram = histograms[i] as Histogram;
    if (isCustom(histogram) !== custom) {
      w.annotate.warning(messages.mixedSchemas(w.metric), w.span);
      return false;
    }
    if (isCounter && histogram.hint === "gauge")
      w.annotate.warning(messages.notCounter(w.metric), w.span);
  }
  return true;
}

function histogramEnds(
  w: RangeWindow,
  { first, last }: Ends,
  how: HistogramReport & { readonly smoothed: boolean; readonly isCounter: boolean },
): { left: Histogram; right: Histogram } | undefined {
  const { histograms, histogramTimeMs: times } = w.series;
  const timed = (i: number) => ({
    histogram: histograms[i] as Histogram,
    timeMs: times[i] as number,
  });
  const cutLeft = how.smoothed && (times[first] as number) < w.startMs;
  const cutRight = how.smoothed && last > w.histogramFrom && (times[last] as number) > w.endMs;
  const left = cutLeft
    ? interpolateHistograms(timed(first), timed(first + 1), { ...how, at: w.startMs })
    : histograms[first];
  if (left === undefined) return undefined;
  const right = cutRight
    ? interpolateHistograms(timed(last - 1), timed(last), { ...how, at: w.endMs })
    : histograms[last];
  return right && { left, right };
}

function histogramRate(w: RangeWindow, smoothed: boolean, kind: RateKind): Histogram | undefined {
  const { annotate, metric, span } = w;
  const { isCounter, isRate } = kind;
  const report = { annotate, metric, span };
  const times = w.series.histogramTimeMs;
  const where = { from: w.histogramFrom, to: w.histogramTo, smoothed };
  const ends = endsOf(w, times, where);
  if (ends === undefined || !validRange(w, ends, isCounter)) return undefined;
  const values = histogramEnds(w, ends, { ...report, smoothed, isCounter });
  if (values === undefined) return undefined;
  const { left, right } = values;
  if (!isCounter && (left.hint !== "gauge" || right.hint !== "gauge"))
    annotate.warning(messages.notGauge(metric), span);
  let result = told(subtract(right, left), "subtraction", report);
  if (isCounter) {
    for (const before of resetsBetween(w, ends, { ...values, smoothed }))
      if (result !== undefined) result = told(add(result, before), "addition", report);
  }
  if (result === undefined) return undefined;
  if (isRate) result = divide(result, w.rangeMs / 1000);
  return compact({ ...result, hint: "gauge" });
}

/** What the counter had reached before each of its resets. */
function resetsBetween(
  w: RangeWindow,
  ends: Ends,
  how: { readonly left: Histogram; readonly right: Histogram; readonly smoothed: boolean },
): Histogram[] {
  const { histograms, histogramTimeMs: times } = w.series;
  const at = (i: number): Histogram => histograms[i] as Histogram;
  let first = ends.first + 1;
  let previous = how.left;
  const cut = how.smoothed && (times[ends.first] as number) < w.startMs;
  if (cut && wasReset(at(ends.first + 1), at(ends.first))) {
    // The value at the left end has this reset in it already.
    previous = at(ends.first + 1);
    first++;
  }
  const last = ends.last - 1;
  if (first > last + 1) return [];
  const found: Histogram[] = [];
  for (let i = first; i <= last; i++) {
    if (wasReset(at(i), previous)) found.push(previous);
    previous = at(i);
  }
  if (wasReset(how.right, previous)) found.push(previous);
  return found;
}
