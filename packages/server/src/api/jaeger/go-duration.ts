/** Durations as Go writes them (`1.5s`, `100ms`, `1h30m`), which is how Jaeger's clients give them. */
const UNITS_NS: ReadonlyMap<string, number> = new Map([
  ["ns", 1],
  ["us", 1e3],
  ["µs", 1e3],
  ["μs", 1e3],
  ["ms", 1e6],
  ["s", 1e9],
  ["m", 60e9],
  ["h", 3600e9],
]);
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
const INT64_MAX = 2 ** 63;

/** Nanoseconds; `undefined` when the text is not a duration. */
export function parseGoDuration(text: string): number | undefined {
  const negative = text.startsWith("-");
  const rest = negative || text.startsWith("+") ? text.slice(1) : text;
  if (rest === "0") return 0;
  let total = 0;
  let at = 0;
  while (at < rest.length) {
    PART.lastIndex = at;
    const [part, amount, unit] = PART.exec(rest) ?? [];
    if (part === undefined || unit === undefined) return undefined;
    total += Number(amount) * (UNITS_NS.get(unit) ?? Number.NaN);
    at += part.length;
  }
  if (at === 0 || total >= INT64_MAX) return undefined;
  return negative ? -Math.round(total) : Math.round(total);
}

/** As Go prints a `time.Duration`: `1h2m3.5s`, `5.025s`, `100ms`, `1.5µs`, `0s`. */
export function printGoDuration(ns: number): string {
  if (ns < 0) return `-${printGoDuration(-ns)}`;
  if (ns === 0) return "0s";
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${quotient(ns, 1e3, 3)}µs`;
  if (ns < 1e9) return `${quotient(ns, 1e6, 6)}ms`;
  const minutes = Math.floor(ns / 60e9);
  const seconds = `${Number(((ns - minutes * 60e9) / 1e9).toFixed(9))}s`;
  if (minutes === 0) return seconds;
  return minutes < 60
    ? `${minutes}m${seconds}`
    : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

/** `ns / unit` with the digits it has. Of whole numbers: printing a fraction takes many times as long. */
function quotient(ns: number, unit: number, digits: number): string {
  if (!Number.isInteger(ns)) return String(ns / unit);
  const whole = Math.floor(ns / unit);
  const rest = ns - whole * unit;
  return rest === 0
    ? String(whole)
    : `${whole}.${String(rest).padStart(digits, "0")}`.replace(/0+$/, "");
}
