/** Numbers, durations and sizes as Go reads them in label values; messages are Go's, because people see them. */
import { goQuote, parseDurationMs } from "../promql/go-format.ts";

const NS: { readonly [unit: string]: number } = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};
const PART = /(\d*)(\.?)(\d*)([^\d.]*)/y;

/** Go's `time.ParseDuration`, in nanoseconds. Throws a plain `Error`. */
export function parseGoDurationNs(text: string): number {
  const invalid = (): Error => new Error(`time: invalid duration ${goQuote(text)}`);
  const sign = text.startsWith("-") ? -1 : 1;
  let at = /^[+-]/.test(text) ? 1 : 0;
  if (text.slice(at) === "0") return 0;
  if (at >= text.length) throw invalid();
  let ns = 0;
  while (at < text.length) {
    PART.lastIndex = at;
    const [all = "", whole = "", , fraction = "", unit = ""] = PART.exec(text) ?? [];
    if (whole === "" && fraction === "") throw invalid();
    if (unit === "") throw new Error(`time: missing unit in duration ${goQuote(text)}`);
    const size = Object.hasOwn(NS, unit) ? NS[unit] : undefined;
    if (size === undefined)
      throw new Error(`time: unknown unit ${goQuote(unit)} in duration ${goQuote(text)}`);
    ns += Number(whole === "" ? 0 : whole) * size;
    if (fraction !== "") ns += Math.trunc(Number(`0.${fraction}`) * size);
    at += all.length;
  }
  if (ns >= 2 ** 63) throw invalid();
  return sign * ns;
}

/** A duration of a query in nanoseconds: Prometheus's units first, then Go's. */
export function parseQueryDurationNs(text: string): number {
  try {
    return parseDurationMs(text) * 1e6;
  } catch {
    return parseGoDurationNs(text);
  }
}

const SIZES = new Map<string, number>();
for (const [i, letter] of ["k", "m", "g", "t", "p", "e"].entries()) {
  SIZES.set(letter, 1000 ** (i + 1));
  SIZES.set(`${letter}b`, 1000 ** (i + 1));
  SIZES.set(`${letter}i`, 1024 ** (i + 1));
  SIZES.set(`${letter}ib`, 1024 ** (i + 1));
}
SIZES.set("", 1);
SIZES.set("b", 1);

/** A size such as `1.5KB` or `2 MiB` in bytes, whatever its case. Throws a plain `Error`. */
export function parseBytes(text: string): number {
  const number = /^[\d.,]*/.exec(text)?.[0] ?? "";
  const value = parseGoFloat(number.replaceAll(",", ""));
  const unit = text.slice(number.length).trim().toLowerCase();
  const size = SIZES.get(unit);
  if (size === undefined) throw new Error(`unhandled size name: ${unit}`);
  const bytes = value * size;
  if (bytes >= 2 ** 64) throw new Error(`too large: ${text}`);
  return Math.trunc(bytes);
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEX = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?\d+)$/;

/** Go's `strconv.ParseFloat`. Throws a plain `Error`. */
export function parseGoFloat(text: string): number {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    if (!Number.isFinite(value))
      throw new Error(`strconv.ParseFloat: parsing ${goQuote(text)}: value out of range`);
    return value;
  }
  const word = /^([+-]?)(?:(inf|infinity)|nan)$/i.exec(text);
  if (word?.[2] !== undefined) return word[1] === "-" ? -Infinity : Infinity;
  if (word !== null && word[1] === "") return Number.NaN;
  const hex = HEX.exec(text);
  if (hex !== null && `${hex[2]}${hex[3]}` !== "") {
    const digits = Number.parseInt(`${hex[2]}${hex[3]}`, 16);
    const value = digits * 2 ** (Number(hex[4]) - 4 * (hex[3] ?? "").length);
    return hex[1] === "-" ? -value : value;
  }
  throw new Error(`strconv.ParseFloat: parsing ${goQuote(text)}: invalid syntax`);
}

/** A duration of a query as Go prints it: `1h30m0s`, `1.5s`. */
export function goDurationText(ns: number): string {
  if (ns === 0) return "0s";
  const sign = ns < 0 ? "-" : "";
  const size = Math.abs(ns);
  if (size < 1e3) return `${sign}${size}ns`;
  if (size < 1e6) return `${sign}${size / 1e3}µs`;
  if (size < 1e9) return `${sign}${size / 1e6}ms`;
  const hours = Math.floor(size / 3.6e12);
  const minutes = Math.floor((size % 3.6e12) / 6e10);
  const seconds = Number(((size % 6e10) / 1e9).toFixed(9));
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}
