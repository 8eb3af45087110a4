/** Range functions: each step's window over a series goes through the function's kernel. */
import { messages } from "./annotations.ts";
import type { Call, MatrixSelector, PromqlExpr, Subquery } from "./ast.ts";
import type { EvaluatedSamples, Evaluation, SelectorTime } from "./evaluation.ts";
import { type Grid, gridEnd, SampleScratch } from "./series.ts";
import { queryFailed } from "./failure.ts";
import type { Histogram } from "./histogram.ts";
import { type Labels, metricName } from "./labels.ts";
import { leafOf, leafRows } from "./leaf.ts";
import { FLOAT, isEmpty, newRow, putValue, type Row, type RowBuilder } from "./rows.ts";
import { lookAt, neededRange } from "./selector-eval.ts";
import { selectorMatchers } from "./ast.ts";
import type { FunctionKernel, RangeKernel } from "./functions/spec.ts";
import { beginSubquery, samplesOfWindows } from "./query-samples.ts";
import type { Span } from "../source.ts";
import type { FloatWindows, LiveSeries, RangeWindow } from "./window.ts";
import { anchoredFunctions, smoothedFunctions } from "./functions/shared/extended.ts";

export interface RangeInput {
  readonly labels: Labels;
  readonly dropName?: boolean;
  /** What is read into a scratch holds until that is used again; without one it may be kept. */
  readonly live: (scratch?: SampleScratch) => LiveSeries;
}

export interface RangeCall {
  readonly call: Call;
  readonly kernel: Extract<FunctionKernel, { kind: "range" }>;
}

/** What becomes of each row that is not empty. */
export interface RowTarget {
  /** Makes the empty row of a series. */
  readonly rowOf: typeof newRow;
  readonly take: (row: Row) => void;
  /** Whether all rows are held until the end. */
  readonly holds: boolean;
}

export async function evaluateRange(
  evaluation: Evaluation,
  what: RangeCall,
  grid: Grid,
): Promise<Row[]> {
  const rows: Row[] = [];
  const take = (row: Row) => rows.push(row);
  await eachRangeRow(evaluation, what, { grid, rowOf: newRow, take, holds: true });
  return rows;
}

/** Gives the function's rows one after the other. */
export async function eachRangeRow(
  evaluation: Evaluation,
  what: RangeCall,
  target: RowTarget & { readonly grid: Grid },
): Promise<void> {
  const rows = await computedRows(evaluation, what, target.grid);
  if (rows === undefined) return eachReadRow(evaluation, what, target);
  let lastName: string | undefined;
  for (const row of rows) {
    target.take(row);
    const name = metricName(row.labels);
    if (name !== lastName && isCounterFunction(what.call))
      noteNonCounter(evaluation, name, what.call.args[0] as PromqlExpr);
    lastName = name;
  }
}

/** The rows, when the source computes the first steps by itself. */
async function computedRows(
  evaluation: Evaluation,
  what: RangeCall,
  grid: Grid,
): Promise<Row[] | undefined> {
  const leaf = leafOf(evaluation, what.call);
  if (leaf === undefined) return undefined;
  return leafRows(evaluation, leaf, {
    grid,
    rest: async (left) => {
      const out: Row[] = [];
      const take = (row: Row) => out.push(row);
      await eachReadRow(evaluation, what, { grid: left, rowOf: newRow, take, holds: true });
      return out;
    },
  });
}

export const isCounterFunction = (call: Call): boolean =>
  call.func.name === "rate" || call.func.name === "increase";

async function eachReadRow(
  evaluation: Evaluation,
  { call, kernel }: RangeCall,
  { grid, rowOf, take, holds }: RowTarget & { readonly grid: Grid },
): Promise<void> {
  const place = call.args.findIndex(isRange);
  const arg = call.args[place] as MatrixSelector | Subquery;
  const { inputs, time, extended } = await rangeInputs(evaluation, arg, grid, call.func.name);
  if (holds) evaluation.room(inputs.length, grid);
  const scalars: Float64Array[] = [];
  for (const [i, other] of call.args.entries())
    if (i !== place) scalars.push(await evaluation.scalar(other, grid));
  checkExtended(call, extended);
  const first = call.args[0] as PromqlExpr;
  const last = call.args[call.args.length - 1] as PromqlExpr;
  const context: WindowContext = {
    grid,
    time,
    rangeMs: arg.rangeMs,
    lookbackMs: evaluation.lookbackMs,
    scalars,
    pause: () => evaluation.pause(),
    window: {
      series: noSeries,
      from: 0,
      to: 0,
      histogramFrom: 0,
      histogramTo: 0,
      startMs: 0,
      endMs: 0,
      rangeMs: arg.rangeMs,
      evalMs: 0,
      args: [],
      resets: undefined,
      extended,
      metric: "",
      annotate: evaluation.annotations,
      span: placeOf(first),
      argsSpan: { start: placeOf(first).start, end: last.span.end },
    },
  };
  const together = scalars.length === 0 && extended === undefined ? kernel.floats : undefined;
  const windows = together && newWindows(context);
  const isRate = isCounterFunction(call);
  const scratch = new SampleScratch();
  let lastName: string | undefined;
  for (const input of inputs) {
    const live = input.live(scratch);
    if (evaluation.evaluated !== undefined)
      seeWindows(evaluation.evaluated, live, { ...context, isSubquery: arg.kind === "subquery" });
    const row = rowOf(
      input.labels,
      kernel.keepsName !== true || input.dropName === true,
      grid.count,
    );
    if (windows !== undefined && live.histograms.length === 0 && live.startMs === undefined) {
      windows.timeMs = live.timeMs;
      windows.value = live.value;
      windows.falls = live.falls;
      together?.(windows, row);
    } else {
      await windowRow({ input, live, row }, context, kernel.run);
    }
    if (!isEmpty(row)) {
      take(row);
      if (isRate && (row.histograms === undefined || row.kind.includes(FLOAT))) {
        const name = metricName(input.labels);
        if (name !== lastName) noteNonCounter(evaluation, name, first);
        lastName = name;
      }
    }
    const pause = evaluation.pause();
    if (pause !== undefined) await pause;
  }
}

