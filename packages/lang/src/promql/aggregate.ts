/** Aggregations over series: all steps of a group together. */
import { messages } from "./annotations.ts";
import type { Aggregate, PromqlExpr } from "./ast.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Grid } from "./series.ts";
import { queryFailed } from "./failure.ts";
import { formatFloat } from "./format-float.ts";
import { type Accumulator, type AggregateContext, accumulators } from "./accumulate.ts";
import { printHistogram } from "./histogram.ts";
import { dropLabels, keepLabels, type Labels, METRIC_NAME, noLabels, withLabel } from "./labels.ts";
import { quantile } from "./quantile.ts";
import { FLOAT, HISTOGRAM, isEmpty, newRow, type Row, RowSet, valueAt } from "./rows.ts";
import { chooseRows } from "./choose.ts";

export interface Group {
  readonly labels: Labels;
  readonly rows: Row[];
}

export function groupRows(
  rows: readonly Row[],
  { grouping, without }: { readonly grouping: readonly string[]; readonly without: boolean },
): Group[] {
  const names = new Set(without ? [...grouping, METRIC_NAME] : grouping);
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const labels = without
      ? dropLabels(row.labels, names)
      : names.size === 0
        ? noLabels
        : keepLabels(row.labels, names);
    const known = groups.get(labels.key);
    if (known === undefined) groups.set(labels.key, { labels, rows: [row] });
    else known.rows.push(row);
  }
  return [...groups.values()];
}

export async function evaluateAggregate(
  evaluation: Evaluation,
  node: Aggregate,
  grid: Grid,
): Promise<Row[]> {
  if (node.op === "count_values") return countValues(evaluation, node, grid);
  const makeAccumulator = accumulators[node.op];
  if (makeAccumulator !== undefined) return accumulate(evaluation, node, { grid, makeAccumulator });
  const param = node.param === undefined ? undefined : await evaluation.scalar(node.param, grid);
  const rows = await evaluation.evaluate(node.expr, grid);
  const groups = groupRows(rows, node);
  if (node.op === "quantile" && param !== undefined) warnQuantile(evaluation, node, param);
  if (node.op !== "quantile" && param !== undefined)
    return chooseRows(evaluation, node, { rows, groups, param, grid });
  const out: Row[] = [];
  for (const group of groups) {
    const row = quantileGroup(evaluation, node, { group, param, steps: grid.count });
    if (!isEmpty(row)) out.push(row);
    await evaluation.pause();
  }
  return out;
}

interface RunningGroup {
  readonly labels: Labels;
  readonly sum: Accumulator;
  dropName: boolean;
}

/** Row after row goes into its group: the rows themselves are not held. */
async function accumulate(
  evaluation: Evaluation,
  node: Aggregate,
  {
    grid,
    makeAccumulator,
  }: { readonly grid: Grid; readonly makeAccumulator: (context: AggregateContext) => Accumulator },
): Promise<Row[]> {
  const context: AggregateContext = {
    op: node.op,
    span: node.expr.span,
    annotations: evaluation.annotations,
    steps: grid.count,
    aloneIsZero: evaluation.aloneIsZero,
  };
  const { keyOf, labelsOf } = grouped(node);
  const id = `${node.without ? "without" : "by"} ${JSON.stringify([...node.grouping].sort())}`;
  const folded = await evaluation.fold?.(node, grid, { id, keyOf, labelsOf });
  if (folded !== undefined) return folded;
  const groups = new Map<string, RunningGroup>();
  await evaluation.each(node.expr, grid, (row) => {
    const key = keyOf(row.labels);
    let group = groups.get(key);
    if (group === undefined) {
      group = { labels: labelsOf(row.labels), sum: makeAccumulator(context), dropName: false };
      groups.set(key, group);
    }
    if (row.dropName) group.dropName = true;
    group.sum.add(row);
  });
  const out: Row[] = [];
  for (const { labels, sum, dropName } of groups.values()) {
    const row = newRow(labels, dropName, grid.count);
    sum.finish(row);
    if (!isEmpty(row)) out.push(row);
    const pause = evaluation.pause();
    if (pause !== undefined) await pause;
  }
  return out;
}

interface Grouping {
  /** Equal for rows of the same group only. */
  readonly keyOf: (labels: Labels) => string;
  readonly labelsOf: (labels: Labels) => Labels;
}

