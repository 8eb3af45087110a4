/**
 * The values that templates see, with just as much of Go's types as its output and errors depend on: whole numbers
 * are `bigint` (Go's int), other numbers `number` (float64), `null` is nil and what is not there.
 */
import { formatG } from "../promql/go-format.ts";

export type GoValue = null | boolean | bigint | number | string | GoList | GoMap | GoObject;

export interface GoList {
  readonly kind: "list";
  /** The type's name in errors, such as `[]string`. */
  readonly type: string;
  readonly items: readonly GoValue[];
}

export interface GoMap {
  readonly kind: "map";
  readonly type: string;
  readonly entries: ReadonlyMap<string, GoValue>;
  /** What a key that is not there gives where missing keys are zero: "" in a map of strings. */
  readonly zero: GoValue;
}

/** A struct, or a type with methods. */
export interface GoObject {
  readonly kind: "object";
  readonly type: string;
  readonly fields: ReadonlyMap<string, GoValue>;
  readonly methods: ReadonlyMap<string, GoFunction>;
  /** How it prints itself; a string type's text. */
  readonly text?: string | undefined;
  /** A string type whose text is not escaped in HTML. */
  readonly safe?: boolean | undefined;
}

/** `any`, `string`, `bool`, `int`, `float64`, or the type name of a list, map or object. */
export type ParamType = string;

export interface CallContext {
  /** Output of a template that is defined in the same text. */
  readonly execute: (name: string, data: GoValue) => string;
}

export interface GoFunction {
  readonly params: readonly ParamType[];
  /** The last parameter may come any number of times. */
  readonly variadic?: boolean | undefined;
  /** Throws an `Error` whose message follows `error calling …`; a `TemplateInterrupt` ends the run as it is. */
  readonly call: (args: readonly GoValue[], context: CallContext) => GoValue;
}

export type FunctionTable = ReadonlyMap<string, GoFunction>;

/** What a function throws to end the run without it being an error of the template. */
export class TemplateInterrupt {
  readonly reason: unknown;
  constructor(reason: unknown) {
    this.reason = reason;
  }
}

export const goList = (items: readonly GoValue[], type = "[]interface {}"): GoList => ({
  kind: "list",
  type,
  items,
});

/** A Go `map[string]string`. */
export function goStringMap(pairs: Iterable<readonly [string, string]>): GoMap {
  return { kind: "map", type: "map[string]string", entries: new Map(pairs), zero: "" };
}

/** A Go `map[string]interface{}`. */
export function goMap(pairs: Iterable<readonly [string, GoValue]>): GoMap {
  return { kind: "map", type: "map[string]interface {}", entries: new Map(pairs), zero: null };
}

/** A Go struct. */
export function goStruct(type: string, fields: { readonly [name: string]: GoValue }): GoObject {
  return { kind: "object", type, fields: new Map(Object.entries(fields)), methods: new Map() };
}

export function typeNameOf(value: GoValue): string {
  if (value === null) return "<nil>";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "float64";
    case "string":
      return "string";
    default:
      return value.type;
  }
}

/** What `if` makes of a value: not nil, zero, or empty. */
export function isTrue(value: GoValue): boolean {
  if (value === null) return false;
  switch (typeof value) {
    case "boolean":
      return value;
    case "bigint":
      return value !== 0n;
    case "number":
      return value !== 0;
    case "string":
      return value !== "";
    default:
      return isFilled(value);
  }
}

function isFilled(value: GoList | GoMap | GoObject): boolean {
  if (value.kind === "list") return value.items.length > 0;
  if (value.kind === "map") return value.entries.size > 0;
  return value.safe === true ? value.text !== "" : true;
}

/** Keys of a map in the order in which templates see them. */
export function sortedKeys(map: GoMap): string[] {
  return [...map.entries.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Go's `%v`. Deep values come from our own tables and do not contain themselves. */
export function printValue(value: GoValue): string {
  if (value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "number") return formatG(value);
  if (typeof value !== "object") return String(value);
  if (value.kind === "list") return `[${value.items.map(printValue).join(" ")}]`;
  if (value.kind === "map") {
    const parts = sortedKeys(value).map(
      (key) => `${key}:${printValue(value.entries.get(key) ?? null)}`,
    );
    return `map[${parts.join(" ")}]`;
  }
  if (value.text !== undefined) return value.text;
  const inner = [...value.fields.values()].map(printValue).join(" ");
  return value.type.startsWith("*") ? `&{${inner}}` : `{${inner}}`;
}

/** What `range` goes over, each with its index or key; nothing for what has no items. */
export function itemsOf(value: GoValue): Iterable<readonly [GoValue, GoValue]> | undefined {
  if (value === null) return [];
  if (typeof value === "bigint") return numbersBelow(value);
  if (typeof value !== "object") return undefined;
  if (value.kind === "list") return value.items.map((item, i) => [BigInt(i), item] as const);
  if (value.kind === "map")
    return sortedKeys(value).map((key) => [key, value.entries.get(key) ?? null] as const);
  return undefined;
}

function* numbersBelow(end: bigint): Generator<readonly [GoValue, GoValue]> {
  for (let i = 0n; i < end; i++) yield [i, i];
}

const encoder = new TextEncoder();

/** Length in UTF-8, as Go counts. */
export function byteLength(text: string): number {
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) > 0x7f) return encoder.encode(text).length;
  return text.length;
}
