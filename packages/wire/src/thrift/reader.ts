/**
 * Reads Apache Thrift's two usual encodings, binary and compact, from one byte array without allocating. The caller
 * walks structs field by field and asks for the values it expects. No read goes beyond the end and no size is
 * believed before as many bytes are there, so the time is linear in the input.
 * Source: https://github.com/apache/thrift/tree/master/doc/specs (binary and compact protocol).
 */
import { TriptychError } from "@triptych/model";

export type ThriftProtocol = "binary" | "compact";

/** Types by the numbers of the binary protocol; those of the compact one are turned into them. */
export const ThriftType = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  text: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
} as const;

const compactTypes: readonly number[] = [
  ThriftType.stop,
  ThriftType.bool,
  ThriftType.bool,
  ThriftType.byte,
  ThriftType.i16,
  ThriftType.i32,
  ThriftType.i64,
  ThriftType.double,
  ThriftType.text,
  ThriftType.list,
  ThriftType.set,
  ThriftType.map,
  ThriftType.struct,
];
/** Structs and containers inside each other; what we read has five. */
const DEPTH_MAX = 32;
/** Values skipped in one message because we do not know their field: a few in a message of a later version. */
const SKIPPED_MAX = 100_000;
const NAME_BYTES_MAX = 256;
const BINARY_VERSION = 0x8001;
const COMPACT_ID = 0x82;
const U64 = 64;

const decoder = new TextDecoder();

