/** `timestamp`: an entry's time from an extracted value, in Go's layouts or as a number since 1970. */
import { parseGoTime } from "@triptych/lang";
import type { StageConfig } from "../../config/promtail/stages.ts";
import { type Entry, perEntry, type Stage, type StageDeps, textOf } from "./entry.ts";

/** Go's named layouts. */
const LAYOUTS: { readonly [name: string]: string } = {
  ANSIC: "Mon Jan _2 15:04:05 2006",
  UnixDate: "Mon Jan _2 15:04:05 MST 2006",
  RubyDate: "Mon Jan 02 15:04:05 -0700 2006",
  RFC822: "02 Jan 06 15:04 MST",
  RFC822Z: "02 Jan 06 15:04 -0700",
  RFC850: "Monday, 02-Jan-06 15:04:05 MST",
  RFC1123: "Mon, 02 Jan 2006 15:04:05 MST",
  RFC1123Z: "Mon, 02 Jan 2006 15:04:05 -0700",
  RFC3339: "2006-01-02T15:04:05Z07:00",
  RFC3339Nano: "2006-01-02T15:04:05.999999999Z07:00",
};

const NS_DIGITS: { readonly [name: string]: number } = { Unix: 9, UnixMs: 6, UnixUs: 3, UnixNs: 0 };
/** What an unsigned column of nanoseconds holds from 1970 on, and Loki's own int64. */
const NS_MAX = 2n ** 63n - 1n;
const STREAMS_MAX = 10_000;

type Parse = (value: string, nowMs: number) => bigint | undefined;

export function timestampStage(config: StageConfig<"timestamp">, { clock }: StageDeps): Stage {
  const parsers = [config.format, ...config.fallback_formats].map((format) =>
    parserOf(format, config.location || "UTC"),
  );
  /** The last time of each stream: an entry whose time cannot be read follows the one before. */
  const last = new Map<string, bigint>();
  const streamOf = (entry: Entry): string =>
    [...entry.labels].map(([name, value]) => `${name}\u{1}${value}`).join("\u{2}");
  const remember = (entry: Entry): void => {
    const key = streamOf(entry);
    last.delete(key);
    last.set(key, entry.timeNs);
    const [oldest] = last.keys();
    if (last.size > STREAMS_MAX && oldest !== undefined) last.delete(oldest);
  };
  const fudges = config.action_on_failure === "fudge";
  return perEntry((entry) => {
    const value = textOf(entry.extracted.get(config.source));
    const nowMs = clock.nowMs();
    let timeNs: bigint | undefined;
    if (value !== undefined)
      for (const parse of parsers) {
        timeNs = parse(value, nowMs);
        if (timeNs !== undefined) break;
      }
    if (timeNs !== undefined && timeNs >= 0n && timeNs <= NS_MAX) entry.timeNs = timeNs;
    else {
      const before = fudges ? last.get(streamOf(entry)) : undefined;
      if (before === undefined) return true;
      entry.timeNs = before + 1n;
    }
    if (fudges) remember(entry);
    return true;
  });
}

function parserOf(format: string, zone: string): Parse {
  const digits = NS_DIGITS[format];
  if (digits !== undefined) return (value) => numberNs(value, digits);
  const layout = LAYOUTS[format] ?? format;
  if (/2006|06/.test(layout)) return (value) => parseGoTime(layout, value, zone);
  return (value, nowMs) => withYear(layout, value, { zone, nowMs });
}

/** A time without a year is of this one, or at the turn of the year of the nearer one. */
function withYear(
  layout: string,
  value: string,
  { zone, nowMs }: { readonly zone: string; readonly nowMs: number },
): bigint | undefined {
  const now = new Date(nowMs);
  const year = now.getUTCFullYear();
  const read = (of: number): bigint | undefined =>
    parseGoTime(`2006 ${layout}`, `${String(of).padStart(4, "0")} ${value}`, zone);
  const found = read(year);
  if (found === undefined) return undefined;
  const month = new Date(Number(found / 1_000_000n)).getUTCMonth();
  if (month === 11 && now.getUTCMonth() === 0) return read(year - 1);
  return month === 0 && now.getUTCMonth() === 11 ? read(year + 1) : found;
}

/** `digits` zeros make nanoseconds of the number; it may have a fraction. */
function numberNs(value: string, digits: number): bigint | undefined {
  const found = /^([+-]?\d{1,19})(?:\.(\d{0,18}))?$/.exec(value);
  if (found === null) return undefined;
  const fraction = (found[2] ?? "").padEnd(digits, "0").slice(0, digits);
  return BigInt(`${found[1]}${fraction}`);
}
