/**
 * Reads ClickHouse *Native* blocks, as the engine answers a select with them, into columns. Strings stay bytes until
 * asked for as text. Format as in `writer.ts`.
 */
import { TriptychError } from "@triptych/model";

export interface NumberColumn {
  readonly kind: "number";
  readonly values:
    | Float64Array
    | Float32Array
    | Uint32Array
    | Int32Array
    | Uint16Array
    | Int16Array
    | Uint8Array
    | Int8Array;
}
/** 64-bit integers (also `DateTime64`); exact. */
export interface BigColumn {
  readonly kind: "bigint";
  readonly values: BigInt64Array | BigUint64Array;
}
export interface TextColumn {
  readonly kind: "text";
  text(row: number): string;
  bytes(row: number): Uint8Array;
  /** The bytes of row `i` are `all[start(i)] .. all[end(i)]`, for who writes them elsewhere without a view of each. */
  readonly all: Uint8Array;
  start(row: number): number;
  end(row: number): number;
  /** Whether two rows hold the same bytes, and a number that is the same for rows that do: no text is made for either. */
  same(row: number, other: number): boolean;
  hash(row: number): number;
}
export interface NullableColumn {
  readonly kind: "nullable";
  readonly nulls: Uint8Array;
  readonly inner: NativeData;
}
export interface ArrayColumn {
  readonly kind: "array";
  /** Row `i` owns items `offsets[i] .. offsets[i + 1]`. */
  readonly offsets: Uint32Array;
  readonly items: NativeData;
}
export interface MapColumn {
  readonly kind: "map";
  readonly offsets: Uint32Array;
  readonly keys: NativeData;
  readonly values: NativeData;
}
export interface TupleColumn {
  readonly kind: "tuple";
  readonly items: readonly NativeData[];
}
export type NativeData =
  | NumberColumn
  | BigColumn
  | TextColumn
  | NullableColumn
  | ArrayColumn
  | MapColumn
  | TupleColumn;

export interface NativeColumn {
  readonly name: string;
  readonly type: string;
  readonly data: NativeData;
}
export interface NativeBlock {
  readonly rows: number;
  readonly columns: readonly NativeColumn[];
}

/** All blocks of an answer. Throws `store_failed` when the bytes are not Native. */
export function readNativeBlocks(bytes: Uint8Array): NativeBlock[] {
  const reader = new Reader(bytes);
  const blocks: NativeBlock[] = [];
  while (!reader.done) blocks.push(readBlock(reader));
  return blocks;
}

function readBlock(reader: Reader): NativeBlock {
  const count = reader.varint();
  const rows = reader.varint();
  const columns: NativeColumn[] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.text();
    const type = reader.text();
    const parsed = parseType(type);
    readPrefix(reader, parsed, rows);
    columns.push({ name, type, data: readData(reader, parsed, rows) });
  }
  return { rows, columns };
}

interface NativeType {
  readonly name: string;
  readonly size: number;
  readonly args: readonly NativeType[];
}

/** `Map(LowCardinality(String), Array(UInt8))` as a tree; arguments that are not types (time zones) are left out. */
function parseType(text: string): NativeType {
  const open = text.indexOf("(");
  if (open < 0) return { name: text, size: 0, args: [] };
  const name = text.slice(0, open);
  const inside = text.slice(open + 1, -1);
  if (name === "FixedString") return { name, size: Number(inside), args: [] };
  if (
    name === "DateTime64" ||
    name === "DateTime" ||
    name.startsWith("Enum") ||
    name === "Decimal"
  ) {
    return { name, size: 0, args: [] };
  }
  return { name, size: 0, args: splitArguments(inside).map((part) => parseType(stripName(part))) };
}

