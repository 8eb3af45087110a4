/** Writes thrift structs in both encodings from one description. For tests only. */
import { type ThriftProtocol, ThriftType } from "./reader.ts";

export type ThriftValue =
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "i32"; readonly value: number }
  | { readonly type: "i64"; readonly value: bigint }
  | { readonly type: "double"; readonly value: number }
  | { readonly type: "text"; readonly value: string | Uint8Array }
  | { readonly type: "struct"; readonly value: ThriftStruct }
  | { readonly type: "list"; readonly value: readonly ThriftValue[] };
/** Fields by id, in the order they are written. */
export type ThriftStruct = readonly (readonly [id: number, value: ThriftValue])[];

export const bool = (value: boolean): ThriftValue => ({ type: "bool", value });
export const i32 = (value: number): ThriftValue => ({ type: "i32", value });
export const i64 = (value: bigint): ThriftValue => ({ type: "i64", value });
export const double = (value: number): ThriftValue => ({ type: "double", value });
export const text = (value: string | Uint8Array): ThriftValue => ({ type: "text", value });
export const struct = (...value: ThriftStruct): ThriftValue => ({ type: "struct", value });
export const list = (...value: readonly ThriftValue[]): ThriftValue => ({ type: "list", value });

const compactTypes = { bool: 1, i32: 5, i64: 6, double: 7, text: 8, list: 9, struct: 12 } as const;
const encoder = new TextEncoder();

export function writeStruct(fields: ThriftStruct, protocol: ThriftProtocol): number[] {
  const out: number[] = [];
  let last = 0;
  for (const [id, value] of fields) {
    if (protocol === "binary") out.push(ThriftType[value.type], id >> 8, id & 255);
    else {
      const type = value.type === "bool" && !value.value ? 2 : compactTypes[value.type];
      const delta = id - last;
      if (delta > 0 && delta < 16) out.push(delta * 16 + type);
      else out.push(type, ...varint(zigzag(BigInt(id))));
      last = id;
      if (value.type === "bool") continue;
    }
    out.push(...writeValue(value, protocol));
  }
  return [...out, 0];
}

/** A call of `name` with one argument struct. */
export function writeCall(name: string, args: ThriftStruct, protocol: ThriftProtocol): number[] {
  const bytes = encoder.encode(name);
  const head =
    protocol === "binary"
      ? [0x80, 1, 0, 4, ...fixed(bytes.length, 4), ...bytes, 0, 0, 0, 7]
      : [0x82, 0x81, 7, ...varint(BigInt(bytes.length)), ...bytes];
  return [...head, ...writeStruct(args, protocol)];
}

function writeValue(value: ThriftValue, protocol: ThriftProtocol): number[] {
  const binary = protocol === "binary";
  switch (value.type) {
    case "bool":
      return [value.value ? 1 : binary ? 0 : 2];
    case "i32":
      return binary ? fixed(value.value, 4) : varint(zigzag(BigInt(value.value)));
    case "i64":
      return binary ? fixed64(value.value) : varint(zigzag(value.value));
    case "double": {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setFloat64(0, value.value, !binary);
      return [...bytes];
    }
    case "text": {
      const bytes = typeof value.value === "string" ? encoder.encode(value.value) : value.value;
      return [...(binary ? fixed(bytes.length, 4) : varint(BigInt(bytes.length))), ...bytes];
    }
    case "struct":
      return writeStruct(value.value, protocol);
    default: {
      const { length } = value.value;
      const type = value.value[0]?.type ?? "struct";
      const items = value.value.flatMap((item) => writeValue(item, protocol));
      if (binary) return [ThriftType[type], ...fixed(length, 4), ...items];
      const head = length < 15 ? [length * 16] : [0xf0];
      const more = length < 15 ? [] : varint(BigInt(length));
      return [(head[0] as number) + compactTypes[type], ...more, ...items];
    }
  }
}

function zigzag(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
}

function varint(value: bigint): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...out, Number(rest)];
}

function fixed(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => (value >>> (8 * (size - 1 - i))) & 255);
}

function fixed64(value: bigint): number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return [...bytes];
}
