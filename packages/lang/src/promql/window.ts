/** The samples of one series that a range covers at one step. The object is reused: kernels must not keep it. */
import type { Annotate } from "./annotations.ts";
import type { Histogram } from "./histogram.ts";
import type { Span } from "../source.ts";

/** The samples of a series, ascending in time, without markers of its end. */
export interface LiveSeries {
  readonly timeMs: Float64Array;
  readonly value: Float64Array;
  /** When each sample's count began, 0 when that is not known. */
  readonly startMs: Float64Array | undefined;
  /** False: no value is smaller than the one before it. Absent: not known. */
  readonly falls?: boolean | undefined;
  readonly histogramTimeMs: Float64Array;
  readonly histograms: readonly Histogram[];
  readonly histogramStartMs: Float64Array | undefined;
}

export interface RangeWindow {
  series: LiveSeries;
  /** Floats `from` to `to` (exclusive). */
  from: number;
  to: number;
  histogramFrom: number;
  histogramTo: number;
  /** The range, open on the left. Samples of an extended range may lie outside. */
  startMs: number;
  endMs: number;
  rangeMs: number;
  /** The time the query evaluates. */
  evalMs: number;
  /** The scalar arguments at this step, in their order. */
  args: readonly number[];
  /** How many floats of the series up to each one are smaller than the one before; made by those who need it. */
  resets: Uint32Array | undefined;
  readonly extended: "anchored" | "smoothed" | undefined;
  metric: string;
  readonly annotate: Annotate;
  /** Of the argument that is the range, and of all arguments. */
  readonly span: Span;
  readonly argsSpan: Span;
}

/**
 * The floats of one series and the ranges of all steps: that of step `i` ends at `endMs + i * stepMs`, includes its end
 * and not its beginning. The object is reused.
 */
export interface FloatWindows {
  timeMs: Float64Array;
  value: Float64Array;
  falls: boolean | undefined;
  readonly steps: number;
  readonly rangeMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}
