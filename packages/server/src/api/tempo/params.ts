/** The parameters of Tempo's HTTP API, with errors that name them. */
import { parseDurationMs } from "@triptych/lang";
import { type Clock, TriptychError } from "@triptych/model";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import { parseGoDuration } from "../jaeger/go-duration.ts";

export function bad(message: string): TriptychError {
  return new TriptychError("query_invalid", message);
}

const SECOND_NS = 1_000_000_000n;
const MS_NS = 1_000_000n;
const HOUR_MS = 3_600_000;
/** Times beyond what 64 bits of nanoseconds hold. */
const SECONDS_MAX = 9_223_372_036n;

/** The first value that is not empty. */
export function param(params: URLSearchParams, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = params.get(name);
    if (value !== null && value !== "") return value;
  }
  return undefined;
}

export function unsigned(params: URLSearchParams, name: string): number | undefined {
  const text = param(params, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffff_ffff)
    throw bad(
      `invalid ${name}: ${JSON.stringify(text.slice(0, 40))} is not a whole number of 32 bits`,
    );
  return Number(text);
}

/** `start` and `end` in seconds. Without both, everything that is stored up to now is searched. */
export function searchRange(params: URLSearchParams, clock: Clock): NsRange {
  const start = unsigned(params, "start") ?? 0;
  const end = unsigned(params, "end") ?? 0;
  if (start === 0 && end === 0)
    return { fromNs: 0n, toNs: BigInt(Math.ceil(clock.nowMs()) + HOUR_MS) * MS_NS };
  if (start === 0) throw bad("only one of start and end provided: must provide both or neither");
  if (end <= start)
    throw bad(`http parameter start must be before end. received start=${start} end=${end}`);
  return { fromNs: BigInt(start) * SECOND_NS, toNs: (BigInt(end) + 1n) * SECOND_NS };
}

/** `start` and `end` in seconds, nanoseconds or RFC 3339, or `since`; the last hour when nothing is given. */
export function metricsRange(
  params: URLSearchParams,
  clock: Clock,
): { readonly startNs: bigint; readonly endNs: bigint } {
  const nowNs = BigInt(Math.trunc(clock.nowMs())) * MS_NS;
  const endNs = timestamp("end", param(params, "end")) ?? nowNs;
  const since = param(params, "since");
  const sinceNs = since === undefined ? BigInt(HOUR_MS) * MS_NS : durationOf("since", since);
  const behind = endNs > nowNs ? nowNs : endNs;
  const startNs = timestamp("start", param(params, "start")) ?? behind - sinceNs;
  if (startNs <= 0n) throw bad("start required");
  if (endNs <= startNs) throw bad("end must be greater than start");
  return { startNs, endNs };
}

export function timestamp(name: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const [, whole, fraction = ""] = /^(\d{1,19})(?:\.(\d{1,18}))?$/.exec(text) ?? [];
  if (whole !== undefined) {
    const value = BigInt(whole);
    // As the peers tell them apart: whole numbers of more than ten digits are nanoseconds.
    if (whole.length > 10 && fraction === "") return value;
    if (value > SECONDS_MAX) throw bad(`could not parse '${name}' parameter: ${text} is too large`);
    return value * SECOND_NS + BigInt(fraction.padEnd(9, "0").slice(0, 9));
  }
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw bad(`could not parse '${name}' parameter: ${JSON.stringify(text.slice(0, 40))}`);
  return BigInt(ms) * MS_NS;
}

/** Prometheus' durations, Go's, or seconds as a number. */
export function durationOf(name: string, text: string): bigint {
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return BigInt(Math.round(Number(text) * 1e9));
  try {
    return BigInt(parseDurationMs(text)) * MS_NS;
  } catch {
    const ns = parseGoDuration(text);
    if (ns === undefined || ns < 0)
      throw bad(`invalid ${name}: ${JSON.stringify(text.slice(0, 40))} is not a duration`);
    return BigInt(ns);
  }
}
