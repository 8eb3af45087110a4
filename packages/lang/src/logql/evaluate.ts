/**
 * Runs metric queries of LogQL. Their leaves are functions of lines; what is around them (aggregations, operators,
 * `label_replace`, sorting) has PromQL's meaning and is computed by PromQL's evaluator on a translated tree.
 */
import { assert } from "@triptych/model";
import { evaluateAggregate } from "../promql/aggregate.ts";
import { Annotations } from "../promql/annotations.ts";
import type { Call, PromqlExpr } from "../promql/ast.ts";
import { evaluateBinary } from "../promql/binary.ts";
import type { Evaluation, SelectorTime } from "../promql/evaluation.ts";
import { queryFailed, tooManySamples } from "../promql/failure.ts";
import { functionNamed } from "../promql/functions/registry.ts";
import { compareLabels, labelsOf, noLabels } from "../promql/labels.ts";
import type { CompiledRegex, CompileRegex } from "../promql/regex.ts";
import { FLOAT, isEmpty, newRow, type Row } from "../promql/rows.ts";
import type { Grid } from "../promql/series.ts";
import { TriptychError } from "@triptych/model";
import type { LogqlExpr, MetricExpr } from "./ast.ts";
import { withoutIdleFormats } from "./idle-formats.ts";
import { evaluateLeaf, type LeafNode, type LineSource } from "./leaf.ts";
import type { PipelineDeps } from "./line.ts";

export interface LogqlOptions {
  readonly startMs: number;
  readonly endMs: number;
  /** Absent: one instant, `startMs`. */
  readonly stepMs?: number | undefined;
  readonly deps: PipelineDeps;
  readonly compileRegex: CompileRegex;
  readonly levelFallback?: boolean | undefined;
  /** Series of one leaf. */
  readonly seriesMax?: number | undefined;
  /** Values held at once. */
  readonly samplesMax?: number | undefined;
  /** Told, before they are made, of bytes that are held until the end; throws when that is too much. */
  readonly take?: ((bytes: number) => void) | undefined;
  readonly pause?: (() => Promise<void> | undefined) | undefined;
}

export type LogqlValue =
  | { readonly kind: "scalar"; readonly value: number }
  /** In the order that the query gives. */
  | { readonly kind: "vector"; readonly rows: readonly Row[] }
  /** Sorted by labels. */
  | { readonly kind: "range"; readonly rows: readonly Row[]; readonly grid: Grid };

const SERIES_MAX = 10_000;
const SAMPLES_MAX = 10_000_000;

export async function evaluateLogql(
  expr: MetricExpr,
  options: LogqlOptions,
  source: LineSource,
): Promise<LogqlValue> {
  const { startMs, endMs, stepMs } = options;
  const count = stepMs === undefined ? 1 : Math.floor((endMs - startMs) / stepMs) + 1;
  const grid = { startMs, stepMs: stepMs ?? 1, count };
  if (expr.kind === "number") {
    if (stepMs === undefined) return { kind: "scalar", value: expr.value };
    return { kind: "range", rows: [filled(expr.value, count)], grid };
  }
  const run = new Run(options, source, stepMs === undefined);
  const found = await inWords(() => run.evaluate(run.translate(expr), grid));
  const rows = joined(found.filter((row) => !isEmpty(row)));
  if (stepMs !== undefined || !isSorted(expr))
    rows.sort((a, b) => compareLabels(a.labels, b.labels));
  return stepMs === undefined ? { kind: "vector", rows } : { kind: "range", rows, grid };
}

/** Loki names the side of a wrong match alone. */
async function inWords<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    const side = /^found duplicate series .* on the (left|right) hand-side/s.exec(
      error.message,
    )?.[1];
    if (side === undefined) throw error;
    throw queryFailed(
      `found duplicate series on the ${side} hand-side;many-to-many matching not allowed: matching labels must be unique on one side`,
    );
  }
}

function isSorted(expr: LogqlExpr): boolean {
  switch (expr.kind) {
    case "vector_aggregation":
      return expr.op === "sort" || expr.op === "sort_desc" || isSorted(expr.expr);
    case "binary":
      return isSorted(expr.left) || isSorted(expr.right);
    case "label_replace":
      return isSorted(expr.expr);
    default:
      return false;
  }
}

function filled(value: number, steps: number): Row {
  const row = newRow(noLabels, false, steps);
  row.kind.fill(FLOAT);
  row.value.fill(value);
  return row;
}

const SUMMED = new Set([
  "bytes_over_time",
  "bytes_rate",
  "sum_over_time",
  "rate",
  "count_over_time",
]);
const aggregations = { topk: "topk", bottomk: "bottomk", approx_topk: "topk" } as const;