function seeWindows(
  evaluated: EvaluatedSamples,
  live: LiveSeries,
  context: WindowContext & { readonly isSubquery: boolean },
): void {
  const { grid, time, rangeMs, lookbackMs, window, isSubquery } = context;
  const { extended } = window;
  const aheadMs = extended === "smoothed" ? lookbackMs : 0;
  const { total, most, read } = samplesOfWindows(live, {
    steps: grid.count,
    // The modifiers look further than the range, to one side or both.
    rangeMs: rangeMs + aheadMs + (extended === undefined ? 0 : lookbackMs),
    endMs: lookAt(grid, 0, time) + aheadMs,
    stepMs: time.atMs === undefined ? grid.stepMs : 0,
    readAt: isSubquery ? undefined : evaluated.readAt,
  });
  evaluated.total += total;
  // What a subquery read is counted where it is evaluated.
  if (!isSubquery) evaluated.read += read;
  evaluated.peak = Math.max(evaluated.peak, evaluated.held + most);
}

function newWindows({ grid, time, rangeMs }: WindowContext): FloatWindows {
  return {
    timeMs: noSeries.timeMs,
    value: noSeries.value,
    falls: undefined,
    steps: grid.count,
    rangeMs,
    endMs: lookAt(grid, 0, time),
    stepMs: time.atMs === undefined ? grid.stepMs : 0,
  };
}

const noSeries: LiveSeries = {
  timeMs: new Float64Array(0),
  value: new Float64Array(0),
  startMs: undefined,
  histogramTimeMs: new Float64Array(0),
  histograms: [],
  histogramStartMs: undefined,
};

export function isRange(expr: PromqlExpr): boolean {
  return expr.kind === "matrix_selector" || expr.kind === "subquery";
}

function checkExtended(call: Call, extended: RangeWindow["extended"]): void {
  if (extended === undefined || call.func.extended.includes(extended)) return;
  const known = extended === "anchored" ? anchoredFunctions : smoothedFunctions;
  throw queryFailed(
    `${extended} modifier can only be used with: ${known.join(", ")} - not with ${call.func.name}`,
  );
}

const BEGINNING: Span = { start: 0, end: 0 };

/** Where a note about an argument points. The values of a subquery have no place, and Prometheus tells the query's beginning. */
const placeOf = (arg: PromqlExpr): Span => (arg.kind === "subquery" ? BEGINNING : arg.span);

export function noteNonCounter(evaluation: Evaluation, name: string, arg: PromqlExpr): void {
  if (name !== "" && !/_(?:total|sum|count|bucket)$/.test(name))
    evaluation.annotations.info(messages.possibleNonCounter(name), placeOf(arg));
}

interface WindowContext {
  readonly grid: Grid;
  readonly time: SelectorTime;
  readonly rangeMs: number;
  readonly lookbackMs: number;
  readonly scalars: readonly Float64Array[];
  readonly window: RangeWindow;
  readonly pause: () => Promise<void> | undefined;
}

