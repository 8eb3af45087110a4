/**
 * Reads MessagePack values (github.com/msgpack/msgpack, spec.md) one after another. Strings and binaries are text, as
 * log shippers mean them; integers beyond 2^53 are `bigint`; extensions that no one here knows are hexadecimal text.
 */
import { TriptychError } from "@triptych/model";
import { type JsonValue, jsonText } from "../log-record/json-value.ts";
import { unsigned } from "./scanner.ts";

export type MsgpackKind = "nil" | "boolean" | "number" | "text" | "array" | "map" | "extension";

/** Fluentd's EventTime: seconds and nanoseconds. */
export interface EventTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const EXTENSION_HEX_BYTES_MAX = 256;

export class MsgpackReader {
  at: number;
  readonly end: number;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly depthMax: number;

  constructor(bytes: Uint8Array, depthMax: number, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = start;
    this.end = end;
    this.depthMax = depthMax;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  /** The kind of the next value, which is not read. */
  peek(): MsgpackKind {
    const type = this.type();
    if (type < 0x80 || type >= 0xe0) return "number";
    if (type < 0x90) return "map";
    if (type < 0xa0) return "array";
    if (type < 0xc0) return "text";
    return KINDS[type - 0xc0] ?? this.fail("0xc1 is no type");
  }

  /** Items of an array, which follow. Throws `wire_malformed` when the next value is none. */
  arraySize(): number {
    if (this.peek() !== "array") this.fail("an array was expected");
    const type = this.take(1);
    return this.count(type < 0xa0 ? type & 0x0f : this.unsigned(type === 0xdc ? 2 : 4), 1);
  }

  /** Pairs of a map, which follow. */
  mapSize(): number {
    if (this.peek() !== "map") this.fail("a map was expected");
    const type = this.take(1);
    return this.count(type < 0x90 ? type & 0x0f : this.unsigned(type === 0xde ? 2 : 4), 2);
  }

  /** The bytes of a string or binary, not copied. */
  textBytes(): Uint8Array {
    if (this.peek() !== "text") this.fail("a string was expected");
    const type = this.take(1);
    const size = type < 0xc0 ? type & 0x1f : this.unsigned(TEXT_WIDTHS[type] ?? 4);
    const from = this.skipBytes(size);
    return this.bytes.subarray(from, from + size);
  }

  text(): string {
    return decoder.decode(this.textBytes());
  }

  extension(): { readonly type: number; readonly from: number; readonly size: number } {
    const first = this.take(1);
    const fixed = FIXED_EXTENSIONS[first];
    const size = fixed ?? this.unsigned(first === 0xc7 ? 1 : first === 0xc8 ? 2 : 4);
    const type = this.take(1);
    return { type: type > 127 ? type - 256 : type, from: this.skipBytes(size), size };
  }

  /** Extension 0 with 8 bytes; undefined when the next value is another, which is then read over. */
  eventTime(): EventTime | undefined {
    const { type, from, size } = this.extension();
    if (type !== 0 || size !== 8) return undefined;
    return {
      seconds: unsigned(this.bytes, from, 4),
      nanoseconds: unsigned(this.bytes, from + 4, 4),
    };
  }

  number(): number | bigint {
    if (this.peek() !== "number") this.fail("a number was expected");
    const type = this.take(1);
    if (type < 0x80) return type;
    if (type >= 0xe0) return type - 256;
    const { view } = this;
    const from = this.skipBytes(NUMBER_WIDTHS[type] ?? 8);
    switch (type) {
      case 0xca:
        return view.getFloat32(from);
      case 0xcb:
        return view.getFloat64(from);
      case 0xcc:
        return view.getUint8(from);
      case 0xcd:
        return view.getUint16(from);
      case 0xce:
        return view.getUint32(from);
      case 0xcf:
        return exact(view.getBigUint64(from));
      case 0xd0:
        return view.getInt8(from);
      case 0xd1:
        return view.getInt16(from);
      case 0xd2:
        return view.getInt32(from);
      default:
        return exact(view.getBigInt64(from));
    }
  }

  /** Any value. Throws `wire_malformed`, and `wire_too_deep` beyond the depth. */
  value(depth = 0): JsonValue {
    switch (this.peek()) {
      case "nil":
        this.at++;
        return null;
      case "boolean":
        return this.take(1) === 0xc3;
      case "number":
        return this.number();
      case "text":
        return this.text();
      case "extension":
        return this.extensionText();
      case "array":
        return this.array(depth);
      case "map":
        return this.map(depth);
    }
  }

  /** Reads over a value without keeping anything of it. */
  skip(): void {
    for (let values = 1; values > 0; values--) {
      switch (this.peek()) {
        case "nil":
        case "boolean":
          this.at++;
          break;
        case "number":
          this.number();
          break;
        case "text":
          this.textBytes();
          break;
        case "extension":
          this.extension();
          break;
        case "array":
          values += this.arraySize();
          break;
        case "map":
          values += this.mapSize() * 2;
          break;
      }
    }
  }

  private array(depth: number): JsonValue[] {
    this.checkDepth(depth);
    const out: JsonValue[] = [];
    for (let left = this.arraySize(); left > 0; left--) out.push(this.value(depth + 1));
    return out;
  }

  private map(depth: number): JsonValue {
    this.checkDepth(depth);
    // Without a prototype, so that a key named as one of its members is a key like others.
    const out: { [name: string]: JsonValue } = Object.create(null);
    for (let left = this.mapSize(); left > 0; left--) {
      const name = this.key(depth + 1);
      out[name] = this.value(depth + 1);
    }
    return out;
  }

  /** Keys may be anything; those that are no text are named by their JSON. */
  private key(depth: number): string {
    const value = this.peek() === "text" ? this.text() : this.value(depth);
    return typeof value === "string" ? value : jsonText(value, this.depthMax);
  }

  private extensionText(): string {
    const { type, from, size } = this.extension();
    if (type === 0 && size === 8) {
      const nanoseconds = String(unsigned(this.bytes, from + 4, 4)).padStart(9, "0");
      return `${unsigned(this.bytes, from, 4)}.${nanoseconds}`;
    }
    let out = "";
    for (let i = 0; i < Math.min(size, EXTENSION_HEX_BYTES_MAX); i++)
      out += (this.bytes[from + i] as number).toString(16).padStart(2, "0");
    return out;
  }

  private checkDepth(depth: number): void {
    if (depth < this.depthMax) return;
    const message = `MessagePack values are nested deeper than ${this.depthMax}`;
    throw new TriptychError("wire_too_deep", message, { offset: this.at });
  }

  /** A count that the bytes left cannot hold is a lie that must not become an allocation. */
  private count(count: number, each: number): number {
    if (count * each > this.end - this.at) this.fail("more items than bytes");
    return count;
  }

  private type(): number {
    if (this.at >= this.end) this.fail("the value ends too early");
    return this.bytes[this.at] as number;
  }

  private take(size: 1): number {
    return this.bytes[this.skipBytes(size)] as number;
  }

  private unsigned(width: number): number {
    return unsigned(this.bytes, this.skipBytes(width), width);
  }

  private skipBytes(size: number): number {
    const from = this.at;
    if (from + size > this.end) this.fail("the value ends too early");
    this.at = from + size;
    return from;
  }

  private fail(what: string): never {
    throw new TriptychError("wire_malformed", `not valid MessagePack: ${what}`, {
      offset: this.at,
    });
  }
}

const SAFE = 2n ** 53n;

function exact(value: bigint): number | bigint {
  return value > -SAFE && value < SAFE ? Number(value) : value;
}

/** Kinds of the types 0xc0 to 0xdf. */
const KINDS: readonly (MsgpackKind | undefined)[] = [
  ...(["nil", undefined, "boolean", "boolean"] as const),
  ...(["text", "text", "text", "extension", "extension", "extension"] as const),
  ...Array.from({ length: 10 }, () => "number" as const),
  ...Array.from({ length: 5 }, () => "extension" as const),
  ...(["text", "text", "text", "array", "array", "map", "map"] as const),
];
const TEXT_WIDTHS: { readonly [type: number]: number } = {
  196: 1,
  197: 2,
  198: 4,
  217: 1,
  218: 2,
  219: 4,
};
const NUMBER_WIDTHS: { readonly [type: number]: number } = {
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
};
const FIXED_EXTENSIONS: { readonly [type: number]: number } = {
  212: 1,
  213: 2,
  214: 4,
  215: 8,
  216: 16,
};
