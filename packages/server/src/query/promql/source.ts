/** Metric data as the PromQL evaluator takes it, and the evaluator as the server runs it. */

import {
  evaluatePromql,
  type LeafQuestion,
  type PromqlExpr,
  type PromqlResult,
  type PromqlSource,
  type SourceSeries,
} from "@triptych/lang";
import { defaultLimits, TriptychError } from "@triptych/model";
import { compileRegex } from "../../regex/compile.ts";
import { readSeries } from "../metrics/read-series.ts";
import type { Ask, MetricsSource } from "../metrics/source.ts";
import type { SampleColumn } from "../../store/clickhouse/select/samples.ts";
import { createPacing } from "../pacing.ts";

export interface PromqlTimes {
  readonly startMs: number;
  readonly endMs: number;
  /** Absent: one instant, `startMs`. */
  readonly stepMs?: number | undefined;
  readonly lookbackMs?: number | undefined;
}

/** Runs a query over metric data; ends with `query_timeout` or `query_cancelled` as `ask` says. */
export async function runPromql(
  source: MetricsSource,
  expr: PromqlExpr,
  { times: given, ask }: { readonly times: PromqlTimes; readonly ask: Ask },
): Promise<PromqlResult> {
  const times = { ...given, lookbackMs: given.lookbackMs ?? (await lookbackOf(source, given)) };
  const pacing = createPacing(ask.signal);
  const timeoutMs = ask.timeoutMs ?? defaultLimits.queryTimeoutMs;
  // The process's monotonic time: a limit of work, not a time of data.
  const deadlineMs = performance.now() + timeoutMs;
  return evaluatePromql(
    expr,
    {
      ...times,
      samplesMax: defaultLimits.querySamplesMax,
      compileRegex,
      pause() {
        if (performance.now() > deadlineMs)
          throw new TriptychError("query_timeout", "query timed out in expression evaluation");
        return pacing.pause();
      },
    },
    promqlSource(source, ask),
  );
}

const LOOKBACK_MS = 300_000;

/** Where samples were downsampled, the newest one may be as far away as they are apart. */
async function lookbackOf(source: MetricsSource, times: PromqlTimes): Promise<number | undefined> {
  const { startMs, endMs } = times;
  const coarsestMs = await source.coarsestMs?.({ afterMs: startMs - LOOKBACK_MS, toMs: endMs });
  return coarsestMs === undefined || coarsestMs === 0 ? undefined : coarsestMs + LOOKBACK_MS;
}

/** What these functions are to be given of samples that were downsampled. */
const columnOf: { readonly [func: string]: SampleColumn | undefined } = {
  min_over_time: "Min",
  max_over_time: "Max",
  sum_over_time: "Sum",
};

/** For one query: a selector that stands in it twice is read once. */
export function promqlSource(source: MetricsSource, ask: Ask): PromqlSource {
  const known = new Map<string, Promise<readonly SourceSeries[]>>();
  const { leaf } = source;
  return {
    ...(leaf === undefined ? {} : { leaf: (question: LeafQuestion) => leaf(question, ask) }),
    select(matchers, given, func) {
      // The store keeps whole milliseconds.
      const range = { afterMs: Math.floor(given.afterMs), toMs: Math.floor(given.toMs) };
      const column = columnOf[func ?? ""];
      const key = JSON.stringify([
        matchers.map(({ name, op, value }) => [name, op, value]),
        range,
        column,
      ]);
      const read = source.read ?? ((...asked) => readSeries(source, ...asked));
      const found = known.get(key) ?? read(matchers, range, ask, column);
      known.set(key, found);
      return found;
    },
  };
}
