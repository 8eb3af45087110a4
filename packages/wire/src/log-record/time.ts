/** Times in log records: ISO 8601 texts, and numbers since 1970 whose unit their magnitude tells. */
import type { JsonValue } from "./json-value.ts";

const NS_PER_MS = 1_000_000n;
/** The end of 2262-04-11, where 64-bit nanoseconds end. */
const NS_END = 2n ** 63n;

/** Where things stand in it is told by their places, so nothing is captured. */
const ISO =
  /^\d{4}-\d\d-\d\d[Tt _]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:[Zz]|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?$/;
/** The longest text that can be a time. */
const TEXT_MAX = 64;
const NUMBER = /^(-?\d{1,20})(?:\.(\d{1,9})\d*)?$/;

/**
 * Nanoseconds since 1970, or undefined for what is no time between 1970 and 2262. A text without a zone is UTC. Numbers
 * below 10^8 are no times: a counter or seconds since start is more likely than a day of 1972.
 */
export function recogniseTime(value: JsonValue | undefined): bigint | undefined {
  if (typeof value === "string") return timeOfText(value);
  if (typeof value === "bigint") return timeOfDigits(value, "");
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  // A double of seconds is exact to a quarter of a microsecond, which six digits show.
  return timeOfText(Number.isInteger(value) ? value.toFixed(0) : value.toFixed(6));
}

export function timeOfText(text: string): bigint | undefined {
  if (text.length > TEXT_MAX || text.length < 9) return undefined;
  const number = NUMBER.exec(text);
  if (number !== null) return timeOfDigits(BigInt(number[1] ?? "0"), number[2] ?? "");
  return timeOfIso(text);
}

/** The units by how long ago or ahead they would be: the first whose bound holds. */
const UNITS = [
  { below: 100_000_000_000n, ns: 1_000_000_000n },
  { below: 100_000_000_000_000n, ns: 1_000_000n },
  { below: 100_000_000_000_000_000n, ns: 1_000n },
  { below: NS_END, ns: 1n },
] as const;
const NUMBER_MIN = 100_000_000n;

function timeOfDigits(whole: bigint, fraction: string): bigint | undefined {
  if (whole < NUMBER_MIN) return undefined;
  const unit = UNITS.find(({ below }) => whole < below);
  if (unit === undefined) return undefined;
  const parts = (BigInt(fraction.padEnd(9, "0")) * unit.ns) / 1_000_000_000n;
  return bounded(whole * unit.ns + parts);
}

function timeOfIso(text: string): bigint | undefined {
  if (!ISO.test(text)) return undefined;
  const [month, day] = [numberAt(text, 5, 2), numberAt(text, 8, 2)];
  const [hour, minute] = [numberAt(text, 11, 2), numberAt(text, 14, 2)];
  const hasSeconds = text.charCodeAt(16) === 0x3a;
  const second = hasSeconds ? numberAt(text, 17, 2) : 0;
  if (month < 1 || month > 12 || hour > 24 || minute > 59 || second > 60) return undefined;
  const year = numberAt(text, 0, 4);
  // The day before 1970 may be a day of 1970 in UTC.
  if (year < 1969 || day < 1 || day > daysOf(year, month)) return undefined;
  const { nanos, end } = hasSeconds ? fractionAt(text, 19) : { nanos: 0, end: 16 };
  const ms = Date.UTC(year, month - 1, day, hour, minute, second) - zoneMsAt(text, end);
  return bounded(BigInt(ms) * NS_PER_MS + BigInt(nanos));
}

function numberAt(text: string, at: number, size: number): number {
  let number = 0;
  for (let i = at; i < at + size; i++) number = number * 10 + (text.charCodeAt(i) - 0x30);
  return number;
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

function daysOf(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0);
}

/** Nanoseconds of the digits behind a point or comma at `at`; those beyond the ninth do not count. */
function fractionAt(text: string, at: number): { readonly nanos: number; readonly end: number } {
  const mark = text.charCodeAt(at);
  if (mark !== 0x2e && mark !== 0x2c) return { nanos: 0, end: at };
  let end = at + 1;
  let nanos = 0;
  let unit = 100_000_000;
  for (; ; end++) {
    const digit = text.charCodeAt(end) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return { nanos, end };
    nanos += digit * unit;
    unit = Math.floor(unit / 10);
  }
}

/** Of `+02:00`, `+0200` or `+02` from `from` on; 0 for UTC in its other forms, and for none. */
function zoneMsAt(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const sign = text.charCodeAt(at);
    if (sign !== 0x2b && sign !== 0x2d) continue;
    const colon = text.charCodeAt(at + 3) === 0x3a ? 1 : 0;
    const minutes = text.length >= at + 5 + colon ? numberAt(text, at + 3 + colon, 2) : 0;
    return (numberAt(text, at + 1, 2) * 60 + minutes) * (sign === 0x2d ? -60_000 : 60_000);
  }
  return 0;
}

function bounded(ns: bigint): bigint | undefined {
  return ns < 0n || ns >= NS_END ? undefined : ns;
}
