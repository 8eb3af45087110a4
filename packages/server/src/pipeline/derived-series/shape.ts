/** What a table of derived series counts and measures for each set of labels. */

export interface DerivedCounter {
  readonly name: string;
  readonly help: string;
}

export interface DerivedHistogram {
  /** Family name, without `_bucket` and its like. */
  readonly name: string;
  readonly help: string;
  readonly unit: string;
  /** Upper bounds of the classic buckets, ascending, without infinity. */
  readonly bounds: readonly number[];
  readonly form: "classic" | "native" | "both";
}

export interface DerivedShape {
  readonly counters: readonly DerivedCounter[];
  readonly histograms: readonly DerivedHistogram[];
  /** Gauges that are 1 as long as their labels are seen, such as `traces_target_info`. */
  readonly infos?: readonly DerivedCounter[];
}

export type LabelPairs = readonly (readonly [name: string, value: string])[];

/** The label of the series that takes what finds no room. */
export const OVERFLOW_LABELS: LabelPairs = [["metric_overflow", "true"]];
