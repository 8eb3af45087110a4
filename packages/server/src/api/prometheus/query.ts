/** Instant and range queries. */
import { formatFloat, type PromqlResult, promqlTypeOf } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import { type PromqlTimes, runPromql } from "../../query/promql/source.ts";
import { answer, type Context, type Exchange, queryOf, type Route } from "./exchange.ts";
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

async function instantQuery(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params } = exchange;
  const limit = limitParam(params);
  const ms = timeParam(params, "time", context.clock.nowMs());
  const times = { startMs: ms, endMs: ms, lookbackMs: lookbackOf(params) };
  return run(context, exchange, { times, limit, ...queryOf(params) });
}

async function rangeQuery(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params } = exchange;
  const limit = limitParam(params);
  const times = timesParam(params, context.limits.queryPointsPerSeriesMax);
  const { text, expr } = queryOf(params);
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

async function run(
  { source, queryGate, clock, subqueryIntervalMs }: Context,
  exchange: Exchange,
  { times, limit, text, expr }: Question,
): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const cameMs = clock.monotonicMs();
  if ((durationParam(params, "timeout") ?? 1) <= 0)
    throw new TriptychError("query_timeout", "query timed out in query execution");
  const leave = await queryGate.enter(ask);
  const startedMs = clock.monotonicMs();
  let result: PromqlResult;
  try {
    // What was spent in the queue is gone.
    const timeoutMs = Math.max(1, ask.timeoutMs - (startedMs - cameMs));
    const asked = { ...ask, timeoutMs };
    result = await runPromql(source, expr, {
      times: { ...times, subqueryIntervalMs: subqueryIntervalMs() },
      ask: asked,
    });
  } catch (error) {
    // Found after parsing: durations that are computed from the times of the query.
    if (error instanceof TriptychError && error.code === "query_invalid")
      throw wrong(
        "query",
        error.message.replace(/\d+(?=:)/g, (at) => bytesBefore(text, at)),
      );
    throw error;
  } finally {
    leave();
  }
  const stats = params.get("stats") ?? "";
  const notes = result.annotations.texts(text);
  const warnings = [...notes.warnings, ...statsWarning(stats)];
  const shown =
    stats === ""
      ? ""
      : `,"stats":${statsJson(result.samplesRead, { cameMs, startedMs, endedMs: clock.monotonicMs() })}`;
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
