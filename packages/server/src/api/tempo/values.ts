/** TraceQL's values in Tempo's JSON. */
import { type Static, showStatic, type TraceLabel } from "@triptych/lang";
import type { TempoAnyValue, TempoKeyValue } from "@triptych/wire";

export function anyValueOf(value: Static): TempoAnyValue {
  switch (value.type) {
    case "int":
      return { intValue: String(value.value) };
    case "float":
      return { doubleValue: Number.isFinite(value.value) ? value.value : String(value.value) };
    case "bool":
      return { boolValue: value.value };
    case "array":
      return { arrayValue: { values: value.items.map(anyValueOf) } };
    case "duration":
      return { stringValue: goDuration(value.value) };
    default:
      return { stringValue: showStatic(value) };
  }
}

/** As Go prints a duration: `1h2m3.5s`, below a second in one unit such as `1.5ms`. */
export function goDuration(ns: number | bigint): string {
  const whole = typeof ns === "bigint" ? ns : BigInt(Math.trunc(ns));
  const sign = whole < 0n ? "-" : "";
  const rest = whole < 0n ? -whole : whole;
  if (rest === 0n) return "0s";
  const small = GO_UNITS.find(([, size]) => rest < size * 1000n && size < SECOND_NS);
  if (small !== undefined) return `${sign}${decimal(rest, small[1])}${small[0]}`;
  const hours = rest / (3600n * SECOND_NS);
  const minutes = (rest / (60n * SECOND_NS)) % 60n;
  const seconds = decimal(rest % (60n * SECOND_NS), SECOND_NS);
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0n ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}

const SECOND_NS = 1_000_000_000n;
const GO_UNITS: readonly (readonly [name: string, ns: bigint])[] = [
  ["ns", 1n],
  ["µs", 1_000n],
  ["ms", 1_000_000n],
];

/** `value / unit` with all its digits; a unit is a power of ten. */
function decimal(value: bigint, unit: bigint): string {
  const fraction = String(value % unit)
    .padStart(String(unit).length - 1, "0")
    .replace(/0+$/, "");
  return unit === 1n || fraction === "" ? `${value / unit}` : `${value / unit}.${fraction}`;
}

export const keyValue = (key: string, value: Static): TempoKeyValue => ({
  key,
  value: anyValueOf(value),
});

/** Labels of series are single values everywhere: a list is its text, as TraceQL writes it. */
export const labelsOf = (labels: readonly TraceLabel[]): TempoKeyValue[] =>
  labels.map(({ name, value }) =>
    value.type === "array"
      ? { key: name, value: { stringValue: showStatic(value) } }
      : keyValue(name, value),
  );

/** JSON has no infinities; protobuf's JSON writes them as text. */
export function jsonNumber(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/** The type that completion shows for a value. */
export function tagValue(value: Static): { readonly type: string; readonly value: string } {
  const { type } = value;
  const shown =
    type === "status" || type === "kind" ? "keyword" : type === "array" ? "string" : type;
  return { type: shown, value: showStatic(value) };
}
