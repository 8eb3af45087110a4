/** `query` and `query_range`: lines, and numbers made of lines. */
import type { LogqlExpr } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import { runLogQuery } from "../../query/logql/run-logs.ts";
import { runKeptMetricQuery } from "../../query/logql/kept.ts";
import type { LogRange } from "../../query/logs/source.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import { type Context, type Exchange, nowNs, parsedQuery } from "./exchange.ts";
import {
  directionParam,
  durationParam,
  limitParam,
  POINTS_MAX,
  rangeParam,
  stepParam,
  timeParam,
} from "./params.ts";
import { CATEGORIZE_LABELS, metricJson, streamsJson } from "./result.ts";

/** Instant log queries have no range in their request. */
const INSTANT_RANGE_NS = 3_600_000_000_000n;

export function rangeQuery(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params } = exchange;
  const range = rangeParam(params, context.clock);
  const expr = parsedQuery(params.get("query") ?? "", context.clock);
  if (expr.kind === "log_query") return logQuery(context, exchange, { expr, range });
  const startMs = Number(range.fromNs / 1_000_000n);
  const endMs = Number(range.toNs / 1_000_000n);
  const stepMs = stepParam(params, { startMs, endMs });
  if ((endMs - startMs) / stepMs > POINTS_MAX)
    throw new TriptychError(
      "query_invalid",
      "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
    );
  // Steps are multiples of themselves, so that answers of panels that move on agree.
  const firstMs = Math.floor(startMs / stepMs) * stepMs;
  const lastMs = Math.ceil(endMs / stepMs) * stepMs;
  const isAligned = stepMs >= 1000;
  const times = isAligned ? { startMs: firstMs, endMs: lastMs } : { startMs, endMs };
  return metricQuery(context, exchange, { expr, ...times, stepMs });
}

export function instantQuery(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params } = exchange;
  const at = timeParam(params, "time", nowNs(context.clock));
  const expr = parsedQuery(params.get("query") ?? "", context.clock);
  if (expr.kind === "log_query") {
    const range = { fromNs: at - INSTANT_RANGE_NS, toNs: at + 1n };
    return logQuery(context, exchange, { expr, range });
  }
  const startMs = Number(at / 1_000_000n);
  return metricQuery(context, exchange, { expr, startMs, endMs: startMs, stepMs: undefined });
}

async function metricQuery(
  { engine, clock, keys, kept }: Context,
  { ask, reply, params }: Exchange,
  asked: Omit<Parameters<typeof runKeptMetricQuery>[1], "text">,
): Promise<FastifyReply> {
  const startedMs = clock.monotonicMs();
  const question = { ...asked, text: params.get("query") ?? "" };
  const value = await runKeptMetricQuery({ engine, clock, keys, kept }, question, ask);
  const stats = { ...ask.cost, seconds: (clock.monotonicMs() - startedMs) / 1000 };
  return sendJsonStream(reply, metricJson(value, { atMs: asked.startMs, stats }));
}

async function logQuery(
  { engine, clock, keys }: Context,
  { params, ask, request, reply }: Exchange,
  {
    expr,
    range,
  }: { readonly expr: Extract<LogqlExpr, { kind: "log_query" }>; readonly range: LogRange },
): Promise<FastifyReply> {
  const startedMs = clock.monotonicMs();
  const limit = limitParam(params);
  const order = directionParam(params);
  const intervalNs = durationParam(params, "interval", 0n);
  const question = { query: expr, range, order, limit, intervalNs };
  const lines = await runLogQuery({ engine, clock, keys }, question, ask);
  const flags = String(request.headers["x-loki-response-encoding-flags"] ?? "");
  const categorize = flags.split(",").some((flag) => flag.trim() === CATEGORIZE_LABELS);
  const stats = { ...ask.cost, seconds: (clock.monotonicMs() - startedMs) / 1000 };
  return sendJsonStream(reply, streamsJson(lines, { categorize, stats }));
}
