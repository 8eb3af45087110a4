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
    default:
      return { stringValue: showStatic(value) };
  }
}

export const keyValue = (key: string, value: Static): TempoKeyValue => ({
  key,
  value: anyValueOf(value),
});

export const labelsOf = (labels: readonly TraceLabel[]): TempoKeyValue[] =>
  labels.map(({ name, value }) => keyValue(name, value));

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
