/**
 * Writes protobuf messages of any size into one growing buffer: what is sent by remote write, remote read and
 * federation. A nested message is begun and ended; its length is put before it when it ends.
 */
import { grownU8 } from "@triptych/model";

const encoder = new TextEncoder();
/** Texts shorter than this are written byte by byte as long as they are ASCII. */
const SHORT_TEXT = 64;

export class MessageWriter {
  private out: Uint8Array<ArrayBuffer>;
  private view: DataView<ArrayBuffer>;
  private at = 0;

  constructor(bytesHint = 1024) {
    this.out = new Uint8Array(bytesHint);
    this.view = new DataView(this.out.buffer);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.at;
  }

  /** What was written; a view that is valid until something more is written. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.out.subarray(0, this.at);
  }

  /** Forgets what was written and keeps the room. */
  clear(): void {
    this.at = 0;
  }

  /** Whole numbers from 0 to 2^53 without a tag. */
  varint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.out[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.out[this.at++] = rest;
  }

  private tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** A `uint32`, `uint64`, `bool` or `enum`; zero is left out, as proto3 does. */
  uint(field: number, value: number): void {
    if (value === 0) return;
    this.tag(field, 0);
    this.varint(value);
  }

  /** The same, also when it is zero: for members of a `oneof` and elements of a list. */
  uintAlways(field: number, value: number): void {
    this.tag(field, 0);
    this.varint(value);
  }

  /** An `int64`: negative numbers take ten bytes. */
  int64(field: number, value: number): void {
    if (value === 0) return;
    this.tag(field, 0);
    if (value > 0) {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    this.reserve(10);
    for (; rest >= 0x80n; rest >>= 7n) this.out[this.at++] = Number(rest & 0x7fn) | 0x80;
    this.out[this.at++] = Number(rest);
  }

  /** A `sint32` or `sint64` within 2^52. */
  sint(field: number, value: number): void {
    if (value !== 0) this.uint(field, zigzag(value));
  }

  double(field: number, value: number): void {
    if (value === 0 && !Object.is(value, -0)) return;
    this.doubleAlways(field, value);
  }

  doubleAlways(field: number, value: number): void {
    this.tag(field, 1);
    this.rawDouble(value);
  }

  /** The bits of `values[row]` as they are: engines may change those of a NaN that passes through a number. */
  doubleBits(field: number, words: Uint32Array, row: number): void {
    const low = words[row * 2] as number;
    const high = words[row * 2 + 1] as number;
    if (low === 0 && high === 0) return;
    this.tag(field, 1);
    this.reserve(8);
    this.view.setUint32(this.at, low, true);
    this.view.setUint32(this.at + 4, high, true);
    this.at += 8;
  }

  private rawDouble(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  text(field: number, value: string): void {
    if (value !== "") this.textAlways(field, value);
  }

  /** Also the empty text: an element of a list counts by its place. */
  textAlways(field: number, value: string): void {
    this.tag(field, 2);
    if (value.length < SHORT_TEXT && this.shortAscii(value)) return;
    const encoded = encoder.encode(value);
    this.varint(encoded.length);
    this.raw(encoded);
  }

  private shortAscii(value: string): boolean {
    this.reserve(value.length + 1);
    const start = this.at;
    const { out } = this;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) return false;
      out[start + 1 + i] = unit;
    }
    out[start] = value.length;
    this.at = start + 1 + value.length;
    return true;
  }

  /** A `bytes` field, or a message that was written before. */
  bytesField(field: number, value: Uint8Array): void {
    this.tag(field, 2);
    this.varint(value.length);
    this.raw(value);
  }

  /** Bytes as they are: fields that were written before. */
  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.out.set(value, this.at);
    this.at += value.length;
  }

  /** A packed list of doubles; nothing when it is empty. */
  packedDoubles(field: number, values: ArrayLike<number>): void {
    if (values.length === 0) return;
    this.tag(field, 2);
    this.varint(values.length * 8);
    for (let i = 0; i < values.length; i++) this.rawDouble(values[i] as number);
  }

  /** A packed list of unsigned numbers. */
  packedUints(field: number, values: ArrayLike<number>): void {
    if (values.length === 0) return;
    const mark = this.begin(field);
    for (let i = 0; i < values.length; i++) this.varint(values[i] as number);
    this.end(mark);
  }

  /** A packed list of signed numbers within 2^52. */
  packedSints(field: number, values: ArrayLike<number>): void {
    if (values.length === 0) return;
    const mark = this.begin(field);
    for (let i = 0; i < values.length; i++) this.varint(zigzag(values[i] as number));
    this.end(mark);
  }

  /** Begins a nested message; give what it returns to `end`. */
  begin(field: number): number {
    this.tag(field, 2);
    return this.beginDelimited();
  }

  /** Begins a message that stands after its length, without a tag. */
  beginDelimited(): number {
    this.reserve(1);
    return this.at++;
  }

  end(mark: number): void {
    const size = this.at - mark - 1;
    if (size < 0x80) {
      this.out[mark] = size;
      return;
    }
    let digits = 1;
    for (let rest = size; rest >= 0x80; rest = Math.floor(rest / 0x80)) digits++;
    this.reserve(digits);
    this.out.copyWithin(mark + digits, mark + 1, this.at);
    this.at = mark;
    this.varint(size);
    this.at += size;
  }

  private reserve(size: number): void {
    if (this.at + size <= this.out.length) return;
    this.out = grownU8(this.out, this.at + size);
    this.view = new DataView(this.out.buffer);
  }
}

function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}
