/**
 * The time range of every page as it stands in the URL: `last=15m`, or `from` and `to` as ISO instants (milliseconds
 * since 1970 are read too). Relative ranges are resolved against a given now, so one refresh moves all panels together.
 */
import type { TimeRange } from "@triptych/contract";

export type RangeChoice =
  | { readonly kind: "last"; readonly ms: number }
  | { readonly kind: "absolute"; readonly from: number; readonly to: number };

export const defaultLastMs = 15 * 60_000;
/** Shorter than the resolution of any chart. */
const shortestMs = 10;
/** Two years: beyond any retention we keep. */
const longestMs = 2 * 366 * 86_400_000;

const unitMs: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
  w: 7 * 86_400_000,
};

/** `90s`, `15 m`, `1h30m`, `2d`: milliseconds, or NaN when it is not a duration. */
export function parseDurationMs(text: string): number {
  const clean = text.trim().toLowerCase();
  if (clean === "") return Number.NaN;
  let rest = clean;
  let total = 0;
  while (rest !== "") {
    const part = /^(\d+(?:\.\d+)?)\s*([a-z\u00b5]+)\s*/.exec(rest);
    if (part === null) return Number.NaN;
    const [all, number, unit] = part;
    const factor = unit === "us" || unit === "\u00b5s" ? 0.001 : unitMs[unit ?? ""];
    if (factor === undefined) return Number.NaN;
    total += Number(number) * factor;
    rest = rest.slice(all.length);
  }
  return total;
}

/** The shortest spelling that parses back to the same: `90s`, `15m`, `1h30m`. */
export function printDuration(ms: number): string {
  if (ms === 0) return "0s";
  const parts: string[] = [];
  let rest = Math.round(ms * 1000) / 1000;
  for (const [unit, size] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const) {
    const count = Math.floor(rest / size);
    // 1.5s reads better than 1s500ms; so seconds take the fraction when nothing larger stands before them.
    if (unit === "s" && parts.length === 0 && rest >= 1000 && rest % 1000 !== 0) {
      return `${Number((rest / 1000).toFixed(6))}s`;
    }
    if (count > 0) {
      parts.push(`${count}${unit}`);
      rest -= count * size;
    }
  }
  if (rest > 0) parts.push(`${Number(rest.toFixed(3))}ms`);
  return parts.join("");
}

function parseInstant(text: string): number {
  const clean = text.trim();
  if (/^\d{12,15}$/.test(clean)) return Number(clean);
  if (/^\d{9,10}$/.test(clean)) return Number(clean) * 1000;
  return Date.parse(clean.replace(/^(\d{4}-\d\d-\d\d) (\d)/, "$1T$2"));
}

export interface RangeParams {
  readonly last?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** What the URL says; anything unreadable gives the default rather than an error page. */
export function readRange(params: RangeParams): RangeChoice {
  if (params.from !== undefined && params.to !== undefined) {
    const from = parseInstant(params.from);
    const to = parseInstant(params.to);
    if (from < to && to - from <= longestMs) return { kind: "absolute", from, to };
  }
  const ms = params.last === undefined ? Number.NaN : parseDurationMs(params.last);
  const usable = ms >= shortestMs && ms <= longestMs;
  return { kind: "last", ms: usable ? ms : defaultLastMs };
}

export function writeRange(choice: RangeChoice): {
  last: string | undefined;
  from: string | undefined;
  to: string | undefined;
} {
  if (choice.kind === "absolute") {
    const iso = (at: number) => new Date(Math.round(at)).toISOString().replace(".000Z", "Z");
    return { last: undefined, from: iso(choice.from), to: iso(choice.to) };
  }
  const last = choice.ms === defaultLastMs ? undefined : printDuration(choice.ms);
  return { last, from: undefined, to: undefined };
}

export function resolveRange(choice: RangeChoice, nowMs: number): TimeRange {
  if (choice.kind === "absolute") return { from: choice.from, to: choice.to };
  return { from: nowMs - choice.ms, to: nowMs };
}

/** This close to now, in shares of the range, is now. */
const nowSlack = 0.05;

/** `[` and `]`: half a range earlier or later. Reaching now makes it relative again. */
export function moveRange(choice: RangeChoice, direction: -1 | 1, nowMs: number): RangeChoice {
  const { from, to } = resolveRange(choice, nowMs);
  const span = to - from;
  const shift = (direction * span) / 2;
  // The seconds spent looking must not keep the way back from reaching now.
  if (to + shift >= nowMs - span * nowSlack) return { kind: "last", ms: span };
  return { kind: "absolute", from: from + shift, to: to + shift };
}

/** `-`: twice as long around the same middle, never beyond now. */
export function zoomOut(choice: RangeChoice, nowMs: number): RangeChoice {
  const { from, to } = resolveRange(choice, nowMs);
  const span = Math.min((to - from) * 2, longestMs);
  if (choice.kind === "last" || to + span / 4 >= nowMs) return { kind: "last", ms: span };
  return { kind: "absolute", from: from - span / 4, to: to + span / 4 };
}

/** What a person typed into the picker: `2h`, `last 30 min`, `2026-03-12 14:00 to 14:30`, `14:00 - 14:30`. */
export function parseRangeText(
  text: string,
  nowMs: number,
  zone: "utc" | "local",
): RangeChoice | undefined {
  const clean = text.trim().replace(/^(last|past)\s+/i, "");
  const ms = parseDurationMs(clean);
  if (ms >= shortestMs && ms <= longestMs) return { kind: "last", ms };
  const parts = clean.split(/\s+(?:to|until|-|\u2013)\s+|\s*\/\s*|\s*\u2013\s*/i);
  if (parts.length !== 2) return undefined;
  const from = parseMoment(parts[0] ?? "", nowMs, zone);
  const to = /^now$/i.test(parts[1] ?? "")
    ? nowMs
    : parseMoment(parts[1] ?? "", Number.isNaN(from) ? nowMs : from, zone);
  return from < to && to - from <= longestMs ? { kind: "absolute", from, to } : undefined;
}

/** A moment, where a bare time of day means the day of `reference`. */
function parseMoment(text: string, reference: number, zone: "utc" | "local"): number {
  const clean = text.trim();
  const time = /^(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?$/.exec(clean);
  if (time !== null) {
    const day = new Date(reference);
    const [hours, minutes, seconds] = [Number(time[1]), Number(time[2]), Number(time[3] ?? 0)];
    const ms = Number((time[4] ?? "0").padEnd(3, "0"));
    if (hours > 23 || minutes > 59 || seconds > 59) return Number.NaN;
    return zone === "utc"
      ? day.setUTCHours(hours, minutes, seconds, ms)
      : day.setHours(hours, minutes, seconds, ms);
  }
  const local = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)$/.exec(clean);
  if (local !== null) return Date.parse(`${local[1]}T${local[2]}${zone === "utc" ? "Z" : ""}`);
  return parseInstant(clean);
}
