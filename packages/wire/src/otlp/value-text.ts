/**
 * The text forms of attribute values (see `ValueKind` of the model) as bytes: integers, doubles, base64, and JSON
 * for arrays and maps. Everything is written into byte columns or into one reused scratch buffer.
 */
import type { ByteColumn } from "@triptych/model";

const TWO_32 = 0x1_0000_0000;
const encoder = new TextEncoder();
export const TRUE_TEXT = encoder.encode("true");
export const FALSE_TEXT = encoder.encode("false");
const BASE64 = encoder.encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const HEX = encoder.encode("0123456789abcdef");

/** Where to cut `bytes[start .. end)` so that at most `max` bytes are left and no UTF-8 character is torn. */
export function cutEnd(
  bytes: Uint8Array,
  range: { start: number; end: number },
  max: number,
): number {
  const { start, end } = range;
  if (end - start <= max) return end;
  let cut = start + max;
  // At most three steps back: longer runs of continuation bytes are not UTF-8 and may be cut anywhere.
  for (let i = 0; i < 3 && cut > start && ((bytes[cut] as number) & 0xc0) === 0x80; i++) cut--;
  return cut;
}

/** Appends `bytes[start .. end)`, cut to `max` bytes; true when it was cut. */
export function appendCut(
  column: ByteColumn,
  bytes: Uint8Array,
  range: { start: number; end: number },
  max: number,
): boolean {
  const cut = cutEnd(bytes, range, max);
  column.append(bytes, range.start, cut);
  return cut < range.end;
}

/** The signed 64-bit integer of two words as a number; exact up to 2^53. */
export function int64Number(low: number, high: number): number {
  return (high | 0) * TWO_32 + low;
}

export function uint64Number(low: number, high: number): number {
  return high * TWO_32 + low;
}

export function int64Text(low: number, high: number): string {
  const value = int64Number(low, high);
  if (Number.isSafeInteger(value)) return String(value);
  return String(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)));
}

/** Appends the decimal text of a signed 64-bit integer. */
export function appendInt64(column: ByteColumn, low: number, high: number): void {
  const value = int64Number(low, high);
  if (!Number.isSafeInteger(value)) {
    column.appendText(int64Text(low, high));
    return;
  }
  let rest = value < 0 ? -value : value;
  let size = value < 0 ? 2 : 1;
  for (let bound = 10; rest >= bound; bound *= 10) size++;
  const at = column.reserve(size);
  const { bytes } = column;
  if (value < 0) bytes[at] = 0x2d;
  for (let i = at + size - 1; ; i--) {
    const tenth = Math.floor(rest / 10);
    bytes[i] = 0x30 + (rest - tenth * 10);
    if (tenth === 0) break;
    rest = tenth;
  }
  column.commit(size);
}

/** The shortest text that parses back to the same double. */
export function doubleText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** A growing buffer that keeps a little more than `max` bytes and ignores the rest, so hostile values stay small. */
export class TextScratch {
  bytes = new Uint8Array(256);
  length = 0;
  /** Set when a value was cut to its limit; whoever wants to know clears it before. */
  cut = false;
  private max = 0;

  begin(max: number): void {
    this.length = 0;
    // Room beyond the limit lets the final cut see that there was more, and find the character's start.
    this.max = max + 8;
  }

  /** Ends the text: appends it to `column`, cut to the limit given to `begin`. */
  appendTo(column: ByteColumn): void {
    if (appendCut(column, this.bytes, { start: 0, end: this.length }, this.max - 8))
      this.cut = true;
  }

  /** True when nothing more is kept, so that the rest of a value need not be looked at. */
  get full(): boolean {
    return this.length >= this.max;
  }

  byte(value: number): void {
    if (this.length >= this.max) return;
    if (this.length === this.bytes.length) this.grow(1);
    this.bytes[this.length++] = value;
  }

  ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  jsonString(source: Uint8Array, start: number, end: number): void {
    this.byte(0x22);
    for (let i = start; i < end && this.length < this.max; i++) {
      const byte = source[i] as number;
      if (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) this.byte(byte);
      else this.escaped(byte);
    }
    this.byte(0x22);
  }

  private escaped(byte: number): void {
    this.byte(0x5c);
    if (byte === 0x22 || byte === 0x5c) this.byte(byte);
    else if (byte === 0x0a) this.byte(0x6e);
    else if (byte === 0x0d) this.byte(0x72);
    else if (byte === 0x09) this.byte(0x74);
    else {
      this.ascii("u00");
      this.byte(HEX[byte >> 4] as number);
      this.byte(HEX[byte & 15] as number);
    }
  }

  /** A double inside an array or map: told from an integer by its point or exponent, text where JSON has no number. */
  jsonDouble(value: number): void {
    if (!Number.isFinite(value)) {
      this.ascii(`"${value}"`);
      return;
    }
    const text = doubleText(value);
    this.ascii(text);
    if (!text.includes(".") && !text.includes("e")) this.ascii(".0");
  }

  base64(source: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end && this.length < this.max; i += 3) {
      const left = end - i;
      const a = source[i] as number;
      const b = left > 1 ? (source[i + 1] as number) : 0;
      const c = left > 2 ? (source[i + 2] as number) : 0;
      this.byte(BASE64[a >> 2] as number);
      this.byte(BASE64[((a & 3) << 4) | (b >> 4)] as number);
      this.byte(left > 1 ? (BASE64[((b & 15) << 2) | (c >> 6)] as number) : 0x3d);
      this.byte(left > 2 ? (BASE64[c & 63] as number) : 0x3d);
    }
  }

  /** Writes one base64 digit given as its value, 0 to 63. */
  base64Digit(value: number): void {
    this.byte(BASE64[value] as number);
  }

  private grow(size: number): void {
    const grown = new Uint8Array(Math.max(this.length + size, this.bytes.length * 2));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}
