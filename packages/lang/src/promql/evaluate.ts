/**
 * Runs PromQL queries: all steps of a range together, over typed arrays. Pure: samples come from a source that is
 * handed in, regular expressions and pauses too.
 */
import { assert } from "@triptych/model";
import type { Matcher } from "../matcher.ts";
import { evaluateAggregate } from "./aggregate.ts";
import { Annotations } from "./annotations.ts";
import {
  type Aggregate,
  type Call,
  type PromqlExpr,
  selectorMatchers,
  typeName,
  typeOf,
  type VectorSelector,
} from "./ast.ts";
import { evaluateBinary } from "./binary.ts";
import type { EvaluatedSamples, Evaluation, SelectorTime } from "./evaluation.ts";
import {
  type FoldQuestion,
  type Grid,
  type LeafAnswer,
  type LeafQuestion,
  type PromqlSource,
  SampleScratch,
  type SourceSeries,
} from "./series.ts";
import { foldedRows } from "./folded-rows.ts";
import { leafOf, leafRows } from "./leaf.ts";
import { functionNamed } from "./functions/registry.ts";
import type { FunctionKernel } from "./functions/spec.ts";
import { goDate } from "./go-date.ts";
import { queryFailed, tooManySamples } from "./failure.ts";
import { compareLabels, dropMetadata, type Labels } from "./labels.ts";
import { type LoadedSeries, loadSeries } from "./load.ts";
import { type Prepared, prepare, refuseAsRange } from "./preprocess.ts";
import {
  eachRangeRow,
  evaluateRange,
  rangeInputs,
  type RowTarget,
  subqueryRows,
} from "./range-eval.ts";
import { holdRows, nothingSeen, readAtOnce, seeRange, seeRow } from "./query-samples.ts";
import { filledRow, histogramValues, mapped, negated, repeated, timeRow } from "./row-values.ts";
import type { CompiledRegex, CompileRegex } from "./regex.ts";
import { FLOAT, isEmpty, mergeSame, newRow, NONE, type Row } from "./rows.ts";
import { instantRow, neededRange, smoothedRow } from "./selector-eval.ts";
import { windowOf } from "./matrix-window.ts";
import type { LiveSeries } from "./window.ts";

export interface EvaluateOptions {
  readonly startMs: number;
  readonly endMs: number;
  /** Absent: one instant, `startMs`. */
  readonly stepMs?: number | undefined;
  readonly lookbackMs?: number | undefined;
  /** The interval of subqueries that have none. */
  readonly subqueryIntervalMs?: number | undefined;
  /** Samples read and values computed that may be held at once. */
  readonly samplesMax?: number | undefined;
  readonly compileRegex: CompileRegex;
  /** Told, before they are made, how many bytes rows of values take that are held now, about; throws when that is too much. */
  readonly holds?: ((bytes: number) => void) | undefined;
  /** Whether to count what selectors see at each step, which takes time and needs the samples of all leaves. */
  readonly countEvaluated?: boolean | undefined;
  /** Called often: lets others have a turn, and throws when nobody waits for the answer. */
  readonly pause?: (() => Promise<void> | undefined) | undefined;
}

/** Samples of a range, of an instant query that asks for them. */
export interface MatrixSeries {
  readonly labels: Labels;
  readonly series: LiveSeries;
}

