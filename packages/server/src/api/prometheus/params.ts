/** Parameters of the Prometheus HTTP API: from the URL and, for POST, a form in the body. */
import { parseDurationMs } from "@triptych/lang";
import { type Clock, TriptychError } from "@triptych/model";
import type { SeriesRange } from "../../query/metrics/source.ts";

/** Millisecond times beyond this have no date. */
const TIME_MS_MAX = 8.64e15;

export function wrong(name: string, why: string): TriptychError {
  return new TriptychError("query_invalid", `invalid parameter "${name}": ${why}`);
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 80));

/** Seconds since 1970 as a number, or RFC 3339; milliseconds. */
export function parseTimeMs(text: string): number {
  const ms = isDecimal(text) ? Math.round(goNumber(text) * 1000) : dateMs(text);
  return Math.abs(ms) <= TIME_MS_MAX ? ms : Number.NaN;
}

function isDecimal(text: string): boolean {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(withoutUnderscores(text));
}

/** Go takes underscores between digits. */
const withoutUnderscores = (text: string): string => text.replace(/(?<=\d)_(?=\d)/g, "");
const goNumber = (text: string): number => Number(withoutUnderscores(text));

function dateMs(text: string): number {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
  return form.test(text) ? Date.parse(text) : Number.NaN;
}

/** Prometheus prints its first and last instant so; they are beyond what other times may be. */
const boundaries: { readonly [text: string]: number } = {
  "-292273086-05-16T16:47:06Z": -TIME_MS_MAX,
  "292277025-08-18T07:12:54.999999999Z": TIME_MS_MAX,
};

/** A time that may be left out. */
export function timeParam(params: URLSearchParams, name: string, fallback: number): number {
  const given = params.get(name) ?? "";
  if (given === "") return fallback;
  const ms = boundaries[given] ?? parseTimeMs(given);
  if (!Number.isNaN(ms)) return ms;
  throw wrong(
    name,
    `invalid time value for '${name}': cannot parse ${shown(given)} to a valid timestamp`,
  );
}

/** A time that must be there. */
export function requiredTime(params: URLSearchParams, name: string): number {
  const given = params.get(name) ?? "";
  const ms = given === "" ? Number.NaN : (boundaries[given] ?? parseTimeMs(given));
  if (Number.isNaN(ms)) throw wrong(name, `cannot parse ${shown(given)} to a valid timestamp`);
  return ms;
}

/**
 * Seconds as a number, or a duration such as 1h30m; milliseconds, possibly not positive. `undefined` when absent. Of
 * some parameters the error begins with other words than usual: `before`.
 */
export function durationParam(
  params: URLSearchParams,
  name: string,
  before?: string,
): number | undefined {
  const given = params.get(name) ?? "";
  if (given === "") return undefined;
  const value = durationMs(given);
  // A duration of Go is a 64-bit number of nanoseconds.
  const overflows = Math.abs(value) * 1e6 > 2 ** 63;
  if (!Number.isFinite(value) || overflows) {
    const more = overflows ? ". It overflows int64" : "";
    const why = `cannot parse ${shown(given)} to a valid duration${more}`;
    throw before === undefined
      ? wrong(name, why)
      : new TriptychError("query_invalid", before + why);
  }
  return value;
}

/** A number of seconds, or Prometheus' form of durations, in which nothing is negative. */
function durationMs(text: string): number {
  if (isDecimal(text)) return goNumber(text) * 1000;
  try {
    return parseDurationMs(text);
  } catch {
    return Number.NaN;
  }
}

/** The engine's time limit, or less when `timeout` asks for less. */
export function timeoutParam(params: URLSearchParams, queryTimeoutMs: number): number {
  const given = durationParam(params, "timeout") ?? queryTimeoutMs;
  return Math.min(Math.max(given, 1), queryTimeoutMs);
}

/** How many results to return at most; 0 or absent means all. */
export function limitParam(params: URLSearchParams): number {
  const given = params.get("limit") ?? "";
  if (given === "") return Number.POSITIVE_INFINITY;
  const value = wholeNumber(given);
  if (value === undefined) {
    const why = /^[+-]?\d+$/.test(given) ? "value out of range" : "invalid syntax";
    throw wrong("limit", `strconv.Atoi: parsing ${shown(given)}: ${why}`);
  }
  if (value < 0) throw wrong("limit", "limit must be non-negative");
  return value === 0 ? Number.POSITIVE_INFINITY : value;
}

/** A whole number with an optional sign. */
export function wholeNumber(text: string): number | undefined {
  return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Nothing is stored from before 1970, and nothing from much later than now. */
const AHEAD_MS = 86_400_000;

/** What `start` and `end` of the endpoints for series and labels mean; without them all time. */
export function rangeParam(params: URLSearchParams, clock: Clock): SeriesRange {
  const lastMs = clock.nowMs() + AHEAD_MS;
  const fromMs = Math.max(0, timeParam(params, "start", 0));
  const toMs = Math.min(lastMs, timeParam(params, "end", lastMs));
  return { fromMs, toMs };
}
