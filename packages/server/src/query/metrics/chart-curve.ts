/** What the makers of chart curves share: the question, the curve, and how series are grouped. */
import type { MetricChartAnswer } from "@triptych/contract";
import type { Matcher } from "@triptych/lang";
import type { Series } from "./source.ts";

export type View = MetricChartAnswer["view"];

export interface ChartQuestion {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly by: readonly string[];
  readonly matchers: readonly Matcher[];
  readonly view: View | "auto";
}

/** One line of the chart before it is cut and named; NaN where there is no data. */
export interface Curve {
  readonly labels: { readonly [name: string]: string };
  readonly values: Float64Array;
}

/** `only` picks labels by name; all but the metric's name and bucket bounds when null. */
export function labelsOf(
  labels: Series["labels"],
  only: readonly string[] | null,
): { readonly [name: string]: string } {
  const kept = labels.filter(([name]) =>
    only === null ? name !== "__name__" && name !== "le" : only.includes(name),
  );
  return Object.fromEntries(kept);
}

export function groupLabels(series: Series, by: readonly string[]): Curve["labels"] {
  return labelsOf(series.labels, by.length === 0 ? null : by);
}
