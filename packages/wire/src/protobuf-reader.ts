/**
 * Reads protobuf's wire format from one byte array, without allocating. The reader stands inside one message:
 * `pos` is the next byte and `end` where the message ends; whoever enters an embedded message sets `end` to its
 * end and back afterwards. No read goes beyond `end`, so a lying length is found before anything is done with it.
 */
import { TriptychError } from "@triptych/model";

/** More than any body has. */
const FIELDS_UNBOUNDED = 2 ** 30;

/** Unknown groups may nest this deep; nothing we read uses groups at all. */
const GROUP_DEPTH_MAX = 64;

export class ProtobufReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  pos = 0;
  end: number;
  /** What is being read, for error messages. */
  reading = "the request";
  /** Words of the last `varint` or `fixed64`, unsigned. */
  low = 0;
  high = 0;
  private fieldsLeft = FIELDS_UNBOUNDED;
  private fieldsMax = FIELDS_UNBOUNDED;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  /**
   * Bounds the fields that may be read from here on, embedded ones included: one item is read in one go, and a
   * hostile one may have as many fields as the body has bytes. No argument lifts the bound.
   */
  boundFields(max = FIELDS_UNBOUNDED): void {
    this.fieldsLeft = max;
    this.fieldsMax = max;
  }

  /** The next field's tag: number × 8 + wire type. */
  tag(): number {
    const at = this.pos;
    if (--this.fieldsLeft < 0) this.failFields();
    const tag = this.varint();
    if (this.high !== 0 || tag < 8) this.fail("a field number that is 0 or too large", at);
    return tag;
  }

  /** Returns the low 32 bits; both words are in `low` and `high`. */
  varint(): number {
    const at = this.pos;
    const byte = this.bytes[at] as number;
    if (byte < 0x80 && at < this.end) {
      this.pos = at + 1;
      this.high = 0;
      this.low = byte;
      return byte;
    }
    return this.longVarint();
  }

  private longVarint(): number {
    const { bytes, end } = this;
    const start = this.pos;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      const at = start + i;
      if (at >= end) this.fail("the message ends inside a number", start);
      const byte = bytes[at] as number;
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (7 * i - 32);
      if (byte < 0x80) {
        this.pos = at + 1;
        this.high = high >>> 0;
        this.low = low >>> 0;
        return this.low;
      }
    }
    return this.fail("a number of more than 10 bytes", start);
  }

  /** A length that fits into the message. */
  length(): number {
    const at = this.pos;
    const size = this.varint();
    if (this.high !== 0 || size > this.end - this.pos)
      this.fail(`a length of ${this.size()} where ${this.end - this.pos} bytes are left`, at);
    return size;
  }

  private size(): number {
    return this.high * 0x1_0000_0000 + this.low;
  }

  /** Enters the embedded message that follows: returns the outer end, to be given to `leave`. */
  enter(): number {
    const size = this.length();
    const outer = this.end;
    this.end = this.pos + size;
    return outer;
  }

  leave(outer: number): void {
    this.end = outer;
  }

  fixed32(): number {
    const at = this.pos;
    if (this.end - at < 4) this.fail("the message ends inside a fixed 32-bit number", at);
    this.pos = at + 4;
    return this.view.getUint32(at, true);
  }

  /** Both words are in `low` and `high`. */
  fixed64(): void {
    const at = this.pos;
    if (this.end - at < 8) this.fail("the message ends inside a fixed 64-bit number", at);
    this.low = this.view.getUint32(at, true);
    this.high = this.view.getUint32(at + 4, true);
    this.pos = at + 8;
  }

  double(): number {
    const at = this.pos;
    if (this.end - at < 8) this.fail("the message ends inside a double", at);
    this.pos = at + 8;
    return this.view.getFloat64(at, true);
  }

  /** Skips the value of a field that is not known or not wanted. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint();
        return;
      case 1:
        this.fixed64();
        return;
      case 2: {
        const size = this.length();
        this.pos += size;
        return;
      }
      case 3:
        this.skipGroup(tag >>> 3);
        return;
      case 5:
        this.fixed32();
        return;
      default:
        this.fail(`wire type ${tag & 7} of field ${tag >>> 3}`, this.pos - 1);
    }
  }

  /** Skips what is not known here. `fields` has a bit for each field that is: of one of those the type was wrong. */
  skipUnknown(tag: number, fields: number): void {
    const field = tag >>> 3;
    if (field < 32 && ((fields >>> field) & 1) === 1)
      this.fail(`wire type ${tag & 7} of field ${field}`, this.pos - 1);
    this.skip(tag);
  }

  private skipGroup(field: number): void {
    const start = this.pos;
    const open = [field];
    while (open.length > 0) {
      if (this.pos >= this.end) this.fail("the message ends inside a group", start);
      const at = this.pos;
      const tag = this.tag();
      if ((tag & 7) === 3) {
        open.push(tag >>> 3);
        if (open.length > GROUP_DEPTH_MAX) {
          const text = `Groups are nested deeper than ${GROUP_DEPTH_MAX} levels in ${this.reading}, at byte ${at}`;
          throw new TriptychError("wire_too_deep", text, { offset: at });
        }
      } else if ((tag & 7) === 4) {
        if (open.pop() !== tag >>> 3) this.fail("the end of a group that is not open", at);
      } else this.skip(tag);
    }
  }

  private failFields(): never {
    const text = `The request carries more than ${this.fieldsMax} fields in ${this.reading}, at byte ${this.pos}; send smaller ones`;
    throw new TriptychError("wire_too_many_items", text, { offset: this.pos });
  }

  fail(problem: string, at: number): never {
    const text = `Malformed protobuf: ${problem}, while reading ${this.reading} at byte ${at}`;
    throw new TriptychError("wire_malformed", text, { offset: at });
  }
}
