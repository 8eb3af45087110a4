/** Instants as text, in the zone the person chose. Kept apart from `Intl`: lists format thousands of times. */

export type Zone = "utc" | "local";

const two = (n: number) => String(n).padStart(2, "0");
const three = (n: number) => String(n).padStart(3, "0");

interface Parts {
  readonly date: string;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly ms: number;
}

function partsOf(ms: number, zone: Zone): Parts {
  const at = new Date(ms);
  const utc = zone === "utc";
  return {
    date: utc
      ? `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`
      : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    hours: utc ? at.getUTCHours() : at.getHours(),
    minutes: utc ? at.getUTCMinutes() : at.getMinutes(),
    seconds: utc ? at.getUTCSeconds() : at.getSeconds(),
    ms: at.getUTCMilliseconds(),
  };
}

/** `14:23`, `14:23:05`, `14:23:05.120` depending on the precision asked for. */
export function clockText(
  ms: number,
  zone: Zone,
  precision: "minute" | "second" | "ms" = "minute",
): string {
  if (!Number.isFinite(ms)) return "no time";
  const p = partsOf(ms, zone);
  const base = `${two(p.hours)}:${two(p.minutes)}`;
  if (precision === "minute") return base;
  return precision === "second"
    ? `${base}:${two(p.seconds)}`
    : `${base}:${two(p.seconds)}.${three(p.ms)}`;
}

export function dateText(ms: number, zone: Zone): string {
  return Number.isFinite(ms) ? partsOf(ms, zone).date : "no date";
}

export function dateTimeText(
  ms: number,
  zone: Zone,
  precision: "minute" | "second" | "ms" = "second",
): string {
  return `${dateText(ms, zone)} ${clockText(ms, zone, precision)}`;
}

/** `13:23 to 14:23`; with dates where the two ends lie on different days or not today. */
export function rangeText(range: { from: number; to: number }, zone: Zone, nowMs: number): string {
  const precision = range.to - range.from < 3 * 60_000 ? "second" : "minute";
  const sameDay = dateText(range.from, zone) === dateText(range.to, zone);
  const today = dateText(range.to, zone) === dateText(nowMs, zone);
  const from =
    sameDay && today
      ? clockText(range.from, zone, precision)
      : dateTimeText(range.from, zone, precision);
  const to = sameDay
    ? clockText(range.to, zone, precision)
    : dateTimeText(range.to, zone, precision);
  return `${from} to ${to}`;
}

/** Label of an axis tick: the time, or the day where a day begins or steps are days. */
export function tickText(ms: number, stepMs: number, zone: Zone): string {
  if (stepMs >= 86_400_000) return dateText(ms, zone).slice(5);
  const p = partsOf(ms, zone);
  if (p.hours === 0 && p.minutes === 0 && p.seconds === 0 && p.ms === 0) return p.date.slice(5);
  return clockText(ms, zone, stepMs >= 60_000 ? "minute" : stepMs >= 1000 ? "second" : "ms");
}

/** Milliseconds from a decimal string of nanoseconds, with the fraction kept. */
export function nsToMs(ns: string): number {
  const digits = ns.padStart(7, "0");
  return Number(digits.slice(0, -6)) + Number(digits.slice(-6)) / 1e6;
}

/** `19 min`, `2 h 5 min`, `3 d 4 h`: how long something lasts, coarse. */
export function spanText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.max(0, Math.round(ms / 1000))}\u00a0s`;
  if (minutes < 60) return `${minutes}\u00a0min`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours < 24) return rest === 0 ? `${hours}\u00a0h` : `${hours}\u00a0h ${rest}\u00a0min`;
  return hours % 24 === 0
    ? `${Math.floor(hours / 24)}\u00a0d`
    : `${Math.floor(hours / 24)}\u00a0d ${hours % 24}\u00a0h`;
}
