/** Durations in TraceQL: Prometheus' (`1d`, `2h30m`) and Go's (`1.5ms`, `10us`). */
import { parseDurationMs } from "../promql/go-format.ts";
import { narrowed } from "./static.ts";

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["μs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);
const PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
const INT64_END = 2n ** 63n;

/** Nanoseconds; `undefined` when the text is no duration. */
export function durationNs(text: string): number | bigint | undefined {
  try {
    return narrowed(BigInt(parseDurationMs(text)) * 1_000_000n);
  } catch {
    return goDurationNs(text);
  }
}

function goDurationNs(text: string): number | bigint | undefined {
  let total = 0n;
  let at = 0;
  while (at < text.length) {
    PART.lastIndex = at;
    const [part, whole = "", fraction = "", unit = ""] = PART.exec(text) ?? [];
    const size = UNITS.get(unit);
    if (part === undefined || size === undefined || whole.length + fraction.length === 0)
      return undefined;
    if (whole.length > 19) return undefined;
    const digits = fraction.slice(0, 18);
    total += BigInt(whole === "" ? 0 : whole) * size;
    total += (BigInt(digits === "" ? 0 : digits) * size) / 10n ** BigInt(digits.length);
    at += part.length;
  }
  return at === 0 || total >= INT64_END ? undefined : narrowed(total);
}