function splitArguments(inside: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < inside.length; i++) {
    const c = inside[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === "," && depth === 0) {
      parts.push(inside.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(inside.slice(start).trim());
  return parts;
}

/** Named tuple elements are `name Type`. */
function stripName(part: string): string {
  const paren = part.indexOf("(");
  const space = part.indexOf(" ");
  return space > 0 && (paren < 0 || space < paren) ? part.slice(space + 1) : part;
}

function readPrefix(reader: Reader, type: NativeType, rows: number): void {
  if (rows === 0) return;
  if (type.name === "LowCardinality") {
    reader.skip(8);
    return;
  }
  for (const arg of type.args) readPrefix(reader, arg, rows);
}

type NumberReader = (reader: Reader, rows: number) => NumberColumn["values"] | BigColumn["values"];
const numberReaders: { readonly [name: string]: NumberReader } = {
  UInt8: (r, n) => new Uint8Array(r.buffer(n)),
  Int8: (r, n) => new Int8Array(r.buffer(n)),
  Bool: (r, n) => new Uint8Array(r.buffer(n)),
  Enum8: (r, n) => new Int8Array(r.buffer(n)),
  UInt16: (r, n) => new Uint16Array(r.buffer(n * 2)),
  Int16: (r, n) => new Int16Array(r.buffer(n * 2)),
  Enum16: (r, n) => new Int16Array(r.buffer(n * 2)),
  Date: (r, n) => new Uint16Array(r.buffer(n * 2)),
  UInt32: (r, n) => new Uint32Array(r.buffer(n * 4)),
  Int32: (r, n) => new Int32Array(r.buffer(n * 4)),
  DateTime: (r, n) => new Uint32Array(r.buffer(n * 4)),
  Date32: (r, n) => new Int32Array(r.buffer(n * 4)),
  Float32: (r, n) => new Float32Array(r.buffer(n * 4)),
  Float64: (r, n) => new Float64Array(r.buffer(n * 8)),
  UInt64: (r, n) => new BigUint64Array(r.buffer(n * 8)),
  Int64: (r, n) => new BigInt64Array(r.buffer(n * 8)),
  DateTime64: (r, n) => new BigInt64Array(r.buffer(n * 8)),
};

function readData(reader: Reader, type: NativeType, rows: number): NativeData {
  const numbers = numberReaders[type.name];
  if (numbers !== undefined) return numberColumn(numbers(reader, rows));
  const [first, second] = type.args;
  switch (type.name) {
    case "String":
      return readStrings(reader, rows);
    case "FixedString":
      return readFixed(reader, rows, type.size);
    case "Nothing":
      return { kind: "number", values: new Uint8Array(reader.buffer(rows)) };
    case "LowCardinality":
      if (!holdsText(first)) throw unreadable(type.name);
      return readLowCardinality(reader, rows);
    case "Nullable": {
      const nulls = new Uint8Array(reader.buffer(rows));
      return { kind: "nullable", nulls, inner: readData(reader, first as NativeType, rows) };
    }
    case "Array": {
      const offsets = reader.offsets(rows);
      return {
        kind: "array",
        offsets,
        items: readData(reader, first as NativeType, offsets[rows] as number),
      };
    }
    case "Map": {
      const offsets = reader.offsets(rows);
      const total = offsets[rows] as number;
      const keys = readData(reader, first as NativeType, total);
      return { kind: "map", offsets, keys, values: readData(reader, second as NativeType, total) };
    }
    case "Tuple":
      return { kind: "tuple", items: type.args.map((arg) => readData(reader, arg, rows)) };
    default:
      throw unreadable(type.name);
  }
}

/** `LowCardinality` is read for strings only, nullable ones included (null is its first key, the empty text). */
function holdsText(type: NativeType | undefined): boolean {
  return type?.name === "String" || (type?.name === "Nullable" && type.args[0]?.name === "String");
}

function unreadable(type: string): TriptychError {
  return new TriptychError("store_failed", `cannot read a column of type ${type} from the store`);
}

function numberColumn(
  values: NumberColumn["values"] | BigColumn["values"],
): NumberColumn | BigColumn {
  if (values instanceof BigInt64Array || values instanceof BigUint64Array)
    return { kind: "bigint", values };
  return { kind: "number", values };
}

// A byte order mark at the start of a value is part of the value.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function readStrings(reader: Reader, rows: number): TextColumn {
  const starts = new Uint32Array(rows);
  const ends = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) {
    const size = reader.varint();
    starts[i] = reader.at;
    reader.skip(size);
    ends[i] = reader.at;
  }
  return textColumn({
    bytes: reader.bytes,
    start: (row) => starts[row] as number,
    end: (row) => ends[row] as number,
  });
}

function readFixed(reader: Reader, rows: number, size: number): TextColumn {
  const start = reader.at;
  reader.skip(rows * size);
  return textColumn({
    bytes: reader.bytes,
    start: (row) => start + row * size,
    end: (row) => start + (row + 1) * size,
  });
}

/** Where the bytes of each row are. */
interface Places {
  readonly bytes: Uint8Array;
  start(row: number): number;
  end(row: number): number;
}

