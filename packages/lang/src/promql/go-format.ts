/** Numbers, strings and durations as Go's `fmt` and Prometheus print them; messages and printed queries depend on it. */
import { durationUnits } from "./words.ts";

/** Go's `%g` with the shortest digits: an exponent below 1e-4 and from 1e6 on. */
export function formatG(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  return exponent < -4 || exponent >= 6 ? withExponent(mantissa, exponent) : String(value);
}

function withExponent(mantissa: string, exponent: number): string {
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
}

/** `%.{digits}g`. */
export function formatGPrecise(value: number, digits: number): string {
  if (!Number.isFinite(value) || value === 0) return formatG(value);
  const [mantissa = "", exponentText = "0"] = value.toExponential(digits - 1).split("e");
  const exponent = Number(exponentText);
  const trimmed = (text: string): string =>
    text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  if (exponent < -4 || exponent >= digits) return withExponent(trimmed(mantissa), exponent);
  return trimmed(value.toFixed(Math.max(0, digits - 1 - exponent)));
}

const named: { readonly [c: string]: string } = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** Go's `strconv.Quote`. */
export function goQuote(text: string): string {
  let out = '"';
  for (const c of text) out += named[c] ?? escaped(c);
  return `${out}"`;
}

function escaped(c: string): string {
  const code = c.codePointAt(0) as number;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (!/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}|\ufffd/u.test(c)) return c;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

/** Go's `%q` of a character. */
export function goQuoteRune(c: string): string {
  if (c === "'") return "'\\''";
  if (c === '"') return "'\"'";
  return `'${goQuote(c).slice(1, -1)}'`;
}

/** A duration such as `1h30m`; years, weeks and days only where nothing is left over. */
export function formatDuration(ms: number): string {
  let rest = Math.abs(Math.trunc(ms));
  if (rest === 0) return "0s";
  let out = "";
  for (const { name, ms: size, exact } of durationUnits) {
    if (exact && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count === 0) continue;
    out += `${count}${name}`;
    rest -= count * size;
  }
  return ms < 0 ? `-${out}` : out;
}

const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
/** Go's durations are nanoseconds in 64 bits. */
const DURATION_MS_MAX = 9_223_372_036_854;

const unitNames: readonly string[] = durationUnits.map(({ name }) => name);

/** The first thing that is wrong, from left to right. */
function durationProblem(text: string): string {
  const invalid = `not a valid duration string: ${goQuote(text)}`;
  let last = -1;
  for (const [, digits = "", unit = ""] of text.matchAll(/(\d*)(\D*)/g)) {
    if (digits === "" || unit === "") return invalid;
    const place = unitNames.indexOf(unit);
    if (place < 0) return `unknown unit ${goQuote(unit)} in duration ${goQuote(text)}`;
    if (place <= last) return invalid;
    last = place;
  }
  return invalid;
}

/** A duration such as `1h30m` in milliseconds; throws a plain message in an `Error`. */
export function parseDurationMs(text: string): number {
  if (text === "") throw new Error("empty duration string");
  if (text === "0") return 0;
  const parts = DURATION.exec(text);
  if (parts === null) throw new Error(durationProblem(text));
  let ms = 0;
  for (const [i, unit] of durationUnits.entries()) ms += Number(parts[i + 1] ?? 0) * unit.ms;
  if (ms > DURATION_MS_MAX) throw new Error("duration out of range");
  return ms;
}
