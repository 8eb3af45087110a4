/**
 * JSON as bytes: texts of the store are copied into it as they are, with escapes only where JSON needs them. For answers
 * of a hundred thousand spans, where a text and an object for each value would be most of the work. What comes out is
 * what `JSON.stringify` would have made of the same texts and numbers.
 */
import type { TextBytes } from "../../store/clickhouse/select/span-columns.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const ZERO = 0x30;
const MINUS = 0x2d;
/** Digits of a number that are made with whole 32-bit arithmetic. */
const BILLION = 1_000_000_000;
/** The longest number, with its sign. */
const NUMBER_BYTES_MAX = 32;
/** Bytes shorter than this are faster to copy as a loop than as `set`. */
const LOOP_COPY_BYTES_MAX = 64;

/** What stands between values, made once. */
export const jsonPart = (text: string): Uint8Array => Buffer.from(text);

/** What is taken belongs to the taker: the writer goes on with other memory. */
export class JsonBytes {
  private bytes: Uint8Array;
  private used = 0;
  private readonly pieceBytes: number;

  constructor(pieceBytes: number) {
    this.pieceBytes = pieceBytes;
    this.bytes = Buffer.allocUnsafeSlow(pieceBytes);
  }

  get size(): number {
    return this.used;
  }

  /** Everything that was written since the last call. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.used);
    // The last span of a piece goes a little beyond it.
    this.bytes = Buffer.allocUnsafeSlow(this.pieceBytes + (this.pieceBytes >> 4));
    this.used = 0;
    return taken;
  }

  /** As it is. */
  part(part: Uint8Array): void {
    this.copy(part, 0, part.length);
  }

  /** As it is: text of which there is little. */
  raw(text: string): void {
    this.part(jsonPart(text));
  }

  /** Between quotes; for what needs no escapes. */
  quoted(part: Uint8Array): void {
    this.byte(QUOTE);
    this.part(part);
    this.byte(QUOTE);
  }

  /** Takes back a comma that was written last. Only before the next `take`. */
  dropComma(): void {
    if (this.used > 0 && this.bytes[this.used - 1] === COMMA) this.used--;
  }

  byte(byte: number): void {
    if (this.used === this.bytes.length) this.grow(1);
    this.bytes[this.used++] = byte;
  }

  /** A row of texts, with its quotes. */
  text(texts: TextBytes, row: number): void {
    const { all } = texts;
    const end = texts.end(row);
    let at = texts.start(row);
    const start = at;
    if (this.used + end - at + 2 > this.bytes.length) this.grow(end - at + 2);
    const { bytes } = this;
    let to = this.used;
    bytes[to++] = QUOTE;
    for (; at < end; at++) {
      const byte = all[at] as number;
      if (byte < SPACE || byte > 0x7e || byte === QUOTE || byte === BACKSLASH) {
        this.escaped(all.subarray(start, end));
        return;
      }
      bytes[to++] = byte;
    }
    bytes[to++] = QUOTE;
    this.used = to;
  }

  /** A text that has escapes, or bytes that may not be UTF-8. */
  private escaped(text: Uint8Array): void {
    this.raw(JSON.stringify(decoder.decode(text)));
  }

  /** As JavaScript prints it; what is not finite is `null`. */
  number(value: number): void {
    if (this.used + NUMBER_BYTES_MAX > this.bytes.length) this.grow(NUMBER_BYTES_MAX);
    if (!Number.isSafeInteger(value)) {
      this.raw(JSON.stringify(value));
      return;
    }
    const positive = Math.abs(value);
    if (value < 0) this.bytes[this.used++] = MINUS;
    if (positive < BILLION) this.digits(positive | 0, digitsOf(positive | 0));
    else {
      const high = Math.floor(positive / BILLION);
      this.digits(high, digitsOf(high));
      this.digits(positive - high * BILLION, 9);
    }
  }

  private digits(value: number, count: number): void {
    let rest = value;
    for (let at = this.used + count - 1; at >= this.used; at--) {
      const next = (rest / 10) | 0;
      this.bytes[at] = ZERO + rest - next * 10;
      rest = next;
    }
    this.used += count;
  }

  private copy(from: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (this.used + size > this.bytes.length) this.grow(size);
    if (size > LOOP_COPY_BYTES_MAX) this.bytes.set(from.subarray(start, end), this.used);
    else {
      const { bytes, used } = this;
      for (let i = 0; i < size; i++) bytes[used + i] = from[start + i] as number;
    }
    this.used += size;
  }

  private grow(by: number): void {
    const bigger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.used + by));
    bigger.set(this.bytes.subarray(0, this.used));
    this.bytes = bigger;
  }
}

// A byte order mark at the start of a value is part of the value.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function digitsOf(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) count++;
  return count;
}

/** Kind and status have few values, so what is written for each pair of them is made once. */
export function outcomeParts(
  columns: { readonly kind: (row: number) => string; readonly status: (row: number) => string },
  make: (kind: string, status: string) => Uint8Array,
): (row: number) => Uint8Array {
  const known = new Map<string, Map<string, Uint8Array>>();
  return (row) => {
    const kind = columns.kind(row);
    const status = columns.status(row);
    let ofKind = known.get(kind);
    if (ofKind === undefined) {
      ofKind = new Map();
      known.set(kind, ofKind);
    }
    let part = ofKind.get(status);
    if (part === undefined) {
      part = make(kind, status);
      ofKind.set(status, part);
    }
    return part;
  };
}
