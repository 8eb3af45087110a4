/** Times in templates. Times are UTC unless a zone is named. */
import { formatTime, goTime } from "../gotemplate/go-time.ts";
import type { GoFunction, GoValue } from "../gotemplate/value.ts";
import { text } from "./template-call.ts";

const SECOND = 1_000_000_000n;
const ZERO_TIME = -62_135_596_800_000_000_000n;

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const PARTS =
  /January|Jan|Monday|Mon|MST|2006|_2|01|02|03|04|05|06|15|1|2|3|4|5|PM|pm|Z07:00|Z0700|-07:00|-0700|-07|[.,](?:0+|9+)(?![0-9])/g;

/** How each part of a layout is read, and which field it sets. */
const READERS: { readonly [part: string]: readonly [pattern: RegExp, field: string] } = {
  January: [/[A-Za-z]{3,9}/y, "monthName"],
  Jan: [/[A-Za-z]{3}/y, "monthName"],
  Monday: [/[A-Za-z]{6,9}/y, "skip"],
  Mon: [/[A-Za-z]{3}/y, "skip"],
  MST: [/[A-Z]{3,4}/y, "skip"],
  "2006": [/\d{4}/y, "year"],
  "06": [/\d{2}/y, "shortYear"],
  "01": [/\d{2}/y, "month"],
  "1": [/\d{1,2}/y, "month"],
  "02": [/\d{2}/y, "day"],
  "2": [/\d{1,2}/y, "day"],
  _2: [/\s?\d{1,2}/y, "day"],
  "15": [/\d{2}/y, "hour"],
  "03": [/\d{2}/y, "hour"],
  "3": [/\d{1,2}/y, "hour"],
  "04": [/\d{2}/y, "minute"],
  "4": [/\d{1,2}/y, "minute"],
  "05": [/\d{2}/y, "second"],
  "5": [/\d{1,2}/y, "second"],
  PM: [/[AaPp][Mm]/y, "half"],
  pm: [/[AaPp][Mm]/y, "half"],
};
const ZONE = /Z|[+-]\d{2}(?::?\d{2})?/y;
const FRACTION = /[.,]\d{1,9}/y;
const CHARS_MAX = 200;

/** Nanoseconds since 1970 of a text in the layout that Go's reference time shows; nothing when it does not fit. */
export function parseGoTime(layout: string, value: string, zone = "UTC"): bigint | undefined {
  if (layout.length > CHARS_MAX || value.length > CHARS_MAX) return undefined;
  const fields = new Map<string, string>();
  let at = 0;
  let from = 0;
  const read = (pattern: RegExp, field: string): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(value)?.[0];
    if (found === undefined) return false;
    at += found.length;
    fields.set(field, found.trim());
    return true;
  };
  for (const found of layout.matchAll(PARTS)) {
    const literal = layout.slice(from, found.index);
    if (!value.startsWith(literal, at)) return undefined;
    at += literal.length;
    from = found.index + found[0].length;
    if (/^[.,]/.test(found[0])) {
      // Nines stand for a fraction that may be missing.
      if (!read(FRACTION, "fraction") && found[0][1] === "0") return undefined;
      continue;
    }
    const [pattern, field] = READERS[found[0]] ?? [ZONE, "zone"];
    if (!read(pattern, field)) return undefined;
    // A fraction may stand behind the seconds without being in the layout.
    if (field === "second" && !/^[.,][09]/.test(layout.slice(from))) read(FRACTION, "fraction");
  }
  if (value.slice(at) !== layout.slice(from)) return undefined;
  return fromFields(fields, zone);
}

function fromFields(read: ReadonlyMap<string, string>, zone: string): bigint | undefined {
  const number = (name: string, otherwise: number): number => Number(read.get(name) ?? otherwise);
  const short = read.get("shortYear");
  const year =
    short === undefined ? number("year", 0) : Number(short) + (Number(short) >= 69 ? 1900 : 2000);
  const name = read.get("monthName")?.slice(0, 3).toLowerCase();
  const month = name === undefined ? number("month", 1) : MONTHS.indexOf(name) + 1;
  let hour = number("hour", 0);
  const half = read.get("half")?.toLowerCase();
  if (half === "pm" && hour < 12) hour += 12;
  if (half === "am" && hour === 12) hour = 0;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, number("day", 1));
  if (month < 1 || date.getUTCMonth() !== month - 1) return undefined;
  date.setUTCHours(hour, number("minute", 0), number("second", 0));
  const local = BigInt(date.getTime()) * 1_000_000n;
  const fraction = BigInt((read.get("fraction") ?? ".").slice(1).padEnd(9, "0").slice(0, 9));
  const given = read.get("zone");
  const offset = given === undefined ? zoneSeconds(zone, date.getTime()) : offsetSeconds(given);
  return local + fraction - BigInt(offset) * SECOND;
}

function offsetSeconds(text: string): number {
  const found = /^([+-])(\d{2}):?(\d{2})?$/.exec(text);
  if (found === null) return 0;
  const size = Number(found[2]) * 3600 + Number(found[3] ?? 0) * 60;
  return found[1] === "-" ? -size : size;
}

/** How far a zone is ahead of UTC at a local time; 0 for a zone that nobody knows. */
function zoneSeconds(zone: string, localMs: number): number {
  if (zone === "UTC" || zone === "") return 0;
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
    const name = format
      .formatToParts(new Date(localMs))
      .find((part) => part.type === "timeZoneName");
    const offset = /GMT([+-]\d{2}:?\d{0,2})/.exec(name?.value ?? "")?.[1];
    return offset === undefined ? 0 : offsetSeconds(offset);
  } catch {
    return 0;
  }
}

const nsOf = (value: GoValue | undefined): bigint => {
  const ns =
    typeof value === "object" && value?.kind === "object" ? value.fields.get("ns") : undefined;
  return typeof ns === "bigint" ? ns : 0n;
};
const ofTime = (call: (ns: bigint) => GoValue): GoFunction => ({
  params: ["time.Time"],
  call: ([time]) => call(nsOf(time)),
});

/** Digits tell the unit: days, seconds, milliseconds, microseconds or nanoseconds. */
function fromEpoch(value: string): GoValue {
  const unit = { 5: 86_400n * SECOND, 10: SECOND, 13: 1_000_000n, 16: 1000n, 19: 1n }[value.length];
  if (!/^[+-]?\d+$/.test(value) || unit === undefined)
    throw new Error(`unable to parse time '${value}'`);
  return goTime(BigInt(value) * unit);
}

const floorDiv = (value: bigint, by: bigint): bigint =>
  value % by < 0n ? value / by - 1n : value / by;

export const timeFunctions: readonly (readonly [string, GoFunction])[] = [
  [
    "date",
    {
      params: ["string", "any"],
      call: ([layout, time]) => formatTime(nsOf(time), String(layout)),
    },
  ],
  ["unixEpoch", ofTime((ns) => String(floorDiv(ns, SECOND)))],
  ["unixEpochMillis", ofTime((ns) => String(floorDiv(ns, 1_000_000n)))],
  ["unixEpochNanos", ofTime((ns) => String(ns))],
  [
    "toDateInZone",
    text(3, (layout = "", zone = "", value = "") =>
      goTime(parseGoTime(layout, value, zone) ?? ZERO_TIME),
    ),
  ],
  ["unixToTime", text(1, (value = "") => fromEpoch(value))],
];