class Run implements Evaluation {
  readonly annotations = new Annotations();
  readonly lookbackMs = 0;
  readonly subqueryIntervalMs = 0;
  readonly aloneIsZero = true;
  private readonly leaves = new Map<PromqlExpr, LeafNode>();
  private readonly vectors = new Map<PromqlExpr, number>();
  /** Divisors: zero is no number there. */
  private readonly divisors = new Set<PromqlExpr>();
  /** What is aggregated, and what becomes of its labels without a value before. */
  private readonly empties = new Map<PromqlExpr, (row: Row) => Row>();
  private readonly options: LogqlOptions;
  private readonly source: LineSource;
  private readonly isInstant: boolean;
  private isAggregated = false;
  private readonly regexes = new Map<string, CompiledRegex>();

  constructor(options: LogqlOptions, source: LineSource, isInstant: boolean) {
    this.options = options;
    this.source = source;
    this.isInstant = isInstant;
  }

  translate(expr: MetricExpr): PromqlExpr {
    const { span } = expr;
    switch (expr.kind) {
      case "number":
        return { kind: "number", value: expr.value, span };
      case "vector": {
        const node = leafNode(span);
        this.vectors.set(node, expr.value);
        return node;
      }
      case "range_aggregation":
        return this.leafOf(expr, expr.grouping);
      case "vector_aggregation":
        return this.aggregation(expr);
      case "binary":
        return this.binary(expr);
      case "label_replace": {
        const { target, replacement, source, pattern } = expr;
        const texts = [target, replacement, source, pattern].map(
          (value) => ({ kind: "string", value, span }) as const,
        );
        const inner = this.within(false, () => this.translate(expr.expr));
        return callOf("label_replace", [inner, ...texts], span);
      }
    }
  }

  private leafOf(written: LeafNode["node"], grouping: LeafNode["grouping"]): PromqlExpr {
    const node = withoutIdleFormats(written);
    const leaf = leafNode(node.span);
    this.leaves.set(leaf, { node, grouping, joinsShown: !this.isAggregated });
    return leaf;
  }

  private within<T>(isAggregated: boolean, translate: () => T): T {
    const before = this.isAggregated;
    this.isAggregated = isAggregated;
    const result = translate();
    this.isAggregated = before;
    return result;
  }

  private aggregation(expr: Extract<MetricExpr, { kind: "vector_aggregation" }>): PromqlExpr {
    const { op, span, param } = expr;
    if (op === "sort" || op === "sort_desc") {
      const inner = this.translate(expr.expr);
      return this.isInstant ? callOf(op, [inner], span) : inner;
    }
    const grouping = expr.grouping ?? { without: false, labels: [] };
    const below = expr.expr;
    // A sum of what lines add up to can be grouped line by line.
    const isDirect =
      op === "sum" &&
      below.kind === "range_aggregation" &&
      SUMMED.has(below.op) &&
      below.grouping === undefined;
    const inner = this.within(true, () =>
      isDirect ? this.leafOf(below, grouping) : this.translate(below),
    );
    const marked = { kind: "paren", expr: inner, span: below.span } as const;
    const isChoice = op in aggregations;
    this.empties.set(marked, grouping.without && !isChoice ? withoutEmpty : markEmpty);
    return {
      kind: "aggregate",
      op: isChoice ? aggregations[op as keyof typeof aggregations] : (op as "sum"),
      expr: marked,
      param: param === undefined ? undefined : { kind: "number", value: param, span },
      grouping: grouping.labels,
      without: grouping.without,
      span,
    };
  }

  private binary(expr: Extract<MetricExpr, { kind: "binary" }>): PromqlExpr {
    const { op, bool, matching, span } = expr;
    const left = this.translate(expr.left);
    let right = this.translate(expr.right);
    if (op === "/" || op === "%") {
      right =
        right.kind === "number"
          ? { ...right, value: right.value === 0 ? Number.NaN : right.value }
          : { kind: "paren", expr: right, span: expr.right.span };
      this.divisors.add(right);
    }
    return { kind: "binary", op, bool, matching, left, right, span };
  }

  async evaluate(expr: PromqlExpr, grid: Grid): Promise<Row[]> {
    await this.pause();
    switch (expr.kind) {
      case "number":
        return [filled(expr.value, grid.count)];
      case "paren":
        return this.paren(expr, await this.evaluate(expr.expr, grid));
      case "aggregate":
        return (await evaluateAggregate(this, expr, grid)).map(unmarkEmpty);
      case "binary":
        return evaluateBinary(this, expr, grid);
      case "call": {
        const kernel = functionNamed(expr.func.name)?.kernel;
        assert(kernel?.kind === "special", "only special functions are translated");
        return kernel.run(this, expr, grid);
      }
      default:
        return this.leafRows(expr, grid);
    }
  }

