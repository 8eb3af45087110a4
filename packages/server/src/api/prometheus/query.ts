/** Instant and range queries. */
import { formatFloat, type PromqlResult, promqlTypeOf } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import { runKeptPromql } from "../../query/promql/kept.ts";
import type { PromqlTimes } from "../../query/promql/source.ts";
import {
  answer,
  type Context,
  type Evaluated,
  type Exchange,
  queryOf,
  type Route,
} from "./exchange.ts";
import { durationParam, limitParam, requiredTime, timeParam, wrong } from "./params.ts";
import type { Piece } from "../ours/json-stream.ts";
import { type Limited, matrixJson, rangeJson, timestamp, vectorJson } from "./result.ts";
import { statsJson, statsWarning } from "./query-stats.ts";

const RESOLUTION_MESSAGE =
  "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";

export const queryRoutes: readonly Route[] = [
  [["GET", "POST"], "/query", instantQuery],
  [["GET", "POST"], "/query_range", rangeQuery],
];

function lookbackOf(params: URLSearchParams): number | undefined {
  const given = durationParam(params, "lookback_delta", "error parsing lookback delta duration: ");
  return given === undefined || given <= 0 ? undefined : Math.floor(given);
}

/** The query of a question whose time is over before it begins is an error of its own in Prometheus. */
function timedQueryOf(params: URLSearchParams): ReturnType<typeof queryOf> {
  const query = queryOf(params);
  const timeoutMs = durationParam(params, "timeout");
  if (timeoutMs !== undefined && timeoutMs <= 0) throw wrong("query", "context deadline exceeded");
  return query;
}

async function instantQuery(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params } = exchange;
  const limit = limitParam(params);
  const ms = timeParam(params, "time", context.clock.nowMs());
  const times = { startMs: ms, endMs: ms, lookbackMs: lookbackOf(params) };
  return run(context, exchange, { times, limit, ...timedQueryOf(params) });
}

async function rangeQuery(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params } = exchange;
  const limit = limitParam(params);
  const times = timesParam(params, context.limits.queryPointsPerSeriesMax);
  const { text, expr } = timedQueryOf(params);
  const type = promqlTypeOf(expr);
  if (type !== "scalar" && type !== "vector") {
    const shown = type === "matrix" ? "range vector" : type;
    throw wrong(
      "query",
      `invalid expression type "${shown}" for range query, must be Scalar or instant Vector`,
    );
  }
  return run(context, exchange, { times, limit, text, expr });
}

function timesParam(params: URLSearchParams, pointsMax: number): PromqlTimes {
  const startMs = requiredTime(params, "start");
  const endMs = requiredTime(params, "end");
  if (endMs < startMs) throw wrong("end", "end timestamp must not be before start time");
  if ((params.get("step") ?? "") === "") throw wrong("step", 'cannot parse "" to a valid duration');
  const stepMs = durationParam(params, "step") ?? 0;
  if (stepMs <= 0)
    throw wrong(
      "step",
      "zero or negative query resolution step widths are not accepted. Try a positive integer",
    );
  if ((endMs - startMs) / stepMs > pointsMax)
    throw new TriptychError("query_invalid", RESOLUTION_MESSAGE);
  return {
    startMs,
    endMs,
    stepMs: Math.max(1, Math.floor(stepMs)),
    lookbackMs: lookbackOf(params),
  };
}

/** Prometheus counts places in bytes. */
const bytesBefore = (text: string, at: string): string =>
  String(Buffer.byteLength(text.slice(0, Number(at))));

interface Question extends ReturnType<typeof queryOf> {
  readonly times: PromqlTimes;
  readonly limit: number;
}

/** Evaluates the query, or takes part in the same one that just began; what it holds is kept until all have sent it. */
async function evaluated(
  context: Context,
  exchange: Exchange,
  { times, text, expr }: Question,
): Promise<Evaluated> {
  const { queryGate, clock, memory: budget } = context;
  const { timeoutMs } = exchange.ask;
  const allTimes = {
    ...times,
    subqueryIntervalMs: context.subqueryIntervalMs(),
    countEvaluated: (exchange.params.get("stats") ?? "") !== "",
  };
  const key = JSON.stringify([text, allTimes, timeoutMs]);
  const work = async (signal: AbortSignal): Promise<Evaluated> => {
    const cameMs = clock.monotonicMs();
    const memory = budget?.open();
    signal.addEventListener("abort", () => memory?.release(), { once: true });
    const leave = await queryGate.enter({ signal, timeoutMs });
    try {
      const startedMs = clock.monotonicMs();
      // What was spent in the queue is gone.
      const restMs = Math.max(1, timeoutMs - (startedMs - cameMs));
      const ask = { signal, timeoutMs: restMs, memory };
      const result = await runKeptPromql(context, { text, expr }, { times: allTimes, ask });
      return { result, startedMs };
    } finally {
      leave();
    }
  };
  const { value, leave } = await context.sharedQueries.ask(key, exchange.ask.signal, work);
  exchange.atEnd(leave);
  return value;
}

async function run(
  context: Context,
  exchange: Exchange,
  question: Question,
): Promise<FastifyReply> {
  const { params } = exchange;
  const { clock } = context;
  const { times, limit, text } = question;
  const cameMs = clock.monotonicMs();
  if ((durationParam(params, "timeout") ?? 1) <= 0)
    throw new TriptychError("query_timeout", "query timed out in query execution");
  let found: Evaluated;
  try {
    found = await evaluated(context, exchange, question);
  } catch (error) {
    // Found after parsing: durations that are computed from the times of the query.
    if (error instanceof TriptychError && error.code === "query_invalid")
      throw wrong(
        "query",
        error.message.replace(/\d+(?=:)/g, (at) => bytesBefore(text, at)),
      );
    throw error;
  }
  const { result } = found;
  const startedMs = Math.max(cameMs, found.startedMs);
  const stats = params.get("stats") ?? "";
  const notes = result.annotations.texts(text);
  const warnings = [...notes.warnings, ...statsWarning(stats)];
  const shown =
    stats === ""
      ? ""
      : `,"stats":${statsJson(result, { cameMs, startedMs, endedMs: clock.monotonicMs() })}`;
  return answer(
    exchange,
    function* (cut) {
      yield* resultJson(result, times.startMs, { limit, cut });
      yield `${shown}}`;
    },
    { ...notes, warnings },
  );
}

/** `{"resultType":…,"result":…` without the closing brace. */
function resultJson({ value }: PromqlResult, ms: number, limited: Limited): Iterable<Piece> {
  switch (value.kind) {
    case "scalar":
      return [`{"resultType":"scalar","result":[${timestamp(ms)},"${formatFloat(value.value)}"]`];
    case "string": {
      const result = `[${timestamp(ms)},${JSON.stringify(value.value)}]`;
      return [`{"resultType":"string","result":${result}`];
    }
    case "vector":
      return vectorJson(value.rows, ms, limited);
    case "matrix":
      return matrixJson(value.series, limited);
    case "range":
      return rangeJson(value.rows, value.grid, limited);
  }
}
