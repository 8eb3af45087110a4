/**
 * Writes one ClickHouse *Native* block: a header of column and row counts, then each column as name, type and
 * data in the engine's own layout. In: columns of ours. Out: bytes the engine reads without parsing text.
 * Format: ClickHouse documentation "Native", and for `LowCardinality` its serialization with additional keys.
 */
import type { ByteColumn, Dictionary } from "@triptych/model";

const encoder = new TextEncoder();
/** Strings shorter than this are faster to copy as a loop than as `set(subarray())`. */
const LOOP_COPY_BYTES_MAX = 48;
/** LowCardinality: shared dictionaries with additional keys, the only version Native uses. */
const KEYS_VERSION = 1;
/** LowCardinality: this block carries its own keys. */
const HAS_ADDITIONAL_KEYS = 1 << 9;

export class NativeWriter {
  private bytes: Uint8Array<ArrayBuffer>;
  private words: DataView;
  private used = 0;

  constructor(bytesHint = 1 << 16) {
    this.bytes = new Uint8Array(bytesHint);
    this.words = new DataView(this.bytes.buffer);
  }

  /** The block so far; a copy, so the writer can be used again. */
  take(): Uint8Array<ArrayBuffer> {
    const out = this.bytes.slice(0, this.used);
    this.used = 0;
    return out;
  }

  get size(): number {
    return this.used;
  }

  header(columns: number, rows: number): void {
    this.varint(columns);
    this.varint(rows);
  }

  /** Starts a column; its data must follow at once. */
  column(name: string, type: string): void {
    this.text(name);
    this.text(type);
  }

  varint(value: number): void {
    this.ensure(10);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.used++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.used++] = rest;
  }

  text(value: string): void {
    const encoded = encoder.encode(value);
    this.string(encoded, 0, encoded.length);
  }

  /** One `String` value. */
  string(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.ensure(size + 10);
    if (size < 0x80) this.bytes[this.used++] = size;
    else this.varint(size);
    const { bytes, used } = this;
    if (size <= LOOP_COPY_BYTES_MAX) {
      for (let i = 0; i < size; i++) bytes[used + i] = source[start + i] as number;
    } else {
      bytes.set(source.subarray(start, end), used);
    }
    this.used = used + size;
  }

  /** One `String` value: row `row` of a column. */
  stringOf(column: ByteColumn, row: number): void {
    this.string(column.bytes, column.offsets[row] as number, column.offsets[row + 1] as number);
  }

  /** Bytes as they are: fixed strings, parts written earlier. */
  raw(source: Uint8Array): void {
    this.ensure(source.length);
    this.bytes.set(source, this.used);
    this.used += source.length;
  }

  u8(value: number): void {
    this.ensure(1);
    this.bytes[this.used++] = value;
  }

  u32(value: number): void {
    this.ensure(4);
    this.words.setUint32(this.used, value, true);
    this.used += 4;
  }

  i32(value: number): void {
    this.ensure(4);
    this.words.setInt32(this.used, value, true);
    this.used += 4;
  }

  f64(value: number): void {
    this.ensure(8);
    this.words.setFloat64(this.used, value, true);
    this.used += 8;
  }

  /** A non-negative integer below 2^53 as `UInt64`: what offsets of arrays and maps are. */
  u64(value: number): void {
    this.words64(value >>> 0, Math.floor(value / 0x1_0000_0000));
  }

  /** An integer within ±2^53 as `Int64`. */
  i64(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.words64((value - high * 0x1_0000_0000) >>> 0, high);
  }

  /** A 64-bit value as two words. */
  words64(low: number, high: number): void {
    this.ensure(8);
    this.words.setUint32(this.used, low, true);
    this.words.setInt32(this.used + 4, high | 0, true);
    this.used += 8;
  }

  /** Room for `count` fixed-size values; returns a view to fill at once, before anything else is written. */
  fixed(bytesCount: number): DataView {
    this.ensure(bytesCount);
    const view = new DataView(this.bytes.buffer, this.used, bytesCount);
    this.used += bytesCount;
    return view;
  }

  /** The prefix every `LowCardinality` carries before its column's data (before the offsets, inside arrays and maps). */
  lowCardinalityPrefix(): void {
    this.words64(KEYS_VERSION, 0);
  }

  /** Data of a `LowCardinality(String)`: the keys used and one index per row. Writes nothing for no rows. */
  lowCardinality(keys: DictionaryUse, rows: number): void {
    if (rows === 0) return;
    const width = keys.used <= 0x100 ? 1 : keys.used <= 0x1_0000 ? 2 : 4;
    this.words64((width === 1 ? 0 : width === 2 ? 1 : 2) | HAS_ADDITIONAL_KEYS, 0);
    this.u64(keys.used);
    keys.writeKeys(this);
    this.u64(rows);
    this.ensure(rows * width);
    const { bytes, words } = this;
    const { indexes } = keys;
    let at = this.used;
    if (width === 1) for (let i = 0; i < rows; i++) bytes[at++] = indexes[i] as number;
    else if (width === 2) {
      for (let i = 0; i < rows; i++, at += 2) words.setUint16(at, indexes[i] as number, true);
    } else for (let i = 0; i < rows; i++, at += 4) words.setUint32(at, indexes[i] as number, true);
    this.used = at;
  }

  private ensure(size: number): void {
    if (this.used + size <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.used + size));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
    this.words = new DataView(grown.buffer);
  }
}

