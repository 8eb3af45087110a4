/**
 * The values of TraceQL. Integers and durations are 64 bits wide: those that a double cannot hold are kept as `bigint`,
 * all others as numbers; JavaScript compares the two exactly.
 */
import { formatFloat } from "../promql/format-float.ts";
import { quote } from "../source.ts";

export type SpanStatus = "error" | "ok" | "unset";
export type SpanKindName =
  | "unspecified"
  | "internal"
  | "server"
  | "client"
  | "producer"
  | "consumer";
export type ElementType = "int" | "float" | "string" | "bool";

export type Static =
  | { readonly type: "nil" }
  | { readonly type: "int"; readonly value: number | bigint }
  | { readonly type: "float"; readonly value: number }
  /** Nanoseconds. */
  | { readonly type: "duration"; readonly value: number | bigint }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "status"; readonly value: SpanStatus }
  | { readonly type: "kind"; readonly value: SpanKindName }
  | {
      readonly type: "array";
      readonly of: ElementType;
      readonly items: readonly Static[];
      /** Set where these are values of several events or links: a comparison holds when it does for one of them. */
      readonly several?: true;
    };

export const NIL: Static = { type: "nil" };
export const TRUE: Static = { type: "bool", value: true };
export const FALSE: Static = { type: "bool", value: false };

export const boolStatic = (value: boolean): Static => (value ? TRUE : FALSE);
export const stringStatic = (value: string): Static => ({ type: "string", value });
export const intStatic = (value: number | bigint): Static => ({ type: "int", value });
export const floatStatic = (value: number): Static => ({ type: "float", value });
export const durationStatic = (value: number | bigint): Static => ({ type: "duration", value });

/** A 64-bit integer of its decimal text, as a number where that is exact. */
export function integerOf(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : narrowed(BigInt.asIntN(64, BigInt(text)));
}

export function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** As a double; NaN for what is no number. Status and kind count as none. */
export function numberOf(value: Static): number {
  switch (value.type) {
    case "int":
    case "duration":
      return Number(value.value);
    case "float":
      return value.value;
    default:
      return Number.NaN;
  }
}

export function isNumeric(value: Static): boolean {
  return value.type === "int" || value.type === "float" || value.type === "duration";
}

/** Of the values of several events or links the first; every other value is itself. */
export function firstOf(value: Static): Static {
  return value.type === "array" && value.several === true ? (value.items[0] ?? NIL) : value;
}

/** As `firstOf`: the last. */
export function lastOf(value: Static): Static {
  return value.type === "array" && value.several === true ? (value.items.at(-1) ?? NIL) : value;
}

/** The same text for equal values of a type and for no others: the key of groups and series. */
export function keyOf(value: Static): string {
  switch (value.type) {
    case "nil":
      return "";
    case "array":
      return `a${JSON.stringify(value.items.map(keyOf))}`;
    default:
      return `${value.type[0]}${value.type.length} ${value.value}`;
  }
}

/** Equality as `=` has it: nothing equals nil, numbers compare across their types. */
export function equals(a: Static, b: Static): boolean {
  if (a.type === "nil" || b.type === "nil") return false;
  if (a.type === "array" || b.type === "array") return keyOf(a) === keyOf(b);
  // biome-ignore lint/suspicious/noDoubleEquals: a number and a bigint are compared by value
  if (isNumeric(a) && isNumeric(b)) return a.value == b.value;
  return a.type === b.type && a.value === b.value;
}

/** Order for minima and maxima. */
export function compareStatics(a: Static, b: Static): number {
  if (a.type === "nil" || b.type === "nil" || a.type === "array" || b.type === "array") return 0;
  if ((isNumeric(a) && isNumeric(b)) || a.type === b.type)
    return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  return a.type < b.type ? -1 : 1;
}

/** As TraceQL writes it. */
export function printStatic(value: Static): string {
  switch (value.type) {
    case "nil":
      return "nil";
    case "string":
      return quote(value.value);
    case "float":
      return floatText(value.value);
    case "duration":
      return durationText(value.value);
    case "array":
      return `[${value.items.map(printStatic).join(", ")}]`;
    default:
      return String(value.value);
  }
}

/** As a label shows it: text without quotes. */
export function showStatic(value: Static): string {
  return value.type === "string" ? value.value : printStatic(value);
}

/** As Go's shortest form has it, and always with a point or an exponent, so that it is read as a float again. */
export function floatText(value: number): string {
  const [, digits = "", sign = "", exponent = ""] =
    /^(.*)e([+-])(\d+)$/.exec(value.toExponential()) ?? [];
  const power = Number(`${sign}${exponent}`);
  if (digits !== "" && (power < -4 || power > 5))
    return `${digits}e${sign}${exponent.padStart(2, "0")}`;
  const text = formatFloat(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

const UNITS: readonly (readonly [unit: string, ns: bigint])[] = [
  ["h", 3_600_000_000_000n],
  ["m", 60_000_000_000n],
  ["s", 1_000_000_000n],
  ["ms", 1_000_000n],
  ["us", 1_000n],
  ["ns", 1n],
];

/** Whole units, exact: `1h30m`, `1s500ms`. */
export function durationText(ns: number | bigint): string {
  let rest = typeof ns === "bigint" ? ns : BigInt(Math.trunc(ns));
  const negative = rest < 0n;
  if (negative) rest = -rest;
  let out = "";
  for (const [unit, size] of UNITS) {
    const count = rest / size;
    if (count === 0n) continue;
    out += `${count}${unit}`;
    rest -= count * size;
  }
  return `${negative ? "-" : ""}${out === "" ? "0s" : out}`;
}
