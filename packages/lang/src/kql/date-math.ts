/**
 * Times as they are typed: `now-1h/d`, ISO 8601 with or without time and zone (UTC without), `2026-01-02||+1M/d`,
 * milliseconds since 1970. A time that leaves out its last parts, or is rounded, stands for all of them: a day is
 * later than another from its end on.
 */

/** Milliseconds since 1970; `endMs` exclusive. */
export interface DateSpan {
  readonly startMs: number;
  readonly endMs: number;
}

/** Years 0001 to 9999: what a date can be written for. */
const MS_MIN = -62_135_596_800_000;
const MS_MAX = 253_402_300_800_000;

const ISO =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?$/;
const MATH = /([+-])(\d{0,6})([yMwdhHms])|\/([yMwdhHms])/y;

type Unit = "y" | "M" | "w" | "d" | "h" | "m" | "s";

/** Undefined for what is no time. */
export function parseDateMath(text: string, nowMs: number): DateSpan | undefined {
  const [anchor = "", math = ""] = text.startsWith("now")
    ? ["now", text.slice("now".length)]
    : splitAnchor(text);
  const begin = anchor === "now" ? instant(nowMs) : parseAnchor(anchor);
  const span = begin === undefined ? undefined : applyMath(begin, math);
  const isKnown = span !== undefined && span.startMs >= MS_MIN && span.endMs <= MS_MAX;
  return isKnown ? span : undefined;
}

function splitAnchor(text: string): [string, string] {
  const at = text.indexOf("||");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 2)];
}

const instant = (ms: number): DateSpan => ({ startMs: ms, endMs: ms + 1 });

function parseAnchor(text: string): DateSpan | undefined {
  // Four digits are a year; fewer than a day's milliseconds nobody means.
  if (/^-?\d{5,15}$/.test(text)) return instant(Number(text));
  const found = ISO.exec(text.replace(" ", "T"));
  if (found === null) return undefined;
  const [, year = "", month, day, hour, minute, second, fraction, zone] = found;
  const parts = [year, month ?? "01", day ?? "01", hour ?? "00", minute ?? "00", second ?? "00"];
  const [y = 0, mo = 1, d = 1, h = 0, mi = 0, s = 0] = parts.map(Number);
  const daysOfMonth = new Date(Date.UTC(2000, mo, 0)).setUTCFullYear(y, mo, 0);
  if (mo < 1 || mo > 12 || d < 1 || d > new Date(daysOfMonth).getUTCDate()) return undefined;
  if (h > 23 || mi > 59 || s > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d);
  const ms = fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1000);
  const startMs = date.setUTCHours(h, mi, s, ms) - zoneMs(zone);
  if (fraction !== undefined) return instant(startMs);
  const unit = smallest({ month, day, hour, minute, second });
  return { startMs, endMs: moved(startMs, 1, unit) };
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === "Z") return 0;
  const digits = zone.replace(":", "");
  const minutes = Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3, 5));
  return (digits.startsWith("-") ? -minutes : minutes) * 60_000;
}

function smallest(parts: { readonly [part: string]: string | undefined }): Unit {
  if (parts["second"] !== undefined) return "s";
  if (parts["minute"] !== undefined) return "m";
  if (parts["hour"] !== undefined) return "h";
  if (parts["day"] !== undefined) return "d";
  return parts["month"] === undefined ? "y" : "M";
}

function applyMath(begin: DateSpan, math: string): DateSpan | undefined {
  let { startMs } = begin;
  let endMs = begin.endMs;
  for (let at = 0; at < math.length; at = MATH.lastIndex) {
    MATH.lastIndex = at;
    const found = MATH.exec(math);
    if (found === null) return undefined;
    const [, sign, digits = "", step, rounding] = found;
    if (rounding !== undefined) {
      const unit = unitOf(rounding);
      startMs = floored(startMs, unit);
      endMs = moved(startMs, 1, unit);
    } else {
      const count = (digits === "" ? 1 : Number(digits)) * (sign === "-" ? -1 : 1);
      const unit = unitOf(step ?? "s");
      startMs = moved(startMs, count, unit);
      endMs = moved(endMs, count, unit);
    }
    if (!Number.isFinite(startMs) || !Number.isFinite(endMs)) return undefined;
  }
  return { startMs, endMs };
}

const unitOf = (letter: string): Unit => (letter === "H" ? "h" : (letter as Unit));

const msOf = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

function moved(ms: number, count: number, unit: Unit): number {
  if (unit !== "y" && unit !== "M") return ms + count * msOf[unit];
  const date = new Date(ms);
  const months = date.getUTCFullYear() * 12 + date.getUTCMonth() + count * (unit === "y" ? 12 : 1);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCFullYear(Math.floor(months / 12), ((months % 12) + 12) % 12);
  const last = new Date(date.getTime());
  last.setUTCMonth(last.getUTCMonth() + 1, 0);
  return date.setUTCDate(Math.min(day, last.getUTCDate()));
}

/** Weeks begin on Monday. */
function floored(ms: number, unit: Unit): number {
  const date = new Date(ms);
  switch (unit) {
    case "y":
      date.setUTCMonth(0, 1);
      return date.setUTCHours(0, 0, 0, 0);
    case "M":
      date.setUTCDate(1);
      return date.setUTCHours(0, 0, 0, 0);
    case "w":
      date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
      return date.setUTCHours(0, 0, 0, 0);
    default:
      return Math.floor(ms / msOf[unit]) * msOf[unit];
  }
}