/**
 * Collects the rows of one `LowCardinality(String)` column whose values are ids of dictionaries. Only the keys that
 * occur are written; values from several dictionaries (batches merged into one block) share equal texts.
 */
export class DictionaryUse {
  used = 0;
  indexes: Uint32Array;
  private rows = 0;
  private readonly sources: { dictionary: Dictionary; id: number }[] = [];
  private readonly byText = new Map<string, number>();
  private current: Dictionary | undefined;
  private mapping = new Int32Array(0);

  constructor(rowsHint: number) {
    this.indexes = new Uint32Array(Math.max(rowsHint, 1));
  }

  /** Makes `dictionary` the one that `add` refers to. */
  from(dictionary: Dictionary): void {
    if (this.current === dictionary && this.mapping.length >= dictionary.size) return;
    this.current = dictionary;
    this.mapping = new Int32Array(dictionary.size).fill(-1);
  }

  /** Adds a row with value `id` of the current dictionary. */
  add(id: number): void {
    let key = this.mapping[id] as number;
    if (key < 0) key = this.key(id);
    if (this.rows === this.indexes.length) {
      const grown = new Uint32Array(this.rows * 2);
      grown.set(this.indexes);
      this.indexes = grown;
    }
    this.indexes[this.rows++] = key;
  }

  get count(): number {
    return this.rows;
  }

  writeKeys(writer: NativeWriter): void {
    for (const { dictionary, id } of this.sources) writer.stringOf(dictionary.entries, id);
  }

  private key(id: number): number {
    const dictionary = this.current as Dictionary;
    const text = latin1(dictionary.entries, id);
    let key = this.byText.get(text);
    if (key === undefined) {
      key = this.used++;
      this.byText.set(text, key);
      this.sources.push({ dictionary, id });
    }
    this.mapping[id] = key;
    return key;
  }
}

/** The bytes one to one as a string: an exact map key also for bytes that are not UTF-8. */
function latin1(column: ByteColumn, row: number): string {
  let out = "";
  const end = column.offsets[row + 1] as number;
  for (let i = column.offsets[row] as number; i < end; i++) {
    out += String.fromCharCode(column.bytes[i] as number);
  }
  return out;
}

/** Re-frames a block with extra columns at its end, without touching the others. `append` must write `extra` columns. */
export function withColumns(
  block: Uint8Array,
  extra: number,
  append: (writer: NativeWriter, rows: number) => void,
): Uint8Array<ArrayBuffer> {
  const columns = readVarint(block, 0);
  const rows = readVarint(block, columns.next);
  const writer = new NativeWriter(block.length + extra * (rows.value * 8 + 64));
  writer.header(columns.value + extra, rows.value);
  writer.raw(block.subarray(rows.next));
  append(writer, rows.value);
  return writer.take();
}

function readVarint(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; ; at++) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: at + 1 };
    scale *= 0x80;
  }
}
