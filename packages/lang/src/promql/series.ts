/** Series as a source of samples gives them, and the steps of a query. */
import type { Matcher } from "../matcher.ts";
import type { Histogram } from "./histogram.ts";
import type { Labels } from "./labels.ts";

/** The instants `startMs + i * stepMs` for `i` below `count`. */
export interface Grid {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

export const gridEnd = (grid: Grid): number => grid.startMs + (grid.count - 1) * grid.stepMs;

/** A native histogram of a series. */
export interface HistogramPoint {
  readonly timeMs: number;
  /** 0: not known. */
  readonly startMs: number;
  readonly histogram: Histogram;
}

/** Floats of a series, ascending, each time once; markers of the series' end are among them. */
export interface FloatSamples {
  readonly timeMs: Float64Array;
  readonly value: Float64Array;
  /** When each sample's count began, 0 when that is not known; absent when none is. */
  readonly startMs?: Float64Array | undefined;
  /** False: no value is NaN, so there are no markers. Absent: not known. */
  readonly hasNaN?: boolean | undefined;
  /** False: no value is smaller than the one before it. Absent: not known. */
  readonly falls?: boolean | undefined;
}

/** A series as the source gives it. */
export interface SourceSeries {
  readonly labels: Labels;
  /** How many floats there are, or a few more. */
  readonly floatCount: number;
  /**
   * The floats. What is read into a scratch holds until that scratch is used again; without one the arrays stay, and
   * nobody may change them.
   */
  floats(scratch?: SampleScratch): FloatSamples;
  readonly histograms: readonly HistogramPoint[];
}

/** Arrays that one series after the other is read into. */
export class SampleScratch {
  timeMs = new Float64Array(1024);
  value = new Float64Array(1024);
  private shown: FloatSamples = { timeMs: this.timeMs, value: this.value };

  /** Makes room for `count` samples and keeps what is there; the arrays may be others after. */
  reserve(count: number): void {
    if (count <= this.timeMs.length) return;
    const size = Math.max(count, this.timeMs.length * 2);
    const { timeMs, value } = this;
    this.timeMs = new Float64Array(size);
    this.timeMs.set(timeMs);
    this.value = new Float64Array(size);
    this.value.set(value);
    this.shown = { timeMs: this.timeMs, value: this.value };
  }

  /** The first `count` samples. Series are often equally long: the view of the last one is used again. */
  view(count: number): FloatSamples {
    const { shown } = this;
    if (shown.timeMs.length !== count || shown.timeMs.buffer !== this.timeMs.buffer)
      this.shown = {
        timeMs: this.timeMs.subarray(0, count),
        value: this.value.subarray(0, count),
      };
    return this.shown;
  }
}

/** A series whose samples lie in arrays already. */
export function seriesInMemory(given: {
  readonly labels: Labels;
  readonly floats: FloatSamples;
  readonly histograms: readonly HistogramPoint[];
}): SourceSeries {
  const { labels, floats, histograms } = given;
  return { labels, floatCount: floats.timeMs.length, floats: () => floats, histograms };
}

/** What a leaf of a query computes from each series: `instant` is the newest sample of the lookback. */
export type LeafFunction =
  | "instant"
  | "last_over_time"
  | "rate"
  | "increase"
  | "delta"
  | "irate"
  | "idelta";

/** A leaf for all steps: that of step `i` looks at the samples later than `endMs + i * stepMs - rangeMs`, up to there. */
export interface LeafQuestion {
  readonly leaf: LeafFunction;
  readonly matchers: readonly Matcher[];
  readonly rangeMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly steps: number;
}

/** Values of the first `steps` steps. */
export interface LeafAnswer {
  readonly steps: number;
  readonly rows: readonly {
    readonly labels: Labels;
    /** 1 where a step has a value. */
    readonly has: Uint8Array;
    readonly value: Float64Array;
  }[];
}

/** Aggregations that take one series after the other and hold one value for each step. */
export type FoldOp = "sum" | "avg" | "min" | "max" | "count" | "group" | "stddev" | "stdvar";

/** An aggregation of a leaf of floats. */
export interface FoldQuestion extends LeafQuestion {
  readonly op: FoldOp;
  /** More need not be read: the query is refused then. */
  readonly samplesMax: number;
  readonly groups: {
    /** Equal for equal groupings. */
    readonly id: string;
    /** Equal for series of the same group only. */
    readonly keyOf: (labels: Labels) => string;
    readonly labelsOf: (labels: Labels) => Labels;
  };
}

/** The groups that have a value at some step, in the order of their first series that has one. */
export interface FoldAnswer {
  readonly groups: readonly {
    readonly labels: Labels;
    /** 1 where a step has a value. */
    readonly has: Uint8Array;
    readonly value: Float64Array;
  }[];
  /** How many were read, or a few more; beyond `samplesMax` there are no groups. */
  readonly samples: number;
}

/** Where samples come from. */
export interface PromqlSource {
  /**
   * For a source that computes some leaves better than by giving out their samples: the first steps of one, or
   * `undefined`. The answer must be what the samples would give, but for the last digits of rates.
   */
  leaf?(question: LeafQuestion): Promise<LeafAnswer | undefined>;
  /** For a source that can aggregate a leaf itself, with the values that its samples would give; else `undefined`. */
  fold?(question: FoldQuestion): Promise<FoldAnswer | undefined>;
  /** Series that match all, with their samples later than `afterMs` and up to `toMs`. */
  select(
    matchers: readonly Matcher[],
    range: { readonly afterMs: number; readonly toMs: number },
    /** The function that the samples of a range are for, such as `min_over_time`. */
    func?: string,
  ): Promise<readonly SourceSeries[]>;
}
