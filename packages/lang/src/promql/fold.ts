/**
 * Leaves and their aggregations for a source that computes them by itself, with the evaluator's own arithmetic in the
 * same order: the values are the same, bit for bit.
 */
import { Annotations } from "./annotations.ts";
import { type Accumulator, accumulators } from "./accumulate.ts";
import { functionNamed } from "./functions/registry.ts";
import { withoutStale } from "./load.ts";
import { isEmpty, newRow, type Row } from "./rows.ts";
import { noLabels } from "./labels.ts";
import { putFloats } from "./selector-eval.ts";
import type { FloatSamples, FoldOp, LeafFunction } from "./series.ts";
import type { FloatWindows } from "./window.ts";

/** The steps of a leaf: that of step `i` looks at samples later than `endMs + i * stepMs - rangeMs`, up to there. */
export interface LeafSteps {
  readonly rangeMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly steps: number;
}

/** Writes the values of a series' floats, markers of its end among them, to an empty row. False when there are none. */
export type LeafKernel = (floats: FloatSamples, row: Row) => boolean;

/** `undefined` for functions that need more than floats. */
export function leafKernel(leaf: LeafFunction, steps: LeafSteps): LeafKernel | undefined {
  const { rangeMs, endMs, stepMs } = steps;
  if (leaf === "instant") {
    const grid = { startMs: endMs, stepMs, count: steps.steps };
    const at = { grid, time: { offsetMs: 0, atMs: undefined }, lookbackMs: rangeMs };
    return (floats, row) => putFloats(row, floats, at);
  }
  const kernel = functionNamed(leaf)?.kernel;
  const run = kernel?.kind === "range" ? kernel.floats : undefined;
  if (run === undefined) return undefined;
  const none = new Float64Array(0);
  const windows: FloatWindows = { timeMs: none, value: none, falls: undefined, ...steps };
  return (floats, row) => {
    const live = withoutStale(floats);
    windows.timeMs = live.timeMs;
    windows.value = live.value;
    windows.falls = live.falls;
    run(windows, row);
    return !isEmpty(row);
  };
}

/** For series after series: empty it between them. */
export const leafRow = (steps: number): Row => newRow(noLabels, false, steps);

/** Takes rows of floats, and gives their aggregation at each step. */
export function createFold(op: FoldOp, steps: number): Accumulator {
  const make = accumulators[op] as NonNullable<(typeof accumulators)[FoldOp]>;
  // Floats alone leave no notes.
  return make({ op, span: { start: 0, end: 0 }, annotations: new Annotations(), steps });
}
