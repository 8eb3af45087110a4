/** Functions of whole vectors: absence, conversion, order, times of samples. */
import type { Call, PromqlExpr } from "../ast.ts";
import { selectorMatchers } from "../ast.ts";
import { messages } from "../annotations.ts";
import type { Evaluation } from "../evaluation.ts";
import type { Grid } from "../series.ts";
import {
  type Labels,
  compareLabels,
  labelsFrom,
  labelValue,
  METRIC_NAME,
  noLabels,
} from "../labels.ts";
import { naturalCompare } from "../natural-order.ts";
import { FLOAT, newRow, NONE, type Row } from "../rows.ts";
import { seeRow } from "../query-samples.ts";
import { evaluateRange } from "../range-eval.ts";
import { instantRow, neededRange, type SampleField } from "../selector-eval.ts";
import { define, type FunctionSpec, type SpecialRun } from "./spec.ts";

/** The labels that a selector asks for with `=`, once each: those of the series that is not there. */
export function absentLabels(expr: PromqlExpr | undefined): Labels {
  const selector = expr?.kind === "matrix_selector" ? expr.selector : expr;
  if (selector?.kind !== "vector_selector") return noLabels;
  const found = new Map<string, string>();
  const seen = new Set<string>();
  for (const { name, op, value } of selectorMatchers(selector)) {
    if (name === METRIC_NAME) continue;
    if (op === "=" && !seen.has(name)) {
      found.set(name, value);
      seen.add(name);
    } else {
      found.delete(name);
    }
  }
  return labelsFrom(found);
}

/** 1 at each step where no row has a value. */
function absentRow(
  rows: readonly Row[],
  labels: Labels,
  options: { steps: number; dropName: boolean },
): Row[] {
  const row = newRow(labels, options.dropName, options.steps);
  let any = false;
  for (let step = 0; step < options.steps; step++) {
    if (rows.some((candidate) => candidate.kind[step] !== NONE)) continue;
    row.kind[step] = FLOAT;
    row.value[step] = 1;
    any = true;
  }
  return any ? [row] : [];
}

const arg = (call: Call, i: number): PromqlExpr => call.args[i] as PromqlExpr;

const absent: SpecialRun = async (evaluation, call, grid) => {
  const rows = await evaluation.evaluate(arg(call, 0), grid);
  return absentRow(rows, absentLabels(arg(call, 0)), { steps: grid.count, dropName: false });
};

const absentOverTime: SpecialRun = async (evaluation, call, grid) => {
  const present = { call, kernel: { kind: "range", run: () => 1 } } as const;
  const rows = await evaluateRange(evaluation, present, grid);
  return absentRow(rows, absentLabels(arg(call, 0)), { steps: grid.count, dropName: true });
};

/** The one float of each step, NaN when there are none or several. */
const scalar: SpecialRun = async (evaluation, call, grid) => {
  const rows = await evaluation.evaluate(arg(call, 0), grid);
  const out = newRow(noLabels, false, grid.count);
  for (let step = 0; step < grid.count; step++) {
    const floats = rows.filter((row) => row.kind[step] === FLOAT);
    out.kind[step] = FLOAT;
    out.value[step] = floats.length === 1 ? (floats[0]?.value[step] as number) : Number.NaN;
  }
  return [out];
};

const vector: SpecialRun = async (evaluation, call, grid) => {
  const value = await evaluation.scalar(arg(call, 0), grid);
  return [{ ...newRow(noLabels, false, 0), kind: new Uint8Array(grid.count).fill(FLOAT), value }];
};

function timeOfSample(field: SampleField): SpecialRun {
  return async (evaluation, call, grid) => {
    const selector = arg(call, 0);
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

function warnInRange(evaluation: Evaluation, call: Call, grid: Grid): void {
  if (grid.count > 1) evaluation.annotations.warning(messages.sortInRange, call.span);
}

/** By the values of the first step: results over a range are ordered by labels anyway. NaN comes last. */
function sortByValue(direction: 1 | -1): SpecialRun {
  return async (evaluation, call, grid) => {
    const rows = (await evaluation.evaluate(arg(call, 0), grid)).map(floatsOf);
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

function sortByLabel(direction: 1 | -1): SpecialRun {
  return async (evaluation, call, grid) => {
    const names = call.args.slice(1).map((name) => (name.kind === "string" ? name.value : ""));
    const rows = await evaluation.evaluate(arg(call, 0), grid);
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

const special = (
  given: Pick<FunctionSpec, "name" | "args" | "doc" | "example"> & Partial<FunctionSpec>,
  run: SpecialRun,
): FunctionSpec => define({ ...given, kernel: { kind: "special", run } });

export const vectorFunctions: readonly FunctionSpec[] = [
  special(
    {
      name: "absent",
      args: ["vector"],
      doc: "1 when the vector is empty, with the labels its selector asks for.",
      example: 'absent(up{job="shop"})',
    },
    absent,
  ),
  special(
    {
      name: "absent_over_time",
      args: ["matrix"],
      doc: "1 when the range has no sample, with the labels its selector asks for.",
      example: 'absent_over_time(up{job="shop"}[10m])',
    },
    absentOverTime,
  ),
  special(
    {
      name: "scalar",
      args: ["vector"],
      returns: "scalar",
      doc: "The vector's only value as a number, NaN when it has none or several.",
      example: "scalar(sum(up))",
    },
    scalar,
  ),
  special(
    {
      name: "vector",
      args: ["scalar"],
      doc: "The number as a vector without labels.",
      example: "vector(1)",
    },
    vector,
  ),
  special(
    {
      name: "timestamp",
      args: ["vector"],
      timeDependent: true,
      doc: "The time of each sample, in seconds since 1970.",
      example: "time() - timestamp(up)",
    },
    timeOfSample("time"),
  ),
  special(
    {
      name: "start_timestamp",
      args: ["vector"],
      experimental: true,
      doc: "When the count of each sample began, in seconds since 1970; 0 when that is not known.",
      example: "start_timestamp(http_requests_total)",
    },
    timeOfSample("start"),
  ),
  special(
    {
      name: "sort",
      args: ["vector"],
      doc: "Ascending by value; for instant queries.",
      example: "sort(up)",
    },
    sortByValue(1),
  ),
  special(
    {
      name: "sort_desc",
      args: ["vector"],
      doc: "Descending by value; for instant queries.",
      example: "sort_desc(up)",
    },
    sortByValue(-1),
  ),
  special(
    {
      name: "sort_by_label",
      args: ["vector", "string"],
      variadic: -1,
      experimental: true,
      doc: "Ascending by the values of labels, numbers in them as numbers; for instant queries.",
      example: 'sort_by_label(up, "instance")',
    },
    sortByLabel(1),
  ),
  special(
    {
      name: "sort_by_label_desc",
      args: ["vector", "string"],
      variadic: -1,
      experimental: true,
      doc: "Descending by the values of labels, numbers in them as numbers; for instant queries.",
      example: 'sort_by_label_desc(up, "instance")',
    },
    sortByLabel(-1),
  ),
];
