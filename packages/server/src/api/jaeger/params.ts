/** The parameters of Jaeger's HTTP API, with its messages where they cannot be understood. */
import { type Clock, TriptychError } from "@triptych/model";
import type { NsRange, SpanFilter } from "../../store/clickhouse/select/traces-filter.ts";
import { parseGoDuration } from "./go-duration.ts";

export type Tag = readonly [key: string, value: string];

export interface TraceQuery {
  /** Given ids are fetched; otherwise traces are searched. */
  readonly traceIds: readonly string[];
  readonly filter: SpanFilter;
  readonly limit: number;
}

const LIMIT_STANDARD = 100;
/** What Jaeger's own UI offers at most. */
const LIMIT_MAX = 1_500;
const TRACE_IDS_MAX = 1_500;
/** Over all traces of one answer: more than a browser can show. */
export const SPANS_MAX = 500_000;
const TAGS_MAX = 64;
const HOUR_NS = 3_600_000_000_000n;

export type Values = (name: string) => readonly string[];

/** Reads what Fastify gives as `request.query`. */
export function valuesOf(query: unknown): Values {
  const source = (query ?? {}) as { readonly [name: string]: unknown };
  return (name) => {
    const value = Object.hasOwn(source, name) ? source[name] : undefined;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.filter((item): item is string => typeof item === "string" && item !== "");
  };
}

export function traceQueryOf(values: Values, clock: Clock): TraceQuery {
  const traceIds = values("traceID").map(traceIdOf);
  if (traceIds.length > TRACE_IDS_MAX)
    throw bad(`parameter 'traceID' is given more than ${TRACE_IDS_MAX} times`);
  const [service] = values("service");
  const [operation] = values("operation");
  const range = searchRange(values, clock);
  const tags = tagsOf(values("tag"), values("tags"));
  const min = duration(values, "minDuration");
  const max = duration(values, "maxDuration");
  if (traceIds.length === 0 && service === undefined) throw serviceRequired();
  if (min !== undefined && max !== undefined && max < min)
    throw bad("'maxDuration' should be greater than 'minDuration'");
  return {
    traceIds,
    limit: clampedLimit("limit", values("limit")[0]),
    filter: { range, service, operation, tags, minDurationNs: min, maxDurationNs: max },
  };
}

/** Whether times are wanted as they were sent, without adjustment for clock skew. */
export function isRaw([text]: readonly string[]): boolean {
  return text !== undefined && ["1", "t", "true"].includes(text.toLowerCase());
}

/** How many traces a search lists. */
export function clampedLimit(name: string, text: string | undefined): number {
  if (text === undefined) return LIMIT_STANDARD;
  return Math.min(Math.max(1, Number(integer(name, text))), LIMIT_MAX);
}

export function serviceRequired(): TriptychError {
  return bad("parameter 'service' is required");
}

/** `end` is inclusive in Jaeger. Without `start` the range is `lookback` long, an hour when that is not given either. */
function searchRange(values: Values, clock: Clock): NsRange {
  const end = micros(values, "end") ?? BigInt(Math.ceil(clock.nowMs())) * 1_000_000n;
  const start = micros(values, "start") ?? end - lookbackNs(values("lookback")[0]);
  return { fromNs: start, toNs: end + 1n };
}

function lookbackNs(text: string | undefined): bigint {
  if (text === undefined || text === "custom") return HOUR_NS;
  const days = /^(\d{1,5})(d|w)$/.exec(text);
  if (days !== null) return BigInt(days[1] ?? 0) * HOUR_NS * (days[2] === "w" ? 168n : 24n);
  const ns = parseGoDuration(text);
  if (ns === undefined) throw unparsable("lookback", `time: invalid duration ${quoted(text)}`);
  return BigInt(ns);
}

/** Hints where a trace is; none when neither is given. */
export function rangeHint(values: Values): NsRange | undefined {
  const start = micros(values, "start");
  const end = micros(values, "end");
  if (start === undefined && end === undefined) return undefined;
  return { fromNs: start ?? 0n, toNs: (end ?? 2n ** 63n - 2n) + 1n };
}

export function dependencyRange(values: Values, clock: Clock): NsRange {
  const [endText] = values("endTs");
  const [lookbackText] = values("lookback");
  const endMs =
    endText === undefined ? BigInt(Math.ceil(clock.nowMs())) : integer("endTs", endText);
  const lookbackMs = lookbackText === undefined ? 86_400_000n : integer("lookback", lookbackText);
  return { fromNs: (endMs - lookbackMs) * 1_000_000n, toNs: endMs * 1_000_000n + 1n };
}

function micros(values: Values, name: string): bigint | undefined {
  const [text] = values(name);
  return text === undefined ? undefined : integer(name, text) * 1_000n;
}

function duration(values: Values, name: string): bigint | undefined {
  const [text] = values(name);
  if (text === undefined) return undefined;
  const ns = parseGoDuration(text);
  if (ns === undefined) throw unparsable(name, `time: invalid duration ${quoted(text)}`);
  // Jaeger takes zero as "not given".
  return ns <= 0 ? undefined : BigInt(ns);
}

function integer(name: string, text: string): bigint {
  if (!/^[+-]?\d{1,19}$/.test(text))
    throw unparsable(name, `strconv.ParseInt: parsing ${quoted(text)}: invalid syntax`);
  return BigInt(text.replace("+", ""));
}

/** Up to 32 hexadecimal digits; short ids are the low part. */
export function traceIdOf(text: string): string {
  if (text.length > 32)
    throw bad(`TraceID cannot be longer than 32 hex characters: ${text.slice(0, 80)}`);
  if (!/^[0-9a-fA-F]+$/.test(text))
    throw bad(`strconv.ParseUint: parsing ${quoted(text)}: invalid syntax`);
  return text.toLowerCase().padStart(32, "0");
}

/** `tag=key:value`, repeated, and `tags={"key":"value"}`. */
export function tagsOf(simple: readonly string[], json: readonly string[]): Tag[] {
  const tags: Tag[] = [];
  for (const text of simple) {
    const colon = text.indexOf(":");
    if (colon < 0)
      throw bad(`malformed 'tag' parameter, expecting key:value, received: ${text.slice(0, 80)}`);
    tags.push([text.slice(0, colon), text.slice(colon + 1)]);
  }
  for (const text of json) tags.push(...tagsOfJson(text));
  // As in a map, the last value of a key counts.
  const unique = [...new Map(tags)];
  if (unique.length > TAGS_MAX) throw bad(`more than ${TAGS_MAX} tags`);
  return unique;
}

function tagsOfJson(text: string): Tag[] {
  const malformed = (why: string): TriptychError =>
    bad(`malformed 'tags' parameter, cannot unmarshal JSON: ${why}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error));
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw malformed(`${quoted(text)} is not an object`);
  return Object.entries(parsed).map(([key, value]): Tag => {
    if (!["string", "number", "boolean"].includes(typeof value))
      throw malformed(`the value of ${quoted(key)} is not a string`);
    return [key, String(value)];
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function unparsable(name: string, why: string): TriptychError {
  return bad(`unable to parse param '${name}': ${why}`);
}

function bad(message: string): TriptychError {
  return new TriptychError("query_invalid", message);
}
