/** The order of an instant query's result. Results over a range are ordered by labels whatever is asked for. */
import { messages } from "../../annotations.ts";
import type { Call, PromqlExpr } from "../../ast.ts";
import type { Evaluation } from "../../evaluation.ts";
import { compareLabels, labelValue } from "../../labels.ts";
import { naturalCompare } from "../../natural-order.ts";
import { FLOAT, NONE, type Row } from "../../rows.ts";
import type { Grid } from "../../series.ts";
import type { SpecialRun } from "../spec.ts";

function warnInRange(evaluation: Evaluation, call: Call, grid: Grid): void {
  if (grid.count > 1) evaluation.annotations.warning(messages.sortInRange, call.span);
}

/** By the values of the first step: results over a range are ordered by labels anyway. NaN comes last. */
export function byValues(direction: 1 | -1): SpecialRun {
  return async (evaluation, call, grid) => {
    const rows = (await evaluation.evaluate(call.args[0] as PromqlExpr, grid)).map(floatsOf);
    warnInRange(evaluation, call, grid);
    return rows
      .filter((row) => row.kind.includes(FLOAT))
      .sort((a, b) => {
        const left = a.value[0] as number;
        const right = b.value[0] as number;
        if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1;
        if (Number.isNaN(right)) return -1;
        return left === right ? 0 : direction * (left < right ? -1 : 1);
      });
  };
}

function floatsOf(row: Row): Row {
  if (row.histograms === undefined) return row;
  const kind = row.kind.map((value) => (value === FLOAT ? FLOAT : NONE));
  return { ...row, kind, histograms: undefined };
}

export function byLabels(direction: 1 | -1): SpecialRun {
  return async (evaluation, call, grid) => {
    const names = call.args.slice(1).map((name) => (name.kind === "string" ? name.value : ""));
    const rows = await evaluation.evaluate(call.args[0] as PromqlExpr, grid);
    warnInRange(evaluation, call, grid);
    return [...rows].sort((a, b) => {
      for (const name of names) {
        const left = labelValue(a.labels, name);
        const right = labelValue(b.labels, name);
        if (left !== right) return direction * naturalCompare(left, right);
      }
      return direction * compareLabels(a.labels, b.labels);
    });
  };
}
