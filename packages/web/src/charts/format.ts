/**
 * Figures as people read them: three significant digits, always a unit, a no-break space between. Exact values are
 * one hover away; nothing here is used for computing.
 */
const nbsp = "\u00a0";

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Three significant digits without an exponent: 4.21, 41.2, 412. */
export function threeDigits(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 || size === 0 ? 2 : 3;
  if (size > 0 && size < 0.0005) return value < 0 ? "> \u22120.001" : "< 0.001";
  return trimZeros(value.toFixed(digits)).replace("-", "\u2212");
}

interface Step {
  readonly from: number;
  readonly per: number;
  readonly unit: string;
}
const durationSteps: readonly Step[] = [
  { from: 86_400e9, per: 86_400e9, unit: "d" },
  { from: 2 * 3600e9, per: 3600e9, unit: "h" },
  { from: 120e9, per: 60e9, unit: "min" },
  { from: 999.5e6, per: 1e9, unit: "s" },
  { from: 999.5e3, per: 1e6, unit: "ms" },
  { from: 999.5, per: 1e3, unit: "\u00b5s" },
];

/** A duration in nanoseconds: `4.20 s`, `180 ms`, `12 µs`. On axes without trailing zeros: `4.2 s`. */
export function formatDuration(ns: number, where: "text" | "axis" = "text"): string {
  if (!Number.isFinite(ns)) return "no data";
  const size = Math.abs(ns);
  for (const step of durationSteps) {
    if (size < step.from) continue;
    const value = ns / step.per;
    // Seconds stand in columns below each other: there the digits must line up.
    const fixed = where === "text" && step.unit === "s" && Math.abs(value) < 9.995;
    return (
      (fixed ? value.toFixed(2).replace("-", "\u2212") : threeDigits(value)) + nbsp + step.unit
    );
  }
  return ns === 0 ? "0" : threeDigits(ns) + nbsp + "ns";
}

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return "no data";
  const size = Math.abs(bytes);
  const power = size < 1 ? 0 : Math.min(byteUnits.length - 1, Math.floor(Math.log2(size) / 10));
  return `${threeDigits(bytes / 1024 ** power)}${nbsp}${byteUnits[power]}`;
}

/** A count with thousands separators below a million, then k, M, G. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return "no data";
  const size = Math.abs(value);
  if (size >= 1e12) return `${threeDigits(value / 1e12)}${nbsp}T`;
  if (size >= 1e9) return `${threeDigits(value / 1e9)}${nbsp}G`;
  if (size >= 1e6) return `${threeDigits(value / 1e6)}${nbsp}M`;
  if (Number.isInteger(value)) return value.toLocaleString("en").replace("-", "\u2212");
  return size >= 1e4 ? Math.round(value).toLocaleString("en") : threeDigits(value);
}

export function formatShare(share: number): string {
  if (!Number.isFinite(share)) return "no data";
  const percent = share * 100;
  if (percent > 0 && percent < 1) return `<${nbsp}1${nbsp}%`;
  if (percent > 99 && percent < 100) return `>${nbsp}99${nbsp}%`;
  return `${Math.round(percent)}${nbsp}%`;
}

/** A metric's value with the unit its family declares (OpenTelemetry and Prometheus spellings). */
export function formatValue(
  value: number | null | undefined,
  unit: string,
  where: "text" | "axis" = "text",
): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "no data";
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "\u2212Inf";
  const perSecond = unit.endsWith("/s");
  const base = perSecond ? unit.slice(0, -2) : unit;
  const text = formatBase(value, base, where);
  return perSecond ? `${text}/s` : text;
}

function formatBase(value: number, unit: string, where: "text" | "axis"): string {
  switch (unit) {
    case "s":
    case "seconds":
      return formatDuration(value * 1e9, where);
    case "ms":
    case "milliseconds":
      return formatDuration(value * 1e6, where);
    case "us":
    case "microseconds":
      return formatDuration(value * 1e3, where);
    case "ns":
    case "nanoseconds":
      return formatDuration(value, where);
    case "By":
    case "B":
    case "bytes":
      return formatBytes(value);
    case "1":
    case "":
    case "ratio":
      return formatCount(value);
    case "%":
    case "percent":
      return `${threeDigits(value)}${nbsp}%`;
    default: {
      // `{request}` is an annotation in UCUM, not a unit that scales.
      const annotation = /^\{(.*)\}$/.exec(unit)?.[1];
      return `${formatCount(value)}${nbsp}${annotation ?? unit}`;
    }
  }
}

/** "1 trace", "2 traces", "3,108 traces". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)}${nbsp}${count === 1 ? one : many}`;
}
