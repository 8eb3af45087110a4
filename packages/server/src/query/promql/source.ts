/** Metric data as the PromQL evaluator takes it, and the evaluator as the server runs it. */

import {
  evaluatePromql,
  type FoldQuestion,
  type LeafQuestion,
  type PromqlExpr,
  type PromqlResult,
  type PromqlSource,
  type SourceSeries,
} from "@triptych/lang";
import { defaultLimits, TriptychError } from "@triptych/model";
import { compileRegex } from "../../regex/compile.ts";
import type { QueryMemory } from "../../self/query-memory.ts";
import { readSeries } from "../metrics/read-series.ts";
import type { Ask, MetricsSource } from "../metrics/source.ts";
import { createPacing } from "../pacing.ts";
import { type Coarse, columnFor, forCoarse, reachMs, withoutMark } from "./coarse.ts";

export interface PromqlTimes {
  readonly startMs: number;
  readonly endMs: number;
  /** Absent: one instant, `startMs`. */
  readonly stepMs?: number | undefined;
  readonly lookbackMs?: number | undefined;
  /** The step of subqueries that name none; a minute unless given. */
  readonly subqueryIntervalMs?: number | undefined;
  /** Whether to count the samples that selectors see at each step. */
  readonly countEvaluated?: boolean | undefined;
}

/** Runs a query over metric data; ends with `query_timeout` or `query_cancelled` as `ask` says. */
export async function runPromql(
  source: MetricsSource,
  expr: PromqlExpr,
  { times: given, ask }: { readonly times: PromqlTimes; readonly ask: Ask },
): Promise<PromqlResult> {
  const timeoutMs = ask.timeoutMs ?? defaultLimits.queryTimeoutMs;
  // The process's monotonic time: a limit of work, not a time of data.
  const deadlineMs = performance.now() + timeoutMs;
  const times = { ...given, lookbackMs: given.lookbackMs ?? (await lookbackOf(source, given)) };
  await ask.memory?.admit({ signal: ask.signal, timeoutMs });
  const coarse =
    source.coarsestMs === undefined
      ? { expr, notes: [] }
      : await coarseFormOf(source.coarsestMs, expr, given);
  const pacing = createPacing(ask.signal, ask.priority);
  // Each question to the store gets what is left, or a query of several would take several times its limit.
  const rest: Ask = {
    signal: ask.signal,
    priority: ask.priority,
    memory: ask.memory,
    get timeoutMs() {
      return Math.max(1, deadlineMs - performance.now());
    },
  };
  const result = await evaluatePromql(
    coarse.expr,
    {
      ...times,
      samplesMax: defaultLimits.querySamplesMax,
      compileRegex,
      holds: rowBytes(ask.memory),
      pause() {
        // Called for each series: the time is looked at once, and the limit where the query waits anyway.
        const turn = pacing.pause();
        if (turn !== undefined && performance.now() > deadlineMs)
          throw new TriptychError("query_timeout", "query timed out in expression evaluation");
        return turn;
      },
    },
    promqlSource(source, rest),
  );
  for (const { message, span } of coarse.notes) result.annotations.info(message, span);
  return result;
}

/** Rows come and go while a query is evaluated: what counts is the most there were. */
export function rowBytes(memory: QueryMemory | undefined): ((bytes: number) => void) | undefined {
  if (memory === undefined) return undefined;
  let most = 0;
  return (bytes) => {
    if (bytes <= most) return;
    memory.take(bytes - most);
    most = bytes;
  };
}

async function coarseFormOf(
  coarsest: NonNullable<MetricsSource["coarsestMs"]>,
  expr: PromqlExpr,
  { startMs, endMs }: PromqlTimes,
): Promise<Coarse> {
  const afterMs = Math.max(0, startMs - LOOKBACK_MS - reachMs(expr));
  const coarsestMs = await coarsest({ afterMs, toMs: endMs });
  return coarsestMs === 0 ? { expr, notes: [] } : forCoarse(expr, coarsestMs);
}

export const LOOKBACK_MS = 300_000;

/** Where samples were downsampled, the newest one may be as far away as they are apart. */
async function lookbackOf(source: MetricsSource, times: PromqlTimes): Promise<number | undefined> {
  const { startMs, endMs } = times;
  const coarsestMs = await source.coarsestMs?.({ afterMs: startMs - LOOKBACK_MS, toMs: endMs });
  return coarsestMs === undefined || coarsestMs === 0 ? undefined : coarsestMs + LOOKBACK_MS;
}

/** For one query: a selector that stands in it twice is read once. */
export function promqlSource(source: MetricsSource, ask: Ask): PromqlSource {
  const known = new Map<string, Promise<readonly SourceSeries[]>>();
  const { leaf, fold } = source;
  return {
    ...(fold === undefined ? {} : { fold: (question: FoldQuestion) => fold(question, ask) }),
    ...(leaf === undefined ? {} : { leaf: (question: LeafQuestion) => leaf(question, ask) }),
    select(given, times, func) {
      const matchers = withoutMark(given);
      // The store keeps whole milliseconds.
      const range = { afterMs: Math.floor(times.afterMs), toMs: Math.floor(times.toMs) };
      const column = columnFor(given, func);
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
