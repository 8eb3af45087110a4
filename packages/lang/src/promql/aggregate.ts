/** Aggregations over series: all steps of a group together. */
import { messages } from "./annotations.ts";
import type { Aggregate, PromqlExpr } from "./ast.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Grid } from "./series.ts";
import { queryFailed } from "./failure.ts";
import { formatFloat } from "./format-float.ts";
import { compact, type Histogram, printHistogram } from "./histogram.ts";
import { HistogramMean, HistogramSum } from "./histogram-sum.ts";
import { isInfinite, type KahanSum, kahanAdd } from "./kahan.ts";
import {
  dropLabels,
  keepLabels,
  type Labels,
  METRIC_NAME,
  metricName,
  noLabels,
  withLabel,
} from "./labels.ts";
import { quantile } from "./quantile.ts";
import {
  FLOAT,
  HISTOGRAM,
  isEmpty,
  newRow,
  NONE,
  putValue,
  type Row,
  RowSet,
  valueAt,
} from "./rows.ts";
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
  const param = node.param === undefined ? undefined : await evaluation.scalar(node.param, grid);
  const rows = await evaluation.evaluate(node.expr, grid);
  const groups = groupRows(rows, node);
  if (node.op === "quantile" && param !== undefined) warnQuantile(evaluation, node, param);
  if (["topk", "bottomk", "limitk", "limit_ratio"].includes(node.op) && param !== undefined)
    return chooseRows(evaluation, node, { rows, groups, param, grid });
  const out: Row[] = [];
  for (const group of groups) {
    const row = aggregateGroup(evaluation, node, { group, param, steps: grid.count });
    if (!isEmpty(row)) out.push(row);
    await evaluation.pause();
  }
  return out;
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

