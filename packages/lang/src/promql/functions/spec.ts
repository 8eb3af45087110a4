/** What a function of PromQL is: its signature, its words for people, and how it is computed. */
import type { Call, FunctionSignature, ValueType } from "../ast.ts";
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
  /** What the arguments are called where the signature is shown: one for each of `args`. */
  readonly params: readonly string[];
  /** Sentences. The first one says what the function gives, and stands alone in lists. */
  readonly doc: readonly string[];
  /** A query over the samples that the reference page shows. */
  readonly example: string;
  readonly kernel: FunctionKernel;
}

/** A specification with the usual values filled in. */
export function define(
  given: Pick<FunctionSpec, "name" | "args" | "params" | "doc" | "example" | "kernel"> &
    Partial<FunctionSpec>,
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

const typeTexts: { readonly [type in ValueType]: string } = {
  vector: "instant-vector",
  matrix: "range-vector",
  scalar: "scalar",
  string: "string",
};

/** As people read it: `round(v instant-vector, [nearest scalar])`. What is in brackets may be left out. */
export function signatureOf({ name, args, params, variadic }: FunctionSpec): string {
  const texts = args.map((type, i) => `${params[i] ?? ""} ${typeTexts[type]}`);
  if (variadic !== 0) {
    const more = variadic === 1 ? "" : ", …";
    texts.push(`[${texts.pop()}${more}]`);
  }
  return `${name}(${texts.join(", ")})`;
}