export type PromqlValue =
  | { readonly kind: "scalar"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  /** In the order that the query gives. */
  | { readonly kind: "vector"; readonly rows: readonly Row[] }
  /** Sorted by labels. */
  | { readonly kind: "matrix"; readonly series: readonly MatrixSeries[] }
  /** Sorted by labels. */
  | { readonly kind: "range"; readonly rows: readonly Row[]; readonly grid: Grid };

export interface PromqlResult {
  readonly value: PromqlValue;
  readonly annotations: Annotations;
  /** How many samples the source gave; a native histogram counts as several. */
  readonly samplesRead: number;
  /** What selectors saw at all steps together, and the most that was held at once; when that was asked for. */
  readonly evaluated?:
    | { readonly total: number; readonly read: number; readonly peak: number }
    | undefined;
}

const LOOKBACK_MS = 300_000;
const LOADED_AT_ONCE = 1_000;
const SUBQUERY_INTERVAL_MS = 60_000;
const SAMPLES_MAX = 50_000_000;

export async function evaluatePromql(
  expr: PromqlExpr,
  options: EvaluateOptions,
  source: PromqlSource,
): Promise<PromqlResult> {
  const { startMs, stepMs } = options;
  const isInstant = stepMs === undefined;
  const endMs = isInstant ? startMs : options.endMs;
  const type = typeOf(expr);
  if (!isInstant && type !== "vector" && type !== "scalar")
    throw refuseAsRange(expr, typeName(type));
  const prepared = prepare(expr, { startMs, endMs, stepMs: stepMs ?? 0 });
  const run = new Run(prepared, { ...options, endMs }, source);
  const step = stepMs ?? 1;
  const grid = { startMs, stepMs: step, count: Math.floor((endMs - startMs) / step) + 1 };
  const value = isInstant ? await run.instant(grid) : await run.range(grid);
  const { annotations, samplesRead, evaluated } = run;
  return { value, annotations, samplesRead, evaluated };
}

class Run implements Evaluation {
  readonly annotations = new Annotations();
  samplesRead = 0;
  readonly lookbackMs: number;
  readonly subqueryIntervalMs: number;
  readonly evaluated: EvaluatedSamples | undefined;
  private readonly prepared: Prepared;
  private readonly options: EvaluateOptions;
  private readonly source: PromqlSource;
  private readonly regexes = new Map<string, CompiledRegex>();
  private samples = 0;
  private rowBytes = 0;

  constructor(prepared: Prepared, options: EvaluateOptions, source: PromqlSource) {
    this.prepared = prepared;
    this.options = options;
    this.source = source;
    this.evaluated = options.countEvaluated === true ? nothingSeen() : undefined;
    this.lookbackMs = options.lookbackMs ?? LOOKBACK_MS;
    this.subqueryIntervalMs = options.subqueryIntervalMs ?? SUBQUERY_INTERVAL_MS;
  }

  async range(grid: Grid): Promise<PromqlValue> {
    const rows = finish(await this.evaluate(this.prepared.expr, grid));
    return { kind: "range", rows: rows.sort((a, b) => compareLabels(a.labels, b.labels)), grid };
  }

  async instant(grid: Grid): Promise<PromqlValue> {
    const { expr } = this.prepared;
    const bare = unwrapped(expr);
    if (bare.kind === "string") return { kind: "string", value: bare.value };
    if (bare.kind === "matrix_selector" || bare.kind === "subquery")
      return { kind: "matrix", series: await this.matrix(bare, grid) };
    const rows = await this.evaluate(expr, grid);
    if (typeOf(expr) === "scalar")
      return { kind: "scalar", value: rows[0]?.value[0] ?? Number.NaN };
    return { kind: "vector", rows: finish(rows) };
  }

  private async matrix(
    expr: Extract<PromqlExpr, { kind: "matrix_selector" | "subquery" }>,
    grid: Grid,
  ): Promise<MatrixSeries[]> {
    const out: MatrixSeries[] = [];
    const { inputs, time, extended } = await rangeInputs(this, expr, grid);
    const end = (time.atMs ?? grid.startMs) - time.offsetMs;
    for (const input of inputs) {
      const labels = input.dropName ? dropMetadata(input.labels) : input.labels;
      const span = { after: end - expr.rangeMs, to: end };
      const isSub = expr.kind === "subquery";
      const live = input.live();
      const series = isSub ? live : windowOf(live, span, { extended, run: this });
      const held = series.timeMs.length + series.histograms.length * SAMPLES_PER_HISTOGRAM;
      if (held === 0) continue;
      if (this.evaluated !== undefined) seeRange(this.evaluated, series);
      this.rowBytes += BYTES_PER_ROW + held * BYTES_PER_SAMPLE;
      this.options.holds?.(this.rowBytes);
      out.push({ labels, series });
    }
    return out.sort((a, b) => compareLabels(a.labels, b.labels));
  }

  async evaluate(expr: PromqlExpr, grid: Grid): Promise<Row[]> {
    this.room(1, grid);
    if (grid.count > 1 && this.prepared.invariant.has(expr)) {
      const { evaluated } = this;
      const seen = evaluated?.total ?? 0;
      const back = evaluated && readAtOnce(evaluated);
      const rows = await this.compute(expr, { ...grid, count: 1 });
      back?.();
      // Seen once, and counted at each step, as if it had been.
      if (evaluated !== undefined) evaluated.total += (evaluated.total - seen) * (grid.count - 1);
      this.room(rows.length, grid);
      return rows.map((row) => repeated(row, grid.count));
    }
    return this.compute(expr, grid);
  }

  private async compute(expr: PromqlExpr, grid: Grid): Promise<Row[]> {
    await this.pause();
    const before = this.samples;
    const bytesBefore = this.rowBytes;
    const held = this.evaluated?.held ?? 0;
    const rows = await this.computeNode(expr, grid);
    if (this.evaluated !== undefined) holdRows(this.evaluated, held, rows);
    // What the parts held is free now.
    this.samples = before;
    this.count(rows.length * grid.count);
    this.rowBytes = bytesBefore + bytesOf(rows.length, grid);
    this.options.holds?.(this.rowBytes);
    return rows;
  }

  private async computeNode(expr: PromqlExpr, grid: Grid): Promise<Row[]> {
    switch (expr.kind) {
      case "number":
        return [filledRow(expr.value, grid.count)];
      case "paren":
        return this.evaluate(expr.expr, grid);
      case "unary": {
        const rows = await this.evaluate(expr.expr, grid);
        return expr.op === "-" ? rows.map(negated) : rows;
      }
      case "vector_selector":
        return this.selector(expr, grid);
      case "aggregate":
        return evaluateAggregate(this, expr, grid);
      case "binary":
        return evaluateBinary(this, expr, grid);
      case "call":
        return this.call(expr, grid);
      case "subquery":
        return [...(await subqueryRows(this, expr, { grid, time: this.timeOf(expr) })).rows];
      case "string":
      case "matrix_selector":
        throw queryFailed(`a ${expr.kind} has no value at a step`);
    }
  }

  room(series: number, grid: Grid): void {
    const max = this.options.samplesMax ?? SAMPLES_MAX;
    const estimate = this.samples + series * grid.count;
    if (estimate > max) throw tooManySamples(estimate, max);
    this.options.holds?.(this.rowBytes + bytesOf(series, grid));
  }

  /** Notes what is held now; throws when that is too much. */
  private count(samples: number): void {
    this.samples += samples;
    const max = this.options.samplesMax ?? SAMPLES_MAX;
    if (this.samples > max) throw tooManySamples(this.samples, max);
  }

  async scalar(expr: PromqlExpr, grid: Grid): Promise<Float64Array> {
    const [row] = await this.evaluate(expr, grid);
    return row?.value ?? new Float64Array(grid.count).fill(Number.NaN);
  }

  private async selector(expr: VectorSelector, grid: Grid): Promise<Row[]> {
    const rows: Row[] = [];
    const take = (row: Row) => rows.push(row);
    await this.eachSelected(expr, { grid, rowOf: newRow, take, holds: true });
    return rows;
  }

  private async eachSelected(
    expr: VectorSelector,
    { grid, rowOf, take, holds }: RowTarget & { readonly grid: Grid },
  ): Promise<void> {
    const rows = await this.selectedLeaf(expr, grid);
    if (rows === undefined) await this.eachRead(expr, { grid, rowOf, take, holds });
    else for (const row of rows) take(row);
  }

  private async selectedLeaf(expr: VectorSelector, grid: Grid): Promise<Row[] | undefined> {
    const leaf = leafOf(this, expr);
    if (leaf === undefined) return undefined;
    return leafRows(this, leaf, {
      grid,
      rest: async (left) => {
        const out: Row[] = [];
        const take = (row: Row) => out.push(row);
        await this.eachRead(expr, { grid: left, rowOf: newRow, take, holds: true });
        return out;
      },
    });
  }

  private async eachRead(
    expr: VectorSelector,
    { grid, rowOf, take, holds }: RowTarget & { readonly grid: Grid },
  ): Promise<void> {
    const time = this.timeOf(expr);
    const { lookbackMs, annotations, evaluated } = this;
    const smoothed = expr.extended === "smoothed";
    const reach = { backMs: lookbackMs, aheadMs: smoothed ? lookbackMs : 0 };
    const range = neededRange(grid, time, reach);
    const series = await this.load(selectorMatchers(expr), range, expr);
    if (holds) this.room(series.length, grid);
    const scratch = new SampleScratch();
    for (const one of series) {
      const row = smoothed
        ? smoothedRow(one, grid, { time, lookbackMs, annotations, span: expr.span })
        : instantRow(one, grid, { time, lookbackMs, field: "value", scratch, rowOf });
      // Of smoothed ones Prometheus counts none.
      if (row !== undefined && evaluated !== undefined && !smoothed) seeRow(evaluated, row);
      if (row !== undefined) take(row);
      const pause = this.pause();
      if (pause !== undefined) await pause;
    }
  }

  async each(expr: PromqlExpr, grid: Grid, take: (row: Row) => void): Promise<void> {
    const bare = unwrapped(expr);
    const kernel = bare.kind === "call" ? functionNamed(bare.func.name)?.kernel : undefined;
    const isSelector = bare.kind === "vector_selector";
    const isLeaf = isSelector || (kernel?.kind === "range" && !bareArgs(bare).some(isSubquery));
    if (!isLeaf || this.prepared.invariant.has(expr) || this.prepared.invariant.has(bare)) {
      for (const row of await this.evaluate(expr, grid)) take(row);
      return;
    }
    this.room(1, grid);
    const before = this.samples;
    const bytesBefore = this.rowBytes;
    const target = { grid, rowOf: reusedRows(grid.count), take, holds: false };
    if (isSelector) await this.eachSelected(bare, target);
    else if (bare.kind === "call" && kernel?.kind === "range")
      await eachRangeRow(this, { call: bare, kernel }, target);
    this.samples = before;
    this.rowBytes = bytesBefore;
  }

  private async call(call: Call, grid: Grid): Promise<Row[]> {
    const kernel = functionNamed(call.func.name)?.kernel;
    assert(kernel !== undefined, "the parser knows all functions");
    switch (kernel.kind) {
      case "special":
        return kernel.run(this, call, grid);
      case "range":
        return evaluateRange(this, { call, kernel }, grid);
      case "float":
        return this.floatCall(call, kernel, grid);
      case "histogram": {
        const rows = await this.evaluate(call.args[0] as PromqlExpr, grid);
        return rows.flatMap((row) => histogramValues(row, kernel.run) ?? []);
      }
      case "date": {
        const arg = call.args[0];
        const rows = arg === undefined ? [timeRow(grid)] : await this.evaluate(arg, grid);
        const run = (seconds: number): number => kernel.run(goDate(seconds));
        return rows.flatMap((row) => mapped(row, run) ?? []);
      }
      case "scalar": {
        const args: Float64Array[] = [];
        for (const arg of call.args) args.push(await this.scalar(arg, grid));
        const row = filledRow(0, grid.count);
        for (let step = 0; step < grid.count; step++) {
          const at = args.map((values) => values[step] as number);
          row.value[step] = kernel.run(grid.startMs + step * grid.stepMs, at);
        }
        return [row];
      }
      case "context":
        throw queryFailed(`${call.func.name}() has no value here`);
    }
  }

  private async floatCall(
    call: Call,
    kernel: Extract<FunctionKernel, { kind: "float" }>,
    grid: Grid,
  ): Promise<Row[]> {
    const rows = await this.evaluate(call.args[0] as PromqlExpr, grid);
    const args: Float64Array[] = [];
    for (const arg of call.args.slice(1)) args.push(await this.scalar(arg, grid));
    if (args.length === 0) {
      const none: readonly number[] = [];
      return rows.flatMap((row) => mapped(row, (value) => kernel.run(value, none)) ?? []);
    }
    const out: Row[] = [];
    for (const row of rows) {
      const result = newRow(row.labels, true, grid.count);
      for (let step = 0; step < grid.count; step++) {
        if (row.kind[step] !== FLOAT) continue;
        const at = args.map((values) => values[step] as number);
        if (kernel.keep?.(at) === false) continue;
        result.kind[step] = FLOAT;
        result.value[step] = kernel.run(row.value[step] as number, at);
      }
      if (!isEmpty(result)) out.push(result);
    }
    return out;
  }

  async load(
    matchers: readonly Matcher[],
    range: { readonly afterMs: number; readonly toMs: number },
    selector?: PromqlExpr,
    func?: string,
  ): Promise<readonly LoadedSeries[]> {
    const found = await this.source.select(matchers, range, func);
    const withBuckets = selector === undefined || !this.prepared.statsOnly.has(selector);
    const out: LoadedSeries[] = [];
    let samples = 0;
    for (const [place, series] of found.entries()) {
      samples += sizeOf(series);
      out.push(loadSeries(series, withBuckets));
      if (place % LOADED_AT_ONCE === LOADED_AT_ONCE - 1) await this.pause();
    }
    this.samplesRead += samples;
    this.count(samples);
    return out;
  }

  async leaf(question: LeafQuestion): Promise<LeafAnswer | undefined> {
    // Of what the source computes by itself nobody sees the samples.
    return this.evaluated === undefined ? this.source.leaf?.(question) : undefined;
  }

  async fold(
    node: Aggregate,
    grid: Grid,
    groups: FoldQuestion["groups"],
  ): Promise<Row[] | undefined> {
    const { source, prepared, evaluated } = this;
    const expr = unwrapped(node.expr);
    const isInvariant = prepared.invariant.has(node.expr) || prepared.invariant.has(expr);
    if (source.fold === undefined || evaluated !== undefined || isInvariant) return undefined;
    return foldedRows(this, { op: node.op, expr, grid, groups }, async (question) => {
      const max = this.options.samplesMax ?? SAMPLES_MAX;
      const samplesMax = max - this.samples;
      const answer = await source.fold?.({ ...question, samplesMax });
      this.samplesRead += answer?.samples ?? 0;
      if (answer !== undefined && answer.samples > samplesMax && answer.groups.length === 0)
        throw tooManySamples(this.samples + answer.samples, max);
      return answer;
    });
  }

  timeOf(expr: Extract<PromqlExpr, { kind: "vector_selector" | "subquery" }>): SelectorTime {
    const { at, offsetMs } = expr;
    const { startMs, endMs } = this.options;
    return { offsetMs, atMs: at === "start" ? startMs : at === "end" ? endMs : at };
  }

  regex(pattern: string): CompiledRegex {
    const known = this.regexes.get(pattern) ?? this.options.compileRegex(pattern);
    this.regexes.set(pattern, known);
    return known;
  }

  pause(): Promise<void> | undefined {
    return this.options.pause?.();
  }
}

const bareArgs = (expr: PromqlExpr): readonly PromqlExpr[] =>
  expr.kind === "call" ? expr.args : [];
const isSubquery = (expr: PromqlExpr): boolean => expr.kind === "subquery";

/** One row for series after series: what is written in it holds until the next is asked for. */
function reusedRows(steps: number): typeof newRow {
  const kind = new Uint8Array(steps);
  const value = new Float64Array(steps);
  return (labels, dropName) => {
    kind.fill(NONE);
    return { labels, dropName, kind, value, histograms: undefined };
  };
}

/** What a row takes beside its values: its arrays' and its own objects. */
const BYTES_PER_ROW = 300;
/** A time and a value. */
const BYTES_PER_SAMPLE = 16;
/** A float and its kind. */
const BYTES_PER_VALUE = 9;

const bytesOf = (rows: number, { count }: Grid): number =>
  rows * (BYTES_PER_ROW + count * BYTES_PER_VALUE);

/** A histogram is many numbers. */
const SAMPLES_PER_HISTOGRAM = 12;

function sizeOf(series: SourceSeries): number {
  return series.floatCount + series.histograms.length * SAMPLES_PER_HISTOGRAM;
}

function unwrapped(expr: PromqlExpr): PromqlExpr {
  return expr.kind === "paren" ? unwrapped(expr.expr) : expr;
}

/** Takes away the names that operations left for the end. */
function finish(rows: readonly Row[]): Row[] {
  return mergeSame(
    rows.map((row) => (row.dropName ? { ...row, labels: dropMetadata(row.labels) } : row)),
  );
}