async function windowRow(
  { input, live, row }: { readonly input: RangeInput; readonly live: LiveSeries; row: RowBuilder },
  context: WindowContext,
  run: RangeKernel,
): Promise<void> {
  const { grid, time, rangeMs, lookbackMs, scalars, window } = context;
  const { timeMs, histogramTimeMs } = live;
  window.series = live;
  window.resets = undefined;
  window.metric = metricName(input.labels);
  window.from = window.to = window.histogramFrom = window.histogramTo = 0;
  const backMs = window.extended === undefined ? 0 : lookbackMs;
  const aheadMs = window.extended === "smoothed" ? lookbackMs : 0;
  for (let step = 0; step < grid.count; step++) {
    const end = lookAt(grid, step, time);
    window.evalMs = grid.startMs + step * grid.stepMs;
    window.startMs = end - rangeMs;
    window.endMs = end;
    const after = window.startMs - backMs;
    const to = end + aheadMs;
    while (window.to < timeMs.length && (timeMs[window.to] as number) <= to) window.to++;
    while (window.from < window.to && (timeMs[window.from] as number) <= after) window.from++;
    const { length } = histogramTimeMs;
    while (window.histogramTo < length && (histogramTimeMs[window.histogramTo] as number) <= to)
      window.histogramTo++;
    while (
      window.histogramFrom < window.histogramTo &&
      (histogramTimeMs[window.histogramFrom] as number) <= after
    )
      window.histogramFrom++;
    // Wide windows over many steps take long even for one series.
    if ((step & 255) === 255) await context.pause();
    if (window.to === window.from && window.histogramTo === window.histogramFrom) continue;
    if (scalars.length > 0) window.args = scalars.map((values) => values[step] as number);
    const result = run(window);
    if (result !== undefined) putValue(row, step, result);
  }
}

interface RangeInputs {
  readonly inputs: readonly RangeInput[];
  readonly time: SelectorTime;
  readonly extended: RangeWindow["extended"];
}

export async function rangeInputs(
  evaluation: Evaluation,
  arg: MatrixSelector | Subquery,
  grid: Grid,
  func?: string,
): Promise<RangeInputs> {
  if (arg.kind === "subquery") {
    const time = evaluation.timeOf(arg);
    const inputs = await subqueryInputs(evaluation, arg, { grid, time });
    return { inputs, time, extended: undefined };
  }
  const { selector, rangeMs } = arg;
  const time = evaluation.timeOf(selector);
  const { lookbackMs } = evaluation;
  const { extended } = selector;
  const backMs = rangeMs + (extended === undefined ? 0 : lookbackMs);
  const aheadMs = extended === "smoothed" ? lookbackMs : 0;
  const range = neededRange(grid, time, { backMs, aheadMs });
  const series = await evaluation.load(selectorMatchers(selector), range, selector, func);
  return { inputs: series, time, extended };
}

/** The steps a subquery is evaluated at: multiples of its interval. */
export function subqueryGrid(
  arg: Subquery,
  parent: { readonly grid: Grid; readonly time: SelectorTime },
  defaultIntervalMs: number,
): Grid {
  const stepMs = Math.max(1, Math.trunc(arg.intervalMs === 0 ? defaultIntervalMs : arg.intervalMs));
  const { grid, time } = parent;
  const after = (time.atMs ?? grid.startMs) - time.offsetMs - arg.rangeMs;
  const end = (time.atMs ?? gridEnd(grid)) - time.offsetMs;
  let startMs = stepMs * Math.trunc(after / stepMs);
  if (startMs <= after) startMs += stepMs;
  return { startMs, stepMs, count: Math.max(0, Math.floor((end - startMs) / stepMs) + 1) };
}

export async function subqueryRows(
  evaluation: Evaluation,
  arg: Subquery,
  parent: { readonly grid: Grid; readonly time: SelectorTime },
): Promise<{ rows: readonly Row[]; grid: Grid }> {
  const grid = subqueryGrid(arg, parent, evaluation.subqueryIntervalMs);
  if (grid.count === 0) return { rows: [], grid };
  const { evaluated } = evaluation;
  const ended = evaluated && beginSubquery(evaluated, grid.count);
  const rows = await evaluation.evaluate(arg.expr, grid);
  ended?.({ grid, parent, rangeMs: arg.rangeMs });
  return { rows, grid };
}

async function subqueryInputs(
  evaluation: Evaluation,
  arg: Subquery,
  parent: { readonly grid: Grid; readonly time: SelectorTime },
): Promise<RangeInput[]> {
  const { rows, grid } = await subqueryRows(evaluation, arg, parent);
  return rows.map((row) => ({
    labels: row.labels,
    dropName: row.dropName,
    live: () => liveOfRow(row, grid),
  }));
}

function liveOfRow(row: Row, grid: Grid): LiveSeries {
  const timeMs: number[] = [];
  const value: number[] = [];
  const histogramTimeMs: number[] = [];
  const histograms: Histogram[] = [];
  for (let step = 0; step < grid.count; step++) {
    const t = grid.startMs + step * grid.stepMs;
    if (row.kind[step] === 1) {
      timeMs.push(t);
      value.push(row.value[step] as number);
      continue;
    }
    const histogram = row.kind[step] === 2 ? row.histograms?.[step] : undefined;
    if (histogram === undefined) continue;
    histogramTimeMs.push(t);
    // What was known of resets holds between neighbours only, and these may not be neighbours.
    const isCounter = histogram.hint === "reset" || histogram.hint === "not_reset";
    histograms.push(isCounter ? { ...histogram, hint: "unknown" } : histogram);
  }
  return {
    ...noSeries,
    timeMs: Float64Array.from(timeMs),
    value: Float64Array.from(value),
    histogramTimeMs: Float64Array.from(histogramTimeMs),
    histograms,
  };
}
