/** Evaluates whole queries over spans in memory: the reference for the store, and what test scripts run on. */
import type { CompileRegex } from "../promql/regex.ts";
import { unsupportedAt } from "../source.ts";
import { finishSteps } from "../trace/forest.ts";
import type { MetricsExpr, OverTime, Pipeline } from "./ast.ts";
import { pipelineOver, type Spanset, wholeTrace } from "./evaluate.ts";
import { bind, groupColumn, standingColumn } from "./field-eval.ts";
import type { MemoryTable } from "./memory-table.ts";
import { combineMetrics } from "./second-stage.ts";
import {
  type Intervals,
  intervalOf,
  log2Bucket,
  seriesBuilder,
  type TraceSeries,
} from "./series.ts";
import { firstOf, numberOf } from "./static.ts";

export interface MemoryMatch {
  readonly traceId: string;
  readonly spansets: readonly Spanset[];
}

export function searchMemory(
  table: MemoryTable,
  pipeline: Pipeline,
  compileRegex: CompileRegex,
): MemoryMatch[] {
  const evaluate = pipelineOver(pipeline, bind(table, pipeline, compileRegex));
  const out: MemoryMatch[] = [];
  for (let i = 0; i + 1 < table.traceStarts.length; i++) {
    const first = table.traceStarts[i] as number;
    const all = wholeTrace(first, table.traceStarts[i + 1] as number);
    const spansets = finishSteps(evaluate([all]));
    if (spansets.length > 0) out.push({ traceId: table.spans[first]?.traceId ?? "", spansets });
  }
  return out;
}

export function metricsMemory(
  table: MemoryTable,
  query: { readonly expr: MetricsExpr; readonly intervals: Intervals },
  compileRegex: CompileRegex,
): TraceSeries[] {
  return combineMetrics(query.expr, ({ pipeline, aggregate }) => {
    if (aggregate.kind === "compare")
      throw unsupportedAt(aggregate.span.start, "compare() in a script");
    return overTime(table, { pipeline, aggregate, intervals: query.intervals }, compileRegex);
  });
}

function overTime(
  table: MemoryTable,
  {
    pipeline,
    aggregate,
    intervals,
  }: { readonly pipeline: Pipeline; readonly aggregate: OverTime; readonly intervals: Intervals },
  compileRegex: CompileRegex,
): TraceSeries[] {
  const bound = bind(table, pipeline, compileRegex);
  const builder = seriesBuilder(aggregate, intervals);
  const groups = aggregate.by.map((attribute) => groupColumn(attribute, bound));
  const column =
    aggregate.attribute === undefined ? undefined : standingColumn(aggregate.attribute, bound);
  for (const row of searchMemory(table, pipeline, compileRegex).flatMap(({ spansets }) =>
    spansets.flatMap(({ rows }) => rows),
  )) {
    const interval = intervalOf(intervals, table.spans[row]?.startNs ?? -1n);
    if (interval < 0) continue;
    const value = column === undefined ? undefined : firstOf(column(row));
    const seconds = value?.type === "duration" ? 1e9 : 1;
    const raw = value === undefined ? Number.NaN : numberOf(value);
    const number = raw / seconds;
    const bucket = value?.type === "float" ? -1 : log2Bucket(raw);
    builder.add(
      groups.map((group) => group(row)),
      {
        interval,
        count: 1,
        values: Number.isNaN(number) ? 0 : 1,
        sum: number,
        min: number,
        max: number,
        bucket: bucket > 0 ? bucket / seconds : 0,
      },
    );
  }
  return builder.finish();
}