function textColumn(places: Places): TextColumn {
  const { bytes, start, end } = places;
  const of = (row: number): Uint8Array => bytes.subarray(start(row), end(row));
  return {
    kind: "text",
    bytes: of,
    all: bytes,
    start,
    end,
    text: (row) => {
      const from = start(row);
      const to = end(row);
      // Many columns are mostly empty, and decoding nothing takes as long as decoding a word.
      if (from === to) return "";
      return (to - from === SPAN_ID_CHARS && asciiOf16(bytes, from)) || decoder.decode(of(row));
    },
    same: (row, other) => sameBytes(places, row, other),
    hash: (row) => hashOf(places, row),
  };
}

/** A span id in hex. There are more of these than of any other text, and most of decoding one is calling the decoder. */
const SPAN_ID_CHARS = 16;

/** The text of 16 bytes; "" when they are not ASCII. */
function asciiOf16(bytes: Uint8Array, at: number): string {
  let high = 0;
  for (let i = at; i < at + SPAN_ID_CHARS; i++) high |= bytes[i] as number;
  if (high > 0x7f) return "";
  // biome-ignore format: one call, one row of arguments for each half
  return String.fromCharCode(
    bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number, bytes[at + 3] as number,
    bytes[at + 4] as number, bytes[at + 5] as number, bytes[at + 6] as number, bytes[at + 7] as number,
    bytes[at + 8] as number, bytes[at + 9] as number, bytes[at + 10] as number, bytes[at + 11] as number,
    bytes[at + 12] as number, bytes[at + 13] as number, bytes[at + 14] as number, bytes[at + 15] as number,
  );
}

function sameBytes({ bytes, start, end }: Places, row: number, other: number): boolean {
  let a = start(row);
  let b = start(other);
  const last = end(row);
  if (last - a !== end(other) - b) return false;
  while (a < last) if (bytes[a++] !== bytes[b++]) return false;
  return true;
}

/** FNV-1a. */
function hashOf({ bytes, start, end }: Places, row: number): number {
  let hash = 0x811c9dc5;
  const last = end(row);
  for (let at = start(row); at < last; at++)
    hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash;
}

function readLowCardinality(reader: Reader, rows: number): TextColumn {
  if (rows === 0) return readStrings(reader, 0);
  const flags = reader.u64();
  const keyCount = reader.u64();
  const keys = readStrings(reader, keyCount);
  const indexCount = reader.u64();
  const width = 1 << (flags & 0xff);
  const buffer = reader.buffer(indexCount * width);
  const indexes =
    width === 1
      ? new Uint8Array(buffer)
      : width === 2
        ? new Uint16Array(buffer)
        : new Uint32Array(buffer);
  // Few keys, many rows: decode each key once.
  const texts: (string | undefined)[] = new Array(keyCount);
  return {
    kind: "text",
    bytes: (row) => keys.bytes(indexes[row] as number),
    all: keys.all,
    start: (row) => keys.start(indexes[row] as number),
    end: (row) => keys.end(indexes[row] as number),
    same: (row, other) => indexes[row] === indexes[other],
    hash: (row) => indexes[row] as number,
    text: (row) => {
      const key = indexes[row] as number;
      let text = texts[key];
      if (text === undefined) {
        text = keys.text(key);
        texts[key] = text;
      }
      return text;
    },
  };
}

class Reader {
  readonly bytes: Uint8Array;
  at = 0;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  get done(): boolean {
    return this.at >= this.bytes.length;
  }
  skip(size: number): void {
    this.at += size;
    if (this.at > this.bytes.length)
      throw new TriptychError("store_failed", "the store's answer ends early");
  }
  /** A copy of the next bytes, aligned for any typed array. */
  buffer(size: number): ArrayBuffer {
    const start = this.at;
    this.skip(size);
    const out = new Uint8Array(size);
    out.set(this.bytes.subarray(start, this.at));
    return out.buffer;
  }
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined)
        throw new TriptychError("store_failed", "the store's answer ends early");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }
  text(): string {
    const size = this.varint();
    const start = this.at;
    this.skip(size);
    return decoder.decode(this.bytes.subarray(start, this.at));
  }
  /** A `UInt64` known to be small. */
  u64(): number {
    const [low = 0, high = 0] = new Uint32Array(this.buffer(8));
    return low + high * 0x1_0000_0000;
  }
  offsets(rows: number): Uint32Array {
    const wide = new Uint32Array(this.buffer(rows * 8));
    const out = new Uint32Array(rows + 1);
    for (let i = 0; i < rows; i++) out[i + 1] = wide[i * 2] as number;
    return out;
  }
}
