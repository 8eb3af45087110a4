/** `timestamp` and `start_timestamp`: of a selector the times of its samples, of all else that of the step. */
import type { PromqlExpr } from "../../ast.ts";
import { selectorMatchers } from "../../ast.ts";
import { seeRow } from "../../query-samples.ts";
import { FLOAT, newRow, NONE, type Row } from "../../rows.ts";
import { instantRow, neededRange, type SampleField } from "../../selector-eval.ts";
import type { Grid } from "../../series.ts";
import type { SpecialRun } from "../spec.ts";

export function timeOfSample(field: SampleField): SpecialRun {
  return async (evaluation, call, grid) => {
    const selector = call.args[0] as PromqlExpr;
    if (selector.kind === "vector_selector" && selector.extended === undefined) {
      const time = evaluation.timeOf(selector);
      const { lookbackMs } = evaluation;
      const range = neededRange(grid, time, { backMs: lookbackMs, aheadMs: 0 });
      const series = await evaluation.load(selectorMatchers(selector), range, selector);
      const options = { time, lookbackMs, field };
      const rows = series.flatMap((one) => instantRow(one, grid, options) ?? []);
      const { evaluated } = evaluation;
      if (evaluated !== undefined) for (const row of rows) seeRow(evaluated, row);
      return rows;
    }
    const rows = await evaluation.evaluate(selector, grid);
    if (field === "start") return [];
    return rows.map((row) => timesOf(row, grid));
  };
}

function timesOf(row: Row, grid: Grid): Row {
  const out = newRow(row.labels, true, grid.count);
  for (let step = 0; step < grid.count; step++) {
    if (row.kind[step] === NONE) continue;
    out.kind[step] = FLOAT;
    out.value[step] = (grid.startMs + step * grid.stepMs) / 1000;
  }
  return out;
}