export class ThriftReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  pos = 0;
  /** What is being read, for error messages. */
  reading = "the message";
  /** Of the last `field`. */
  fieldId = 0;
  fieldType = 0;
  /** Of the last `list`. */
  elementType = 0;
  /** Of the last `text`: `bytes[textStart .. textEnd)`. */
  textStart = 0;
  textEnd = 0;

  private readonly view: DataView;
  private readonly compact: boolean;
  /** Compact: field ids are differences, so the last one of every open struct is kept. */
  private readonly lastIds = new Int32Array(DEPTH_MAX + 1);
  private depth = 0;
  /** Compact: the value of a boolean field stands in its header; -1 when none is waiting. */
  private headerBool = -1;
  private skipped = 0;

  constructor(bytes: Uint8Array, protocol: ThriftProtocol) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.compact = protocol === "compact";
  }

  /** Takes the head of a message (a call) and returns the name of what is called. */
  message(): string {
    const at = this.pos;
    if (this.compact) {
      if (this.byte() !== COMPACT_ID) this.fail("a message that is not thrift compact", at);
      if ((this.byte() & 0x1f) !== 1) this.fail("a version of thrift compact that is not 1", at);
      this.varint();
      return this.name();
    }
    if (((this.bytes[at] ?? 0) & 0x80) === 0) {
      // The older form has no version: name, type, sequence.
      const name = this.name();
      this.byte();
      this.fixed32();
      return name;
    }
    if (this.fixed32() >>> 16 !== BINARY_VERSION)
      this.fail("a version of thrift binary that is not 1", at);
    const name = this.name();
    this.fixed32();
    return name;
  }

  private name(): string {
    const at = this.pos;
    this.text();
    if (this.textEnd - this.textStart > NAME_BYTES_MAX) this.fail("a name that is too long", at);
    return decoder.decode(this.bytes.subarray(this.textStart, this.textEnd));
  }

  enterStruct(): void {
    if (++this.depth > DEPTH_MAX) this.failDepth();
    this.lastIds[this.depth] = 0;
  }

  /** Goes to the next field of the open struct: its value is next. False at the struct's end, which closes it. */
  field(): boolean {
    const at = this.pos;
    const head = this.byte();
    if (head === ThriftType.stop) {
      this.depth--;
      return false;
    }
    if (!this.compact) {
      this.fieldType = head;
      this.fieldId = this.fixed16();
      return true;
    }
    const type = compactTypes[head & 0x0f];
    if (type === undefined || type === ThriftType.stop) this.failType(head & 0x0f, at);
    this.headerBool = type === ThriftType.bool ? 2 - (head & 0x0f) : -1;
    const delta = head >> 4;
    const last = this.lastIds[this.depth] as number;
    this.fieldId = delta === 0 ? this.zigzag32() : last + delta;
    this.lastIds[this.depth] = this.fieldId;
    this.fieldType = type as number;
    return true;
  }

  /** Takes the head of a list or set; returns its size, with the type in `elementType`. */
  list(): number {
    const at = this.pos;
    const head = this.byte();
    if (!this.compact) {
      this.elementType = head;
      return this.size(this.fixed32(), at);
    }
    const type = compactTypes[head & 0x0f];
    if (type === undefined || type === ThriftType.stop) this.failType(head & 0x0f, at);
    this.elementType = type as number;
    const short = head >> 4;
    return this.size(short === 15 ? this.varint() : short, at);
  }

  /** Checks that the open field, or the elements of the open list, are what the caller reads. */
  expect(type: number, got: number): void {
    if (type !== got) this.fail(`type ${got} where ${type} is needed`, this.pos);
  }

  bool(): boolean {
    if (this.headerBool >= 0) {
      const value = this.headerBool === 1;
      this.headerBool = -1;
      return value;
    }
    return this.byte() === 1;
  }

  i32(): number {
    return this.compact ? this.zigzag32() : this.fixed32() | 0;
  }

  /** Signed. */
  i64(): bigint {
    if (!this.compact) {
      const at = this.need(8, "the message ends inside a number");
      return this.view.getBigInt64(at);
    }
    const raw = this.varint64();
    return (raw >> 1n) ^ -(raw & 1n);
  }

  double(): number {
    const at = this.need(8, "the message ends inside a number");
    return this.view.getFloat64(at, this.compact);
  }

  /** Takes text or bytes; `textStart` and `textEnd` say where they are. */
  text(): void {
    const at = this.pos;
    const size = this.size(this.compact ? this.varint() : this.fixed32(), at);
    this.textStart = this.pos;
    this.pos += size;
    this.textEnd = this.pos;
  }

  /** Skips a value of a field that is not known. */
  skip(type: number): void {
    if (++this.skipped > SKIPPED_MAX) {
      const text = `More than ${SKIPPED_MAX} values in fields that are not known, at byte ${this.pos}`;
      throw new TriptychError("wire_too_many_items", text, { offset: this.pos });
    }
    switch (type) {
      case ThriftType.bool:
        this.bool();
        return;
      case ThriftType.byte:
        this.byte();
        return;
      case ThriftType.double:
        this.double();
        return;
      case ThriftType.i16:
        if (this.compact) this.varint();
        else this.fixed16();
        return;
      case ThriftType.i32:
        this.i32();
        return;
      case ThriftType.i64:
        this.i64();
        return;
      case ThriftType.text:
        this.text();
        return;
      case ThriftType.struct:
        this.enterStruct();
        while (this.field()) this.skip(this.fieldType);
        return;
      case ThriftType.map:
        this.skipMap();
        return;
      case ThriftType.set:
      case ThriftType.list:
        this.skipList();
        return;
      default:
        this.failType(type, this.pos);
    }
  }

  private skipList(): void {
    this.nest();
    const size = this.list();
    const type = this.elementType;
    for (let i = 0; i < size; i++) this.skip(type);
    this.depth--;
  }

  private skipMap(): void {
    this.nest();
    const at = this.pos;
    let keyType: number;
    let valueType: number;
    let size: number;
    if (this.compact) {
      size = this.size(this.varint(), at);
      const types = size === 0 ? 0x33 : this.byte();
      keyType = compactTypes[types >> 4] ?? 0;
      valueType = compactTypes[types & 0x0f] ?? 0;
    } else {
      keyType = this.byte();
      valueType = this.byte();
      size = this.size(this.fixed32(), at);
    }
    for (let i = 0; i < size; i++) {
      this.skip(keyType);
      this.skip(valueType);
    }
    this.depth--;
  }

  private nest(): void {
    this.headerBool = -1;
    if (++this.depth > DEPTH_MAX) this.failDepth();
  }

  /** Every element takes a byte at least. */
  private size(size: number, at: number): number {
    if (size > this.end - this.pos)
      this.fail(`a size of ${size} where ${this.end - this.pos} bytes are left`, at);
    return size;
  }

  private need(size: number, problem: string): number {
    const at = this.pos;
    if (this.end - at < size) this.fail(problem, at);
    this.pos = at + size;
    return at;
  }

  private byte(): number {
    return this.bytes[this.need(1, "the message ends too early")] as number;
  }

  private fixed16(): number {
    return this.view.getInt16(this.need(2, "the message ends inside a number"));
  }

  /** Unsigned. */
  private fixed32(): number {
    return this.view.getUint32(this.need(4, "the message ends inside a number"));
  }

  /** Unsigned, 32 bits. */
  private varint(): number {
    const at = this.pos;
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80)
        return value > 0xffff_ffff ? this.fail("a number of over 32 bits", at) : value;
    }
    return this.fail("a number of more than 5 bytes", at);
  }

  private zigzag32(): number {
    const raw = this.varint();
    return (raw >>> 1) ^ -(raw & 1);
  }

  private varint64(): bigint {
    const at = this.pos;
    let low = 0;
    // Seven groups of seven bits are exact in a double; ids need all ten.
    for (let i = 0; i < 7; i++) {
      const byte = this.byte();
      low += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return BigInt(low);
    }
    let high = 0;
    for (let i = 0; i < 3; i++) {
      const byte = this.byte();
      high += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return BigInt.asUintN(U64, BigInt(low) + (BigInt(high) << 49n));
    }
    return this.fail("a number of more than 10 bytes", at);
  }

  private failType(type: number, at: number): never {
    return this.fail(`a type that thrift does not have (${type})`, at);
  }

  private failDepth(): never {
    const text = `Thrift is nested deeper than ${DEPTH_MAX} levels in ${this.reading}, at byte ${this.pos}`;
    throw new TriptychError("wire_too_deep", text, { offset: this.pos });
  }

  fail(problem: string, at: number): never {
    const text = `Malformed thrift: ${problem}, while reading ${this.reading} at byte ${at}`;
    throw new TriptychError("wire_malformed", text, { offset: at });
  }
}
