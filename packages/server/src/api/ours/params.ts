/**
 * The parameters of our own HTTP API, from the query string into model values: times, limits, attribute filters.
 * Whatever cannot be understood is `query_invalid` with the input quoted; limits are clamped, never refused.
 */
import type { AttributeFilter, TimeRange } from "@triptych/contract";
import { type Clock, TriptychError } from "@triptych/model";
import { checkPattern } from "../../regex/regex.ts";

/** The last time that the store's nanosecond columns can hold (2262). */
const TIME_MS_MAX = 9_223_372_036_854;
const RANGE_MS_DEFAULT = 3_600_000;
const FILTERS_MAX = 64;
const QUOTE_CHARS_MAX = 80;

export interface QueryParams {
  /** The value of a parameter that may be given once; `undefined` when absent or empty. */
  text(name: string): string | undefined;
  /** All non-empty values of a parameter that may be repeated. */
  texts(name: string): readonly string[];
  /** A finite number within `[min, max]`; `undefined` when absent. */
  number(name: string, bounds?: { min?: number; max?: number }): number | undefined;
  /** A whole number from 1, clamped to `max`. */
  limit(name: string, bounds: { standard: number; max: number }): number;
  oneOf<T extends string>(name: string, options: readonly T[]): T | undefined;
  /** `from` and `to`; the last hour when absent. */
  range(clock: Clock): TimeRange;
  /** The repeated `attr` parameter. */
  filters(): readonly AttributeFilter[];
}

/** Takes what Fastify gives as `request.query`. */
export function queryParams(query: unknown): QueryParams {
  const source = (query ?? {}) as { readonly [name: string]: unknown };
  const values = (name: string): string[] => {
    const value = Object.hasOwn(source, name) ? source[name] : undefined;
    const list = Array.isArray(value) ? value : [value];
    const found = list.filter((item): item is string => typeof item === "string" && item !== "");
    if (found.length > FILTERS_MAX)
      throw invalid(`"${name}" is given ${found.length} times, more than ${FILTERS_MAX}`);
    return found;
  };
  const text = (name: string): string | undefined => {
    const found = values(name);
    if (found.length > 1) throw invalid(`"${name}" is given more than once`);
    return found[0];
  };
  const number: QueryParams["number"] = (name, bounds = {}) => {
    const given = text(name);
    if (given === undefined) return undefined;
    const value = decimal(given);
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = bounds;
    if (!Number.isFinite(value)) throw invalid(`"${name}" is ${quoted(given)}, not a number`);
    if (value < min || value > max)
      throw invalid(`"${name}" is ${quoted(given)}, not within ${min} to ${max}`);
    return value;
  };
  return {
    text,
    texts: values,
    number,
    limit(name, { standard, max }) {
      const value = number(name, { min: 1 });
      return Math.min(Math.floor(value ?? standard), max);
    },
    oneOf(name, options) {
      const given = text(name);
      if (given === undefined) return undefined;
      const found = options.find((option) => option === given);
      if (found === undefined)
        throw invalid(`"${name}" is ${quoted(given)}, not one of ${options.join(", ")}`);
      return found;
    },
    range(clock) {
      const bounds = { min: 0, max: TIME_MS_MAX };
      const to = number("to", bounds) ?? clock.nowMs();
      const from = number("from", bounds) ?? Math.max(0, to - RANGE_MS_DEFAULT);
      if (from >= to)
        throw invalid(`the range from=${from} to=${to} is empty: "from" must be before "to"`);
      return { from: Math.floor(from), to: Math.ceil(to) };
    },
    filters: () => values("attr").map(parseAttributeFilter),
  };
}

/** Decimal text only: `Number` alone would take "0x10", " 1" and "". */
function decimal(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

const SCOPES = ["resource", "span", "log", "any"] as const;
const OPS = ["!=", "=~", "!~", "="] as const;

/**
 * `<scope>.<key><op><value>`. The key ends at the first operator; one that itself holds an operator is written as a
 * JSON string: `span."a=b"=c`.
 */
export function parseAttributeFilter(given: string): AttributeFilter {
  const wrong = (why: string): TriptychError =>
    invalid(
      `attr=${quoted(given)} ${why}; write <scope>.<key><op><value>, such as span.http.route=/pay`,
    );
  const dot = given.indexOf(".");
  const scope = SCOPES.find((candidate) => candidate === given.slice(0, Math.max(dot, 0)));
  if (scope === undefined) throw wrong(`has none of the scopes ${SCOPES.join(", ")}`);
  const { key, end } = readKey(given, dot + 1, wrong);
  if (key === "") throw wrong("has no key");
  const op = OPS.find((candidate) => given.startsWith(candidate, end));
  if (op === undefined) throw wrong(`has none of the operators ${OPS.join(" ")}`);
  const value = given.slice(end + op.length);
  if (op === "=~" || op === "!~") checkPattern(value);
  return { scope, key, op, value };
}

function readKey(
  given: string,
  start: number,
  wrong: (why: string) => TriptychError,
): { key: string; end: number } {
  if (given[start] !== '"') {
    const found = given.slice(start).search(/=|!=|!~/);
    if (found < 0) throw wrong(`has none of the operators ${OPS.join(" ")}`);
    return { key: given.slice(start, start + found), end: start + found };
  }
  const literal = /^"(?:[^"\\]|\\.)*"/s.exec(given.slice(start))?.[0];
  if (literal === undefined) throw wrong("has a key whose quote is not closed");
  try {
    return { key: String(JSON.parse(literal)), end: start + literal.length };
  } catch {
    throw wrong("has a key that is not a JSON string");
  }
}

/** Input in an error message: cut, and with control characters escaped. */
export function quoted(input: string): string {
  const cut = input.length > QUOTE_CHARS_MAX ? `${input.slice(0, QUOTE_CHARS_MAX)}…` : input;
  return JSON.stringify(cut);
}

export function invalid(message: string): TriptychError {
  return new TriptychError("query_invalid", message);
}
