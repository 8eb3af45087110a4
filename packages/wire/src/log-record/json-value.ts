/**
 * JSON as values: what a document of a log shipper is. Integers that a double does not hold are `bigint`, so ids and
 * nanoseconds stay exact.
 */
import { TriptychError } from "@triptych/model";

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };
export type JsonObject = { readonly [name: string]: JsonValue };

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Integers of so many digits are exact as doubles. */
const EXACT_DIGITS = 15;
/** Stands before the digits of an integer that is parsed as text first. */
const MARK = "\u0000int:";
const MARKED = /^-?\d{1,40}$/;

/** Members and elements of one document: what is more takes longer than others should wait. */
export const JSON_VALUES_MAX = 20_000;

/**
 * Parses one JSON text. Throws `wire_malformed`, `wire_too_deep` beyond `depthMax` open containers, and
 * `wire_too_many_items` beyond `JSON_VALUES_MAX` members and elements.
 */
export function parseJsonValue(text: string, depthMax: number): JsonValue {
  const long = scan(text, depthMax);
  try {
    if (long.length === 0) return JSON.parse(text);
    return JSON.parse(marked(text, long), (_name, value: unknown) =>
      typeof value === "string" && value.startsWith(MARK) ? unmarked(value) : value,
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TriptychError("wire_malformed", `not valid JSON: ${why.slice(0, 200)}`, { cause });
  }
}

/** Where integers stand that are too long for a double, in pairs of start and end; also bounds the depth. */
function scan(text: string, depthMax: number): number[] {
  const long: number[] = [];
  let depth = 0;
  let commas = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = stringEnd(text, at + 1);
    else if (unit === 0x2c) {
      if (++commas >= JSON_VALUES_MAX)
        throw new TriptychError("wire_too_many_items", `more than ${JSON_VALUES_MAX} values`);
    } else if (unit === 0x7b || unit === 0x5b) {
      if (++depth > depthMax)
        throw new TriptychError("wire_too_deep", `values are nested deeper than ${depthMax}`);
    } else if (unit === 0x7d || unit === 0x5d) depth--;
    else if (unit === 0x2d || (unit >= 0x30 && unit <= 0x39)) {
      const end = numberEnd(text, at);
      const digits = end - at - (unit === 0x2d ? 1 : 0);
      if (digits > EXACT_DIGITS && isInteger(text, at, end)) long.push(at, end);
      at = end - 1;
    }
  }
  return long;
}

function stringEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at;
    if (unit === BACKSLASH) at++;
  }
  return text.length;
}

function numberEnd(text: string, from: number): number {
  let at = from + 1;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const isPart = (unit >= 0x30 && unit <= 0x39) || unit === 0x2e || unit === 0x2b;
    if (!isPart && unit !== 0x2d && unit !== 0x65 && unit !== 0x45) return at;
  }
  return at;
}

function isInteger(text: string, start: number, end: number): boolean {
  // A zero in front is no JSON: it is left for the parser to refuse.
  const first = text.charCodeAt(start) === 0x2d ? start + 1 : start;
  return text.charCodeAt(first) !== 0x30 && MARKED.test(text.slice(start, end));
}

function marked(text: string, long: readonly number[]): string {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < long.length; i += 2) {
    const start = long[i] as number;
    const end = long[i + 1] as number;
    parts.push(text.slice(from, start), `"\\u0000int:${text.slice(start, end)}"`);
    from = end;
  }
  parts.push(text.slice(from));
  return parts.join("");
}

const INT64_MAX = 2n ** 63n - 1n;

function unmarked(value: string): JsonValue {
  const digits = value.slice(MARK.length);
  // A text of a sender that happens to begin as the mark does.
  if (!MARKED.test(digits)) return value;
  const exact = BigInt(digits);
  const number = Number(exact);
  if (Number.isSafeInteger(number)) return number;
  return exact > INT64_MAX || exact < -INT64_MAX - 1n ? number : exact;
}

/**
 * The JSON text of a value in the form that attributes of the kinds array and map have: whole numbers without a
 * point, others with one. Throws `wire_too_deep` beyond `depthMax` containers.
 */
export function jsonText(value: JsonValue, depthMax: number): string {
  if (typeof value === "number") return numberText(value);
  if (typeof value !== "object" || value === null)
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  if (depthMax === 0) throw new TriptychError("wire_too_deep", "a value is nested too deep");
  if (isList(value)) return `[${value.map((item) => jsonText(item, depthMax - 1)).join(",")}]`;
  const members = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${jsonText(item, depthMax - 1)}`).join(",")}}`;
}

export function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Non-finite numbers, which JSON does not have, are texts. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  const text = Object.is(value, -0) ? "-0" : String(value);
  const isWhole = Number.isSafeInteger(value) || text.includes(".") || text.includes("e");
  return isWhole ? text : `${text}.0`;
}
