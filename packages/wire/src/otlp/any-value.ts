/** Stored attribute values as OTLP's AnyValue: as objects for JSON, and as protobuf. */
import { ValueKind } from "@triptych/model";
import type { MessageWriter } from "../remote-write/message-writer.ts";

export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  /** Decimal. */
  | { readonly intValue: string }
  | { readonly doubleValue: number | string }
  /** Base64. */
  | { readonly bytesValue: string }
  | { readonly arrayValue: { readonly values: readonly AnyValue[] } }
  | { readonly kvlistValue: { readonly values: readonly KeyValue[] } }
  | { readonly [none: string]: never };
export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** Entries, and one digit of `ValueKind` for each, or "" when all are strings. */
export interface TextAttributes {
  readonly entries: readonly (readonly [key: string, value: string])[];
  readonly kinds: string;
}

const ASCII_ZERO = 48;

export function keyValues({ entries, kinds }: TextAttributes): KeyValue[] {
  return entries.map(([key, text], i) => ({
    key,
    value: anyValue(kinds === "" ? ValueKind.string : kinds.charCodeAt(i) - ASCII_ZERO, text),
  }));
}

function anyValue(kind: number, text: string): AnyValue {
  switch (kind) {
    case ValueKind.boolean:
      return { boolValue: text === "true" };
    case ValueKind.int:
      return { intValue: text };
    case ValueKind.double:
      return doubleValue(text);
    case ValueKind.bytes:
      return { bytesValue: text };
    case ValueKind.array:
    case ValueKind.map:
      return parsedValue(text);
    case ValueKind.empty:
      return {};
    default:
      return { stringValue: text };
  }
}

export function doubleValue(text: string): AnyValue {
  const value = Number(text);
  return { doubleValue: Number.isFinite(value) ? value : text };
}

/** Strings get the mark `s`, integers `i`, other numbers `d`: so integers stay exact through `JSON.parse`. */
const TOKENS = /"((?:[^"\\]|\\.)*)"|-?\d+(\.\d+)?([eE][+-]?\d+)?/gs;

function parsedValue(text: string): AnyValue {
  const marked = text.replace(
    TOKENS,
    (token: string, inner?: string, fraction?: string, exponent?: string) => {
      if (inner !== undefined) return `"s${inner}"`;
      return fraction === undefined && exponent === undefined ? `"i${token}"` : `"d${token}"`;
    },
  );
  try {
    return fromMarked(JSON.parse(marked));
  } catch {
    // Written by another program into the same table: what is not JSON stays text.
    return { stringValue: text };
  }
}

function fromMarked(value: unknown): AnyValue {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "string") {
    const rest = value.slice(1);
    if (value.startsWith("i")) return { intValue: rest };
    return value.startsWith("d") ? doubleValue(rest) : { stringValue: rest };
  }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(fromMarked) } };
  if (typeof value !== "object" || value === null) return {};
  const values = Object.entries(value).map(([key, item]) => ({
    key: key.slice(1),
    value: fromMarked(item),
  }));
  return { kvlistValue: { values } };
}

/** Writes `KeyValue` messages under a repeated field. */
export function writeKeyValues(
  writer: MessageWriter,
  field: number,
  list: readonly KeyValue[],
): void {
  for (const { key, value } of list) {
    const mark = writer.begin(field);
    writer.text(1, key);
    writeAnyValue(writer, 2, value);
    writer.end(mark);
  }
}

function writeAnyValue(writer: MessageWriter, field: number, value: AnyValue): void {
  const mark = writer.begin(field);
  if ("stringValue" in value) writer.textAlways(1, value.stringValue ?? "");
  else if ("boolValue" in value) writer.uintAlways(2, value.boolValue ? 1 : 0);
  else if ("intValue" in value) writer.raw(intField(value.intValue ?? "0"));
  else if ("doubleValue" in value) writer.doubleAlways(4, Number(value.doubleValue));
  else if ("arrayValue" in value) {
    const list = writer.begin(5);
    for (const item of value.arrayValue?.values ?? []) writeAnyValue(writer, 1, item);
    writer.end(list);
  } else if ("kvlistValue" in value) {
    const list = writer.begin(6);
    writeKeyValues(writer, 1, value.kvlistValue?.values ?? []);
    writer.end(list);
  } else if ("bytesValue" in value) writer.bytesField(7, base64Bytes(value.bytesValue ?? ""));
  writer.end(mark);
}

/** Field 3 as a varint of 64 bits, exact. */
function intField(text: string): Uint8Array {
  const out = [3 * 8];
  let rest = BigInt.asUintN(64, /^-?\d+$/.test(text) ? BigInt(text) : 0n);
  for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
  return Uint8Array.from(out);
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function base64Bytes(text: string): Uint8Array {
  const digits = text.replace(/[^A-Za-z0-9+/]/g, "");
  const out = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const digit of digits) {
    bits = ((bits << 6) | DIGITS.indexOf(digit)) & 0xffffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out[at++] = (bits >> held) & 0xff;
  }
  return out;
}

/** Bytes of hexadecimal digits. */
export function hexBytes(hex: string): Uint8Array {
  const out = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < out.length; i++)
    out[i] = (digitOf(hex.charCodeAt(i * 2)) << 4) | digitOf(hex.charCodeAt(i * 2 + 1));
  return out;
}

/** `0` to `9`, then the letters, large or small. */
const digitOf = (code: number): number => (code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57);

export function base64OfHex(hex: string): string {
  const bytes = hexBytes(hex);
  let out = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    out += DIGITS[a >> 2] as string;
    out += DIGITS[((a & 3) << 4) | ((b ?? 0) >> 4)] as string;
    out += b === undefined ? "=" : (DIGITS[((b & 15) << 2) | ((c ?? 0) >> 6)] as string);
    out += c === undefined ? "=" : (DIGITS[c & 63] as string);
  }
  return out;
}
