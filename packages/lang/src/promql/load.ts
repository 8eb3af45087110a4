/** Series as the evaluator holds them: labels with their key, and the samples without markers of the series' end. */
import { STALE_NAN_WORDS } from "@triptych/model";
import type { FloatSamples, HistogramPoint, SampleScratch, SourceSeries } from "./series.ts";
import { emptyHistogram, type Histogram, noBuckets, wasReset } from "./histogram.ts";
import type { Labels } from "./labels.ts";
import type { LiveSeries } from "./window.ts";

export interface LoadedSeries {
  readonly labels: Labels;
  /** With markers. */
  readonly source: SourceSeries;
  /**
   * Without markers. What is read into a scratch holds until that scratch is used again; without one it may be kept.
   */
  live(scratch?: SampleScratch): LiveSeries;
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
  return new Loaded(
    withBuckets || source.histograms.length === 0 ? source : bareHistograms(source),
  );
}

/** One for each series of a query, of which there may be many. */
class Loaded implements LoadedSeries {
  readonly source: SourceSeries;

  constructor(source: SourceSeries) {
    this.source = source;
  }

  get labels(): Labels {
    return this.source.labels;
  }

  live(scratch?: SampleScratch): LiveSeries {
    const { source } = this;
    const floats = withoutStale(source.floats(scratch));
    const points =
      source.histograms.length === 0 ? noHistograms : liveHistograms(source.histograms);
    // Written out: there may be very many series, and spreading objects is slow.
    return {
      timeMs: floats.timeMs,
      value: floats.value,
      startMs: floats.startMs,
      falls: floats.falls,
      histogramTimeMs: points.histogramTimeMs,
      histograms: points.histograms,
      histogramStartMs: points.histogramStartMs,
    };
  }
}

const noHistograms = {
  histogramTimeMs: new Float64Array(0),
  histograms: [],
  histogramStartMs: undefined,
};

/** Without markers of the series' end. */
export function withoutStale(floats: FloatSamples): FloatSamples {
  const { timeMs, value, startMs } = floats;
  // Only what is no number may be a marker.
  const hasNaN = floats.hasNaN ?? someNaN(value);
  if (!hasNaN) return floats;
  const isStale = staleTest(value);
  const rows: number[] = [];
  for (let row = 0; row < value.length; row++) if (!isStale(row)) rows.push(row);
  const pick = (from: Float64Array): Float64Array =>
    Float64Array.from(rows, (row) => from[row] as number);
  return {
    timeMs: pick(timeMs),
    value: pick(value),
    startMs: startMs === undefined ? undefined : pick(startMs),
  };
}

function someNaN(value: Float64Array): boolean {
  for (let row = 0; row < value.length; row++) if (Number.isNaN(value[row] as number)) return true;
  return false;
}

function liveHistograms(
  given: readonly HistogramPoint[],
): Pick<LiveSeries, "histogramTimeMs" | "histograms" | "histogramStartMs"> {
  const points = given.filter((point) => !isStaleHistogram(point.histogram));
  const starts = points.some((point) => point.startMs !== 0);
  return {
    histogramTimeMs: Float64Array.from(points, (point) => point.timeMs),
    histograms: points.map((point) => point.histogram),
    histogramStartMs: starts ? Float64Array.from(points, (point) => point.startMs) : undefined,
  };
}

/** Sources may be objects whose parts are not their own properties: each is named. */
function bareHistograms(source: SourceSeries): SourceSeries {
  return {
    labels: source.labels,
    floatCount: source.floatCount,
    floats: (scratch) => source.floats(scratch),
    histograms: withoutBuckets(source.histograms),
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