function aggregateGroup(evaluation: Evaluation, node: Aggregate, input: GroupInput): Row {
  const { group, steps, param } = input;
  const dropName = group.rows.some((row) => row.dropName);
  const out = newRow(group.labels, dropName, steps);
  switch (node.op) {
    case "sum":
    case "avg":
      sumGroup(evaluation, node, { rows: group.rows, out });
      return out;
    case "count":
    case "group":
      for (const { kind } of group.rows)
        for (let step = 0; step < steps; step++) {
          if (kind[step] === NONE) continue;
          out.kind[step] = FLOAT;
          out.value[step] = node.op === "group" ? 1 : (out.value[step] as number) + 1;
        }
      return out;
    case "min":
    case "max":
      noteHistograms(evaluation, node, group.rows);
      extreme(group.rows, out, node.op === "min");
      return out;
    case "stddev":
    case "stdvar":
      noteHistograms(evaluation, node, group.rows);
      deviation(group.rows, out, node.op === "stddev");
      return out;
    default: {
      noteHistograms(evaluation, node, group.rows);
      for (let step = 0; step < steps; step++) {
        const values = floatsAt(group.rows, step);
        if (values.length === 0) continue;
        out.kind[step] = FLOAT;
        out.value[step] = quantile(param?.[step] ?? Number.NaN, values);
      }
      return out;
    }
  }
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

function extreme(rows: readonly Row[], out: Row, isMin: boolean): void {
  for (const { kind, value } of rows)
    for (let step = 0; step < kind.length; step++) {
      if (kind[step] !== FLOAT) continue;
      const candidate = value[step] as number;
      const held = out.value[step] as number;
      if (
        out.kind[step] === NONE ||
        Number.isNaN(held) ||
        (isMin ? candidate < held : candidate > held)
      )
        out.value[step] = candidate;
      out.kind[step] = FLOAT;
    }
}

function deviation(rows: readonly Row[], out: Row, isStddev: boolean): void {
  const steps = out.kind.length;
  const count = new Float64Array(steps);
  const mean = new Float64Array(steps);
  for (const { kind, value } of rows)
    for (let step = 0; step < steps; step++) {
      if (kind[step] !== FLOAT) continue;
      const v = value[step] as number;
      count[step] = (count[step] as number) + 1;
      if (out.kind[step] === NONE) {
        out.kind[step] = FLOAT;
        mean[step] = v;
        out.value[step] = Number.isFinite(v) ? 0 : Number.NaN;
        continue;
      }
      const delta = v - (mean[step] as number);
      mean[step] = (mean[step] as number) + delta / (count[step] as number);
      out.value[step] = (out.value[step] as number) + delta * (v - (mean[step] as number));
    }
  for (let step = 0; step < steps; step++) {
    if (out.kind[step] === NONE) continue;
    const variance = (out.value[step] as number) / (count[step] as number);
    out.value[step] = isStddev ? Math.sqrt(variance) : variance;
  }
}

interface SumInput {
  readonly rows: readonly Row[];
  readonly out: ReturnType<typeof newRow>;
}

/** Sums and means: of floats in arrays, of histograms one by one. Both at one step give nothing but a warning. */
function sumGroup(evaluation: Evaluation, node: Aggregate, { rows, out }: SumInput): void {
  const isAvg = node.op === "avg";
  const steps = out.kind.length;
  const floats = new FloatSums(steps, isAvg);
  const sums: (HistogramSum | HistogramMean | undefined)[] = [];
  const broken = new Set<number>();
  const { annotations } = evaluation;
  const { span } = node.expr;
  for (const row of rows) {
    floats.add(row);
    if (row.histograms === undefined) continue;
    for (let step = 0; step < steps; step++) {
      const histogram = row.kind[step] === HISTOGRAM ? row.histograms[step] : undefined;
      if (histogram === undefined || broken.has(step)) continue;
      sums[step] ??= isAvg ? new HistogramMean() : new HistogramSum();
      if (sums[step]?.add(histogram)) continue;
      // A float before makes the step a mix, whatever the histograms are.
      if (!floats.has(step))
        annotations.warning(messages.mixedSchemas(metricName(row.labels)), span);
      broken.add(step);
    }
  }
  for (let step = 0; step < steps; step++) {
    const sum = sums[step];
    if (floats.has(step) && sum !== undefined) {
      annotations.warning(messages.mixedFloatsHistogramsAggregation, span);
      continue;
    }
    if (floats.has(step)) {
      putValue(out, step, floats.result(step));
      continue;
    }
    if (sum === undefined) continue;
    if (sum.reconciled) annotations.info(messages.reconciled("aggregation"), span);
    if (broken.has(step)) continue;
    if (sum.collision) annotations.warning(messages.resetCollision("aggregation"), span);
    putValue(out, step, compact(sum.result() as Histogram));
  }
}

const cell: KahanSum = { sum: 0, compensation: 0 };

/** Compensated sums of floats, or their means, for each step. */
class FloatSums {
  private readonly sum: Float64Array;
  private readonly lost: Float64Array;
  private readonly count: Uint32Array;
  /** Where the sum would overflow, `sum` is the mean so far. */
  private readonly isMean: Uint8Array;
  private readonly isAvg: boolean;

  constructor(steps: number, isAvg: boolean) {
    this.sum = new Float64Array(steps);
    this.lost = new Float64Array(steps);
    this.count = new Uint32Array(steps);
    this.isMean = new Uint8Array(steps);
    this.isAvg = isAvg;
  }

  has(step: number): boolean {
    return this.count[step] !== 0;
  }

  add({ kind, value }: Row): void {
    const { sum, lost, count } = this;
    for (let step = 0; step < kind.length; step++) {
      if (kind[step] !== FLOAT) continue;
      const v = value[step] as number;
      const n = (count[step] as number) + 1;
      count[step] = n;
      if (n === 1) {
        sum[step] = v;
        continue;
      }
      if (this.isMean[step] === 1) {
        this.addToMean(step, v, n);
        continue;
      }
      cell.sum = sum[step] as number;
      cell.compensation = lost[step] as number;
      kahanAdd(cell, v);
      if (this.isAvg && isInfinite(cell.sum)) {
        this.isMean[step] = 1;
        sum[step] = (sum[step] as number) / (n - 1);
        lost[step] = (lost[step] as number) / (n - 1);
        this.addToMean(step, v, n);
        continue;
      }
      sum[step] = cell.sum;
      lost[step] = cell.compensation;
    }
  }

  private addToMean(step: number, value: number, n: number): void {
    const share = (n - 1) / n;
    cell.sum = share * (this.sum[step] as number);
    cell.compensation = share * (this.lost[step] as number);
    kahanAdd(cell, value / n);
    this.sum[step] = cell.sum;
    this.lost[step] = cell.compensation;
  }

  result(step: number): number {
    const sum = this.sum[step] as number;
    const lost = this.lost[step] as number;
    if (!this.isAvg || this.isMean[step] === 1) return sum + lost;
    const n = this.count[step] as number;
    return sum / n + lost / n;
  }
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