/** Tells the group of a row. With few labels to keep no label set is made for each row. */
function grouped({ grouping, without }: Pick<Aggregate, "grouping" | "without">): Grouping {
  const names = new Set(without ? [...grouping, METRIC_NAME] : grouping);
  if (without)
    return {
      keyOf: (labels) => dropLabels(labels, names).key,
      labelsOf: (labels) => dropLabels(labels, names),
    };
  if (names.size === 0) return { keyOf: () => "", labelsOf: () => noLabels };
  const labelsOf = (labels: Labels): Labels => keepLabels(labels, names);
  const [only] = names;
  // A text that is there already, where others are put together for each row.
  if (names.size === 1 && only !== undefined) return { keyOf: valueReader(only), labelsOf };
  return {
    keyOf: (labels) => {
      let key = "";
      for (const [name, value] of labels.pairs)
        if (names.has(name)) key += `${name}\u{1}${value}\u{2}`;
      return key;
    },
    labelsOf,
  };
}

/** Series of one metric have the same names: the value is looked for where it was in the one before. */
function valueReader(name: string): (labels: Labels) => string {
  let place = 0;
  return (labels) => {
    const pair = labels.pairs[place];
    if (pair !== undefined && pair[0] === name) return pair[1];
    const at = labels.pairs.findIndex(([candidate]) => candidate === name);
    if (at < 0) return "";
    place = at;
    return labels.pairs[at]?.[1] ?? "";
  };
}

function warnQuantile(evaluation: Evaluation, node: Aggregate, param: Float64Array): void {
  const span = (node.param as PromqlExpr).span;
  const { annotations } = evaluation;
  if (param.some(Number.isNaN)) annotations.warning(messages.quantile(Number.NaN), span);
  const numbers = param.filter((q) => !Number.isNaN(q));
  const max = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const min = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (max > 1) annotations.warning(messages.quantile(max), span);
  if (min < 0) annotations.warning(messages.quantile(min), span);
}

interface GroupInput {
  readonly group: Group;
  readonly param: Float64Array | undefined;
  readonly steps: number;
}

function quantileGroup(evaluation: Evaluation, node: Aggregate, input: GroupInput): Row {
  const { group, steps, param } = input;
  const out = newRow(
    group.labels,
    group.rows.some((row) => row.dropName),
    steps,
  );
  noteHistograms(evaluation, node, group.rows);
  for (let step = 0; step < steps; step++) {
    const values = floatsAt(group.rows, step);
    if (values.length === 0) continue;
    out.kind[step] = FLOAT;
    out.value[step] = quantile(param?.[step] ?? Number.NaN, values);
  }
  return out;
}

function floatsAt(rows: readonly Row[], step: number): Float64Array {
  const values: number[] = [];
  for (const row of rows) if (row.kind[step] === FLOAT) values.push(row.value[step] as number);
  return Float64Array.from(values);
}

function noteHistograms(evaluation: Evaluation, node: Aggregate, rows: readonly Row[]): void {
  if (rows.some((row) => row.kind.includes(HISTOGRAM)))
    evaluation.annotations.info(messages.histogramIgnoredInAggregation(node.op), node.expr.span);
}

async function countValues(evaluation: Evaluation, node: Aggregate, grid: Grid): Promise<Row[]> {
  const label = node.param?.kind === "string" ? node.param.value : "";
  if (label === "") {
    const written = node.param?.kind === "string" ? node.param.written : undefined;
    throw queryFailed(`invalid label name ${written ?? '""'}`);
  }
  const rows = await evaluation.evaluate(node.expr, grid);
  const grouping = node.without ? node.grouping : [...node.grouping, label];
  const names = new Set(node.without ? [...grouping, METRIC_NAME] : grouping);
  const counts = new Map<string, { labels: Labels; steps: Float64Array }>();
  for (const row of rows) {
    for (let step = 0; step < grid.count; step++) {
      const value = valueAt(row, step);
      if (value === undefined) continue;
      const shown = typeof value === "number" ? formatFloat(value) : printHistogram(value);
      const all = withLabel(row.labels, label, shown);
      const labels = node.without ? dropLabels(all, names) : keepLabels(all, names);
      const known = counts.get(labels.key) ?? { labels, steps: new Float64Array(grid.count) };
      counts.set(labels.key, known);
      known.steps[step] = (known.steps[step] as number) + 1;
    }
    await evaluation.pause();
  }
  const out = new RowSet(grid.count);
  for (const { labels, steps } of counts.values())
    for (const [step, count] of steps.entries())
      if (count > 0) out.put(labels, { step, dropName: false }, count);
  return out.rows;
}
