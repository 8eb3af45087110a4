/** Series as a source of samples gives them, and the steps of a query. */
import type { Matcher } from "../matcher.ts";
import type { Histogram } from "./histogram.ts";
import type { LabelPair } from "./labels.ts";

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

/** A series as the source gives it; markers of its end are among the samples. The source owns the arrays. */
export interface SourceSeries {
  /** Sorted by name. */
  readonly labels: readonly LabelPair[];
  /** Ascending, each time once. */
  readonly timeMs: Float64Array;
  readonly value: Float64Array;
  readonly startMs?: Float64Array | undefined;
  readonly histograms: readonly HistogramPoint[];
}

/** Where samples come from. */
export interface PromqlSource {
  /** Series that match all, with their samples later than `afterMs` and up to `toMs`. */
  select(
    matchers: readonly Matcher[],
    range: { readonly afterMs: number; readonly toMs: number },
  ): Promise<readonly SourceSeries[]>;
}
