/** Numbers as people read them: Prometheus's `humanize` family. Errors are in Go's words. */
import { formatG, formatGPrecise } from "../promql/go-format.ts";
import { goDuration, goTime } from "./go-time.ts";
import { type GoValue, typeNameOf } from "./value.ts";

const LARGE = ["k", "M", "G", "T", "P", "E", "Z", "Y"] as const;
const LARGE_1024 = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] as const;
const SMALL = ["m", "u", "n", "p", "f", "a", "z", "y"] as const;
/** Go's times and durations are nanoseconds in 64 bits. */
const NANOSECONDS_MAX = 2 ** 63;

const four = (value: number): string => formatGPrecise(value, 4);

/** A number, or a text that holds one. */
export function toFloat(value: GoValue): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string") return parseFloatGo(value);
  if (
    value !== null &&
    typeof value === "object" &&
    value.kind === "object" &&
    value.fields.has("ns")
  )
    return Number(value.fields.get("ns")) / 1e9;
  throw new Error(`can't convert ${typeNameOf(value)} to float`);
}

function parseFloatGo(text: string): number {
  const plain = text.replaceAll("_", "");
  const sign = text.startsWith("-") ? -1 : 1;
  if (/^[+-]?(?:inf|infinity)$/i.test(plain)) return sign * Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(plain)) return Number.NaN;
  const isNumber = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i.test(text);
  const isHex = /^[+-]?0x[0-9a-f]+$/i.test(text);
  const value = isHex ? sign * Number(text.replace(/^[+-]/, "")) : Number(text);
  if (!isNumber && !isHex)
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (!Number.isFinite(value))
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
}

function scaleUp(value: number, step: number, units: readonly string[]): string {
  let scaled = value;
  let unit = "";
  for (const one of units) {
    if (Math.abs(scaled) < step) break;
    unit = one;
    scaled /= step;
  }
  return four(scaled) + unit;
}

function scaleDown(value: number, suffix: string): string {
  let scaled = value;
  let unit = "";
  for (const one of SMALL) {
    if (Math.abs(scaled) >= 1) break;
    unit = one;
    scaled *= 1000;
  }
  return four(scaled) + unit + suffix;
}

export function humanize(given: GoValue): string {
  const value = toFloat(given);
  if (value === 0 || !Number.isFinite(value)) return four(value);
  return Math.abs(value) >= 1 ? scaleUp(value, 1000, LARGE) : scaleDown(value, "");
}

export function humanize1024(given: GoValue): string {
  const value = toFloat(given);
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return four(value);
  return scaleUp(value, 1024, LARGE_1024);
}

export function humanizeDuration(given: GoValue): string {
  const value = toFloat(given);
  if (!Number.isFinite(value)) return four(value);
  if (value === 0) return `${four(value)}s`;
  if (Math.abs(value) < 1) return scaleDown(value, "s");
  const sign = value < 0 ? "-" : "";
  const whole = Math.trunc(Math.abs(value));
  const seconds = whole % 60;
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600) % 24;
  const days = Math.floor(whole / 86_400);
  if (days > 0) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`;
  if (hours > 0) return `${sign}${hours}h ${minutes}m ${seconds}s`;
  if (minutes > 0) return `${sign}${minutes}m ${seconds}s`;
  return `${sign}${four(Math.abs(value))}s`;
}

export function humanizePercentage(given: GoValue): string {
  return `${four(toFloat(given) * 100)}%`;
}

function nanoseconds(given: GoValue, what: string): bigint {
  const value = toFloat(given);
  const ns = value * 1e9;
  if (!(Math.abs(ns) < NANOSECONDS_MAX))
    throw new Error(
      `${formatG(value)} cannot be represented as a nanoseconds ${what} since it overflows int64`,
    );
  return BigInt(Math.trunc(ns));
}

export function humanizeTimestamp(given: GoValue): string {
  const value = toFloat(given);
  return Number.isFinite(value) ? (toTime(given).text ?? "") : four(value);
}

/** Prometheus's times are whole milliseconds. */
export function toTime(given: GoValue): ReturnType<typeof goTime> {
  const ns = nanoseconds(given, "timestamp");
  return goTime((ns / 1_000_000n) * 1_000_000n);
}

export function toDuration(given: GoValue): ReturnType<typeof goDuration> {
  return goDuration(nanoseconds(given, "duration"));
}
