/** `rate`, `increase` and `delta` of one window: the growth between its samples, stretched to its ends. */
import { messages } from "../../annotations.ts";
import {
  add,
  compact,
  emptyHistogram,
  type Histogram,
  isCustom,
  multiply,
  reduceTo,
  subtract,
  wasReset,
} from "../../histogram.ts";
import { told } from "../../interpolate.ts";
import type { RangeWindow } from "../../window.ts";
import { extendedRate, type RateKind } from "./extended-rate.ts";
import { resetCounts } from "./rate-floats.ts";
import { resetByStart, startsOverlap } from "./start-times.ts";

function floatIncrease(w: RangeWindow, isCounter: boolean): number {
  const { timeMs, value, startMs } = w.series;
  let result = (value[w.to - 1] as number) - (value[w.from] as number);
  if (!isCounter) return result;
  if (startMs === undefined) {
    w.resets ??= resetCounts(value);
    if (w.resets[w.to - 1] === w.resets[w.from]) return result;
  }
  let overlap = false;
  for (let i = w.from + 1; i < w.to; i++) {
    const before = value[i - 1] as number;
    let reset = (value[i] as number) < before;
    if (startMs !== undefined) {
      if (!overlap && startsOverlap(startMs, timeMs, i)) {
        overlap = true;
        w.annotate.overlap(w.metric, w.span);
      }
      reset ||= resetByStart(startMs, timeMs, i);
    }
    if (reset) result += before;
  }
  return result;
}

/** `undefined` when the histograms cannot be combined; that is annotated. */
function histogramIncrease(w: RangeWindow, isCounter: boolean): Histogram | undefined {
  const { histograms, histogramTimeMs: timeMs, histogramStartMs: startMs } = w.series;
  const { annotate, metric, span } = w;
  const report = { annotate, metric, span };
  const at = (i: number): Histogram => histograms[i] as Histogram;
  const last = at(w.histogramTo - 1);
  const first = at(w.histogramFrom);
  let previous = first;
  if (isCounter && (previous.hint === "gauge" || last.hint === "gauge"))
    annotate.warning(messages.notCounter(metric), span);
  const isReset = (i: number, before: Histogram): boolean =>
    (startMs !== undefined && resetByStart(startMs, timeMs, i)) || wasReset(at(i), before);
  if (isCounter && isReset(w.histogramFrom + 1, previous)) {
    // Nothing of the first sample counts then, not even its layout.
    const { schema, customValues } = at(w.histogramFrom + 1);
    previous = { ...emptyHistogram, schema, customValues };
  }
  const custom = isCustom(previous);
  if (isCustom(last) !== custom) {
    annotate.warning(messages.mixedSchemas(metric), span);
    return undefined;
  }
  let schema = Math.min(last.schema, previous.schema);
  for (let i = w.histogramFrom + 1; isCounter && i < w.histogramTo - 1; i++) {
    const histogram = at(i);
    if (histogram.hint === "gauge") annotate.warning(messages.notCounter(metric), span);
    schema = Math.min(schema, histogram.schema);
    if (isCustom(histogram) !== custom) {
      annotate.warning(messages.mixedSchemas(metric), span);
      return undefined;
    }
  }
  // What conflicts in hints is treated below.
  let result = told(subtract(reduceTo(last, schema), previous), "subtraction", report);
  if (isCounter) {
    let overlap = false;
    for (let i = w.histogramFrom + 1; i < w.histogramTo && result !== undefined; i++) {
      if (!overlap && startMs !== undefined && startsOverlap(startMs, timeMs, i)) {
        overlap = true;
        annotate.overlap(metric, span);
      }
      if (isReset(i, previous)) result = told(add(result, previous), "addition", report);
      previous = at(i);
    }
  } else if (first.hint !== "gauge" || last.hint !== "gauge") {
    annotate.warning(messages.notGauge(metric), span);
  }
  return result && compact({ ...result, hint: "gauge" });
}

/** The rate over the range, stretched to its ends where the samples come close to them. */
export function extrapolate(w: RangeWindow, kind: RateKind): number | Histogram | undefined {
  if (w.extended !== undefined) return extendedRate(w, w.extended, kind);
  const { isCounter, isRate } = kind;
  const { series } = w;
  const floats = w.to - w.from;
  const points = w.histogramTo - w.histogramFrom;
  if (floats > 0 && points > 0) {
    w.annotate.warning(messages.mixedFloatsHistograms(w.metric), w.span);
    return undefined;
  }
  const times = points > 0 ? series.histogramTimeMs : series.timeMs;
  const from = points > 0 ? w.histogramFrom : w.from;
  const to = points > 0 ? w.histogramTo : w.to;
  const starts = points > 0 ? series.histogramStartMs : series.startMs;
  let histogram: Histogram | undefined;
  let result = 0;
  if (points > 1) {
    histogram = histogramIncrease(w, isCounter);
    if (histogram === undefined) return undefined;
  } else if (floats > 0) {
    result = floatIncrease(w, isCounter);
  }
  const firstMs = times[from] as number;
  const lastMs = times[to - 1] as number;
  let toStart = (firstMs - w.startMs) / 1000;
  let toEnd = (w.endMs - lastMs) / 1000;
  let sampled = (lastMs - firstMs) / 1000;
  const gaps = to - from - 1;
  const average = gaps > 0 ? sampled / gaps : 0;
  const threshold = average * 1.1;
  const firstHistogram = series.histograms[from];
  const began = starts?.[from] ?? 0;
  if (isCounter && began !== 0 && began > w.startMs && began < firstMs) {
    // The count began inside the range: it was zero then.
    toStart = 0;
    sampled = (lastMs - began) / 1000;
    if (points === 0) {
      result += series.value[from] as number;
    } else if (firstHistogram !== undefined) {
      const { annotate, metric, span } = w;
      histogram =
        histogram === undefined
          ? firstHistogram
          : told(add(histogram, firstHistogram), "addition", { annotate, metric, span });
      if (histogram === undefined) return undefined;
    }
  } else if (gaps === 0) {
    return undefined;
  } else {
    if (toStart >= threshold) toStart = average / 2;
    if (isCounter) {
      let toZero = toStart;
      const firstValue = series.value[from] as number;
      if (points === 0) {
        if (result > 0 && firstValue >= 0) toZero = sampled * (firstValue / result);
      } else if (histogram !== undefined && histogram.count > 0 && firstHistogram !== undefined) {
        if (firstHistogram.count >= 0) toZero = sampled * (firstHistogram.count / histogram.count);
      }
      // A counter is never below zero.
      if (toZero < toStart) toStart = toZero;
    }
  }
  if (toEnd >= threshold) toEnd = average / 2;
  let factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled;
  if (isRate) factor /= w.rangeMs / 1000;
  return histogram === undefined ? result * factor : multiply(histogram, factor);
}
