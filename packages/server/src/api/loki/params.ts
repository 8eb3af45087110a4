/** Parameters of Loki's HTTP API. Times are nanoseconds since 1970, seconds with a fraction, or RFC 3339. */
import { parseDurationMs, parseGoDurationNs } from "@triptych/lang";
import { type Clock, TriptychError } from "@triptych/model";
import type { LogRange } from "../../query/logs/source.ts";

const HOUR_NS = 3_600_000_000_000n;
const LINES_STANDARD = 100;
/** Loki's own default limit. */
export const LINES_MAX = 5_000;
/** Integers of at most this many digits are seconds. */
const SECONDS_DIGITS_MAX = 10;

export function wrong(message: string): TriptychError {
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
  const since = durationParam(params, "since", HOUR_NS);
  if (since <= 0n) throw wrong(`could not parse 'since' parameter: it must be positive`);
  return since;
}

/** Seconds, or a duration such as `1h30m`, in nanoseconds. */
export function durationParam(params: URLSearchParams, name: string, fallback: bigint): bigint {
  const given = params.get(name) ?? "";
  if (given === "") return fallback;
  let ns = Number.NaN;
  if (/^\d+(?:\.\d*)?$|^\.\d+$/.test(given)) ns = Number(given) * 1e9;
  else {
    try {
      ns = parseDurationMs(given) * 1e6;
    } catch {
      ns = goDuration(given);
    }
  }
  if (!(ns >= 0 && ns < 2 ** 63))
    throw wrong(`could not parse '${name}' parameter: ${shown(given)}`);
  return BigInt(Math.round(ns));
}

function goDuration(text: string): number {
  try {
    return parseGoDurationNs(text);
  } catch {
    return Number.NaN;
  }
}

/** Steps of a range. */
export const POINTS_MAX = 11_000;
/** Without a step the range has about so many. */
const STEPS_STANDARD = 250;

const STEP_TOO_SMALL =
  "zero or negative query resolution step widths are not accepted. Try a positive integer";

/** `step` in milliseconds; one fits the range when it is absent. */
export function stepParam(
  params: URLSearchParams,
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
): number {
  const seconds = Math.max(1, Math.floor((endMs - startMs) / 1000 / STEPS_STANDARD));
  if (/^-\d/.test(params.get("step") ?? "")) throw wrong(STEP_TOO_SMALL);
  const ns = durationParam(params, "step", BigInt(seconds) * 1_000_000_000n);
  const ms = Number(ns) / 1e6;
  if (!(ms >= 1)) throw wrong(STEP_TOO_SMALL);
  return ms;
}

export function limitParam(params: URLSearchParams): number {
  return countParam(params, "limit", { standard: LINES_STANDARD, max: LINES_MAX });
}

/** A count with its bounds. */
export function countParam(
  params: URLSearchParams,
  name: string,
  { standard, max }: { readonly standard: number; readonly max: number },
): number {
  const given = params.get(name) ?? "";
  if (given === "") return standard;
  if (!/^\d{1,15}$/.test(given) || Number(given) === 0)
    throw wrong(`${name} must be a positive value`);
  return Math.min(Number(given), max);
}

export function directionParam(params: URLSearchParams): "newest" | "oldest" {
  const given = (params.get("direction") ?? "backward").toLowerCase();
  if (given === "backward" || given === "") return "newest";
  if (given === "forward") return "oldest";
  throw wrong(`invalid direction '${given.slice(0, 50)}'; it must be forward or backward`);
}
