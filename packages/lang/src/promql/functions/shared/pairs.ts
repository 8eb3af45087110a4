/** Counts neighbouring samples of a range, for `changes` and `resets`. */
import type { Histogram } from "../../histogram.ts";
import type { RangeWindow } from "../../window.ts";

/** Where an anchored range begins: at its last sample before the start. `undefined` when none follows. */
function firstOf(w: RangeWindow): { float: number; histogram: number } | undefined {
  if (w.extended !== "anchored") return { float: w.from, histogram: w.histogramFrom };
  const { timeMs, histogramTimeMs } = w.series;
  let float = w.from;
  while (float < w.to && (timeMs[float] as number) <= w.startMs) float++;
  let histogram = w.histogramFrom;
  while (histogram < w.histogramTo && (histogramTimeMs[histogram] as number) <= w.startMs)
    histogram++;
  if (float >= w.to && histogram >= w.histogramTo) return undefined;
  const floatMs = float > w.from ? (timeMs[float - 1] as number) : Number.NEGATIVE_INFINITY;
  const histogramMs =
    histogram > w.histogramFrom
      ? (histogramTimeMs[histogram - 1] as number)
      : Number.NEGATIVE_INFINITY;
  if (floatMs === histogramMs && floatMs === Number.NEGATIVE_INFINITY) return { float, histogram };
  return floatMs >= histogramMs
    ? { float: float - 1, histogram }
    : { float, histogram: histogram - 1 };
}

export interface Seen {
  readonly value: number | Histogram;
  readonly timeMs: number;
  readonly startMs: number;
}

/** Counts the neighbours that `test` takes, floats and histograms in order of time. */
export function countPairs(
  w: RangeWindow,
  test: (previous: Seen, current: Seen) => boolean,
): number | undefined {
  const first = firstOf(w);
  if (first === undefined) return undefined;
  const { timeMs, value, startMs, histogramTimeMs, histograms, histogramStartMs } = w.series;
  let { float, histogram } = first;
  let count = 0;
  let previous: Seen | undefined;
  while (float < w.to || histogram < w.histogramTo) {
    const floatMs = float < w.to ? (timeMs[float] as number) : Number.POSITIVE_INFINITY;
    const histogramMs =
      histogram < w.histogramTo ? (histogramTimeMs[histogram] as number) : Number.POSITIVE_INFINITY;
    const isFloat = floatMs < histogramMs;
    const current: Seen = isFloat
      ? { value: value[float] as number, timeMs: floatMs, startMs: startMs?.[float] ?? 0 }
      : {
          value: histograms[histogram] as Histogram,
          timeMs: histogramMs,
          startMs: histogramStartMs?.[histogram] ?? 0,
        };
    if (isFloat) float++;
    else histogram++;
    if (previous !== undefined && test(previous, current)) count++;
    previous = current;
  }
  return count;
}
