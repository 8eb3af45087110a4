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
import { createPacing } from "../pacing.ts";

export interface PromqlTimes {
  readonly startMs: number;
  readonly endMs: number;
  /** Absent: one instant, `startMs`. */
  readonly stepMs?: number | undefined;
  readonly lookbackMs?: number | undefined;
}

/** Runs a query over metric data; ends with `query_timeout` or `query_cancelled` as `ask` says. */
export function runPromql(
  source: MetricsSource,
  expr: PromqlExpr,
  { times, ask }: { readonly times: PromqlTimes; readonly ask: Ask },
): Promise<PromqlResult> {
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

/** For one query: a selector that stands in it twice is read once. */
export function promqlSource(source: MetricsSource, ask: Ask): PromqlSource {
  const known = new Map<string, Promise<readonly SourceSeries[]>>();
  const { leaf } = source;
  return {
    ...(leaf === undefined ? {} : { leaf: (question: LeafQuestion) => leaf(question, ask) }),
    select(matchers, given) {
      // The store keeps whole milliseconds.
      const range = { afterMs: Math.floor(given.afterMs), toMs: Math.floor(given.toMs) };
      const key = JSON.stringify([matchers.map(({ name, op, value }) => [name, op, value]), range]);
      const read = source.read ?? ((...asked) => readSeries(source, ...asked));
      const found = known.get(key) ?? read(matchers, range, ask);
      known.set(key, found);
      return found;
    },
  };
}
