/** Parameters of the Prometheus HTTP API: from the URL and, for POST, a form in the body. */
import { parsePromql } from "@triptych/lang";
import { type Clock, defaultLimits, TriptychError } from "@triptych/model";
import type { FastifyRequest } from "fastify";
import type { SeriesRange } from "../../query/metrics/source.ts";

/** Millisecond times beyond this have no date. */
const TIME_MS_MAX = 8.64e15;

/** The body's values come first, as with Go's form parsing. */
export function formParams(request: FastifyRequest): URLSearchParams {
  const url = request.raw.url ?? "";
  const at = url.indexOf("?");
  const query = new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
  if (!(request.body instanceof URLSearchParams)) return query;
  const all = new URLSearchParams(request.body);
  for (const [name, value] of query) all.append(name, value);
  return all;
}

export function wrong(name: string, why: string): TriptychError {
  return new TriptychError("query_invalid", `invalid parameter "${name}": ${why}`);
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 80));

/** Seconds since 1970 as a number, or RFC 3339; milliseconds. */
export function parseTimeMs(text: string): number {
  const ms = isDecimal(text) ? Math.round(Number(text) * 1000) : dateMs(text);
  return Math.abs(ms) <= TIME_MS_MAX ? ms : Number.NaN;
}

function isDecimal(text: string): boolean {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text);
}

function dateMs(text: string): number {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;
  return form.test(text) ? Date.parse(text) : Number.NaN;
}

export function timeParam(params: URLSearchParams, name: string, fallback: number): number {
  const given = params.get(name) ?? "";
  if (given === "") return fallback;
  const ms = parseTimeMs(given);
  if (Number.isNaN(ms)) throw wrong(name, `cannot parse ${shown(given)} to a valid timestamp`);
  return ms;
}

/** Seconds as a number, or a duration such as 1h30m; milliseconds, possibly not positive. `undefined` when absent. */
export function durationParam(params: URLSearchParams, name: string): number | undefined {
  const given = params.get(name) ?? "";
  if (given === "") return undefined;
  let value = Number.NaN;
  try {
    const expr = parsePromql(given);
    if (expr.kind === "number") value = expr.value * 1000;
  } catch {
    value = Number.NaN;
  }
  if (!Number.isFinite(value))
    throw wrong(name, `cannot parse ${shown(given)} to a valid duration`);
  return Math.floor(value);
}

/** The engine's time limit, or less when `timeout` asks for less. */
export function timeoutParam(params: URLSearchParams): number {
  const given = durationParam(params, "timeout") ?? defaultLimits.queryTimeoutMs;
  return Math.min(Math.max(given, 1), defaultLimits.queryTimeoutMs);
}

/** How many results to return at most; 0 or absent means all. */
export function limitParam(params: URLSearchParams): number {
  const given = params.get("limit") ?? "";
  if (given === "") return Number.POSITIVE_INFINITY;
  if (!/^\d{1,15}$/.test(given)) throw wrong("limit", "limit must be a non-negative integer");
  const value = Number(given);
  return value === 0 ? Number.POSITIVE_INFINITY : value;
}

/** What `start` and `end` of the series endpoints mean; without them the last twelve hours. */
export function rangeParam(params: URLSearchParams, clock: Clock): SeriesRange {
  const toMs = timeParam(params, "end", clock.nowMs());
  const fromMs = timeParam(params, "start", toMs - 12 * 3_600_000);
  if (toMs < fromMs) throw wrong("end", "end timestamp must not be before start time");
  return { fromMs, toMs };
}