  private paren(expr: PromqlExpr, rows: Row[]): Row[] {
    const empty = this.empties.get(expr);
    if (empty !== undefined) return rows.map(empty);
    return this.divisors.has(expr) ? rows.map(withoutZero) : rows;
  }

  private async leafRows(expr: PromqlExpr, grid: Grid): Promise<Row[]> {
    const vector = this.vectors.get(expr);
    if (vector !== undefined) return [filled(vector, grid.count)];
    const leaf = this.leaves.get(expr);
    assert(leaf !== undefined, "each selector stands for a leaf");
    const { options } = this;
    const rows = await evaluateLeaf(leaf, grid, {
      source: this.source,
      deps: options.deps,
      levelFallback: options.levelFallback ?? false,
      seriesMax: options.seriesMax ?? SERIES_MAX,
      samplesMax: options.samplesMax ?? SAMPLES_MAX,
      take: options.take,
      pause: () => this.pause(),
    });
    this.room(rows.length, grid);
    return rows;
  }

  async each(expr: PromqlExpr, grid: Grid, take: (row: Row) => void): Promise<void> {
    for (const row of await this.evaluate(expr, grid)) take(row);
  }

  room(series: number, grid: Grid): void {
    const max = this.options.samplesMax ?? SAMPLES_MAX;
    if (series * grid.count > max) throw tooManySamples(series * grid.count, max);
  }

  async scalar(expr: PromqlExpr, grid: Grid): Promise<Float64Array> {
    const [row] = await this.evaluate(expr, grid);
    return row?.value ?? new Float64Array(grid.count).fill(Number.NaN);
  }

  regex(pattern: string): CompiledRegex {
    const known = this.regexes.get(pattern) ?? this.options.compileRegex(pattern);
    this.regexes.set(pattern, known);
    return known;
  }

  pause(): Promise<void> | undefined {
    return this.options.pause?.();
  }

  /** Samples of metrics are not read here. */
  async load(): Promise<never> {
    throw queryFailed("LogQL reads lines only");
  }

  async leaf(): Promise<undefined> {
    return undefined;
  }

  timeOf(): SelectorTime {
    return { offsetMs: 0, atMs: undefined };
  }
}

/**
 * Functions of lines give labels without a value, which PromQL does not have. `by` keeps them, apart from series that
 * lack the label, and so do `topk` and `bottomk`; for `without` they are as if not there. While PromQL's evaluator
 * groups, this stands for the value that is none.
 */
const EMPTY = "\u{3}";

function relabelled(row: Row, from: string, to: string | undefined): Row {
  const { pairs } = row.labels;
  if (!pairs.some(([, value]) => value === from)) return row;
  const others =
    to === undefined
      ? pairs.filter(([, value]) => value !== from)
      : pairs.map(([name, value]) => [name, value === from ? to : value] as const);
  return { ...row, labels: labelsOf(others) };
}

const markEmpty = (row: Row): Row => relabelled(row, "", EMPTY);
const unmarkEmpty = (row: Row): Row => relabelled(row, EMPTY, "");
const withoutEmpty = (row: Row): Row => relabelled(row, "", undefined);

/** Rows that look the same are one series; where both have a value, the first one's counts. */
function joined(rows: readonly Row[]): Row[] {
  const byKey = new Map<string, Row>();
  for (const row of rows) {
    const known = byKey.get(row.labels.key);
    if (known === undefined) {
      byKey.set(row.labels.key, row);
      continue;
    }
    const has = (step: number): boolean => known.kind[step] !== 0;
    byKey.set(row.labels.key, {
      ...known,
      kind: row.kind.map((kind, step) => (has(step) ? (known.kind[step] as number) : kind)),
      value: row.value.map((value, step) => (has(step) ? (known.value[step] as number) : value)),
    });
  }
  return [...byKey.values()];
}

function leafNode(span: PromqlExpr["span"]): PromqlExpr {
  return { kind: "vector_selector", name: "", matchers: [], offsetMs: 0, span };
}

function callOf(name: string, args: readonly PromqlExpr[], span: PromqlExpr["span"]): Call {
  const func = functionNamed(name);
  assert(func !== undefined, "the function is one of PromQL's");
  return { kind: "call", func, args, span };
}

function withoutZero(row: Row): Row {
  return { ...row, value: row.value.map((value) => (value === 0 ? Number.NaN : value)) };
}
