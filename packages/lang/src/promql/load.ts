/** Series as the evaluator holds them: labels with their key, and the samples without markers of the series' end. */
import { STALE_NAN_WORDS } from "@triptych/model";
import type { HistogramPoint, SourceSeries } from "./series.ts";
import { emptyHistogram, type Histogram, noBuckets, wasReset } from "./histogram.ts";
import { type Labels, labelsOf } from "./labels.ts";
import type { LiveSeries } from "./window.ts";

export interface LoadedSeries {
  readonly labels: Labels;
  /** With markers. */
  readonly source: SourceSeries;
  /** Without markers. */
  readonly live: LiveSeries;
}

/** Tells of a row of `values` whether it says that the series ended there. */
export function staleTest(values: Float64Array): (row: number) => boolean {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  return (row) =>
    words[row * 2] === STALE_NAN_WORDS.low && words[row * 2 + 1] === STALE_NAN_WORDS.high;
}

const one = new Float64Array(1);
const isStaleValue = staleTest(one);

/** A marker among histograms: it holds nothing, and its sum is the marker of floats or no number at all. */
export function isStaleHistogram({ sum, count }: Histogram): boolean {
  one[0] = sum;
  return isStaleValue(0) || (count === 0 && Number.isNaN(sum));
}

export function loadSeries(source: SourceSeries, withBuckets: boolean): LoadedSeries {
  const shown = withBuckets ? source : { ...source, histograms: withoutBuckets(source.histograms) };
  let live: LiveSeries | undefined;
  return {
    labels: labelsOf(source.labels),
    source: shown,
    get live() {
      live ??= liveOf(shown);
      return live;
    },
  };
}

function liveOf(source: SourceSeries): LiveSeries {
  const { timeMs, value, startMs } = source;
  const isStale = staleTest(value);
  const rows: number[] = [];
  let all = true;
  for (let row = 0; row < timeMs.length && all; row++) all = !isStale(row);
  for (let row = 0; row < timeMs.length && !all; row++) if (!isStale(row)) rows.push(row);
  const pick = (from: Float64Array): Float64Array =>
    all ? from : Float64Array.from(rows, (row) => from[row] as number);
  const points = source.histograms.filter((point) => !isStaleHistogram(point.histogram));
  const starts = points.some((point) => point.startMs !== 0);
  return {
    timeMs: pick(timeMs),
    value: pick(value),
    startMs: startMs === undefined ? undefined : pick(startMs),
    histogramTimeMs: Float64Array.from(points, (point) => point.timeMs),
    histograms: points.map((point) => point.histogram),
    histogramStartMs: starts ? Float64Array.from(points, (point) => point.startMs) : undefined,
  };
}

/** Only counts and sums are asked for: resets are found while the buckets are there. */
function withoutBuckets(points: readonly HistogramPoint[]): HistogramPoint[] {
  let last: Histogram | undefined;
  return points.map((point) => {
    const { histogram } = point;
    const { schema, count, sum } = histogram;
    const bare: Histogram = {
      ...emptyHistogram,
      hint: histogram.hint,
      schema,
      count,
      sum,
      positive: noBuckets,
    };
    if (isStaleHistogram(histogram)) return { ...point, histogram: bare };
    let { hint } = histogram;
    if (hint === "unknown" && last !== undefined)
      hint = wasReset(histogram, last) ? "reset" : "not_reset";
    last = { ...histogram, hint };
    return { ...point, histogram: { ...bare, hint } };
  });
}
