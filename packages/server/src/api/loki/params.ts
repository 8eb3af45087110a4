/** Parameters of Loki's HTTP API. Times are nanoseconds since 1970, seconds with a fraction, or RFC 3339. */
import { parsePromql } from "@triptych/lang";
import { type Clock, TriptychError } from "@triptych/model";
import type { LogRange } from "../../query/logs/source.ts";

const HOUR_NS = 3_600_000_000_000n;
const LINES_STANDARD = 100;
/** Loki's own default limit. */
const LINES_MAX = 5_000;
/** Integers of at most this many digits are seconds. */
const SECONDS_DIGITS_MAX = 10;

function wrong(message: string): TriptychError {
  return new TriptychError("query_invalid", message);
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 80));

export function parseTimeNs(text: string): bigint | undefined {
  if (/^-?\d{1,19}$/.test(text))
    return text.length <= SECONDS_DIGITS_MAX ? BigInt(text) * 1_000_000_000n : BigInt(text);
  const seconds = /^(-?)(\d{1,11})\.(\d*)$/.exec(text);
  if (seconds !== null) {
    const [, sign = "", whole = "", fraction = ""] = seconds;
    const ns = BigInt(whole) * 1_000_000_000n + fractionNs(fraction);
    return sign === "-" ? -ns : ns;
  }
  const date = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/i.exec(text);
  if (date === null) return undefined;
  const [, whole = "", fraction = "", zone = ""] = date;
  const ms = Date.parse(whole + zone);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + fractionNs(fraction);
}

const fractionNs = (digits: string): bigint => BigInt(digits.slice(0, 9).padEnd(9, "0"));

export function timeParam(params: URLSearchParams, name: string, fallback: bigint): bigint {
  const given = params.get(name) ?? "";
  if (given === "") return fallback;
  const ns = parseTimeNs(given);
  if (ns === undefined) throw wrong(`could not parse '${name}' parameter: ${shown(given)}`);
  return ns;
}

/** `start` and `end`; the last hour, or what `since` says, when absent. */
export function rangeParam(params: URLSearchParams, clock: Clock): LogRange {
  const now = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
  const toNs = timeParam(params, "end", now);
  const fromNs = timeParam(params, "start", toNs - sinceParam(params));
  if (toNs < fromNs) throw wrong("end timestamp must not be before or equal to start time");
  return { fromNs, toNs };
}

function sinceParam(params: URLSearchParams): bigint {
  const given = params.get("since") ?? "";
  if (given === "") return HOUR_NS;
  let seconds = Number.NaN;
  try {
    const expr = parsePromql(given);
    if (expr.kind === "number") seconds = expr.value;
  } catch {
    seconds = Number.NaN;
  }
  if (!(seconds > 0 && seconds < 1e10))
    throw wrong(`could not parse 'since' parameter: ${shown(given)}`);
  return BigInt(Math.round(seconds * 1000)) * 1_000_000n;
}

export function limitParam(params: URLSearchParams): number {
  const given = params.get("limit") ?? "";
  if (given === "") return LINES_STANDARD;
  if (!/^\d{1,15}$/.test(given) || Number(given) === 0)
    throw wrong(`limit must be a positive value, not ${shown(given)}`);
  return Math.min(Number(given), LINES_MAX);
}

export function directionParam(params: URLSearchParams): "newest" | "oldest" {
  const given = (params.get("direction") ?? "backward").toLowerCase();
  if (given === "backward" || given === "") return "newest";
  if (given === "forward") return "oldest";
  throw wrong(`invalid direction ${shown(given)}; it must be forward or backward`);
}
