/**
 * A column of byte strings: one growing buffer and the offset at which each row ends.
 * Row `i` is `bytes[offsets[i] .. offsets[i + 1])`. Arrays may be longer than what is used.
 */
// A byte order mark at the start of a value is part of the value.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Copies shorter than this are faster as a loop than as `set(subarray())`, which allocates a view. */
const LOOP_COPY_BYTES_MAX = 48;

export class ByteColumn {
  rows = 0;
  bytes: Uint8Array<ArrayBuffer>;
  offsets: Uint32Array<ArrayBuffer>;

  constructor(rowsHint = 64, bytesHint = 1024) {
    this.bytes = new Uint8Array(bytesHint);
    this.offsets = new Uint32Array(rowsHint + 1);
  }

  /** Bytes used by all rows. */
  get bytesUsed(): number {
    return this.offsets[this.rows] as number;
  }

  /** Makes room for one more row of `size` bytes and returns where its bytes start. Follow with `commit`. */
  reserve(size: number): number {
    if (this.rows + 2 > this.offsets.length) this.offsets = grownU32(this.offsets, this.rows + 2);
    const at = this.offsets[this.rows] as number;
    if (at + size > this.bytes.length) this.bytes = grownU8(this.bytes, at + size);
    return at;
  }

  /** Ends the row begun by `reserve`; `size` may be smaller than what was reserved. */
  commit(size: number): void {
    this.offsets[this.rows + 1] = (this.offsets[this.rows] as number) + size;
    this.rows++;
  }

  append(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    const at = this.reserve(size);
    const { bytes } = this;
    if (size <= LOOP_COPY_BYTES_MAX) {
      for (let i = 0; i < size; i++) bytes[at + i] = source[start + i] as number;
    } else {
      bytes.set(source.subarray(start, end), at);
    }
    this.commit(size);
  }

  appendEmpty(): void {
    this.reserve(0);
    this.commit(0);
  }

  appendText(text: string): void {
    const at = this.reserve(text.length * 3);
    const { bytes } = this;
    const { length } = text;
    if (length <= LOOP_COPY_BYTES_MAX) {
      let i = 0;
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit >= 0x80) break;
        bytes[at + i] = unit;
      }
      if (i === length) {
        this.commit(length);
        return;
      }
    }
    this.commit(encoder.encodeInto(text, bytes.subarray(at)).written);
  }

  sizeOf(row: number): number {
    return (this.offsets[row + 1] as number) - (this.offsets[row] as number);
  }

  /** A view on the row's bytes; valid until the column grows. */
  view(row: number): Uint8Array {
    return this.bytes.subarray(this.offsets[row] as number, this.offsets[row + 1] as number);
  }

  /** The row as text; bytes that are not UTF-8 become U+FFFD. */
  text(row: number): string {
    return decoder.decode(this.view(row));
  }
}

/** The next power-of-two-ish capacity: doubling keeps appends amortised O(1). */
function capacity(current: number, needed: number): number {
  return Math.max(needed, current * 2, 16);
}

export function grownU8(array: Uint8Array, needed: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(capacity(array.length, needed));
  grown.set(array);
  return grown;
}

export function grownU32(array: Uint32Array, needed: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(capacity(array.length, needed));
  grown.set(array);
  return grown;
}

export function grownI32(array: Int32Array, needed: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(capacity(array.length, needed));
  grown.set(array);
  return grown;
}

/** Copies bits, so NaN payloads (staleness markers) survive growth. */
export function grownF64(array: Float64Array, needed: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(capacity(array.length, needed));
  new Uint8Array(grown.buffer).set(
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
  );
  return grown;
}
