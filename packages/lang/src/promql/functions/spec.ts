/** What a function of PromQL is: its signature, its words for people, and how it is computed. */
import type { Call, FunctionSignature } from "../ast.ts";
import type { Evaluation } from "../evaluation.ts";
import type { GoDate } from "../go-date.ts";
import type { Grid } from "../series.ts";
import type { Histogram } from "../histogram.ts";
import type { Row } from "../rows.ts";
import type { FloatWindows, RangeWindow } from "../window.ts";

/** Called for each sample; `args` are the scalar arguments at that step. */
export type FloatKernel = (value: number, args: readonly number[]) => number;
/** Called for each series and step that has samples; `undefined` leaves the step empty. */
export type RangeKernel = (window: RangeWindow) => number | Histogram | undefined;
/** Writes kind and value of the steps that have one; `out` is empty before. */
export type FloatRangeKernel = (
  windows: FloatWindows,
  out: { readonly kind: Uint8Array; readonly value: Float64Array },
) => void;
export type SpecialRun = (evaluation: Evaluation, call: Call, grid: Grid) => Promise<Row[]>;

export type FunctionKernel =
  | {
      readonly kind: "float";
      readonly run: FloatKernel;
      /** Whether a step with these arguments has values at all. */
      readonly keep?: (args: readonly number[]) => boolean;
    }
  | { readonly kind: "histogram"; readonly run: (histogram: Histogram) => number }
  | { readonly kind: "scalar"; readonly run: (timeMs: number, args: readonly number[]) => number }
  | { readonly kind: "date"; readonly run: (date: GoDate) => number }
  | {
      readonly kind: "range";
      readonly run: RangeKernel;
      /** The same for all steps of a series together, when it has floats only and the function no scalar arguments. */
      readonly floats?: FloatRangeKernel | undefined;
      readonly keepsName?: true;
    }
  | { readonly kind: "special"; readonly run: SpecialRun }
  /** Replaced by a number before the query runs: `start()`, `end()`, `range()`, `step()`. */
  | { readonly kind: "context" };

export interface FunctionSpec extends FunctionSignature {
  readonly experimental: boolean;
  readonly doc: string;
  readonly example: string;
  readonly kernel: FunctionKernel;
}

/** A specification with the usual values filled in. */
export function define(
  given: Pick<FunctionSpec, "name" | "args" | "doc" | "example" | "kernel"> & Partial<FunctionSpec>,
): FunctionSpec {
  return {
    variadic: 0,
    returns: "vector",
    experimental: false,
    timeDependent: false,
    extended: [],
    ...given,
  };
}
