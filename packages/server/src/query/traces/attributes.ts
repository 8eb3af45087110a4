/** Stored attributes with the kinds that OTLP gave their values. */
import type { Attribute, AttributeKind } from "@triptych/contract";
import type { StoredAttributes } from "../../store/clickhouse/select/traces.ts";

/** By the digit that the store keeps, which is `ValueKind`. */
const kindNames: readonly AttributeKind[] = [
  "empty",
  "string",
  "boolean",
  "int",
  "double",
  "bytes",
  "array",
  "map",
];
const ASCII_ZERO = 48;

export function attributesOf({ entries, kinds }: StoredAttributes): Attribute[] {
  return entries.map(([key, value], i) => [key, kindAt(kinds, i), value]);
}

export function kindAt(kinds: string, index: number): AttributeKind {
  if (kinds === "") return "string";
  return kindNames[kinds.charCodeAt(index) - ASCII_ZERO] ?? "string";
}
