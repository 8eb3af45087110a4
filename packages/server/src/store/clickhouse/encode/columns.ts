/**
 * Writers for the column shapes that spans, logs and samples share: one call writes one column of a block over all
 * segments. Every function writes exactly the rows of the segments, in their order.
 */
import type { AttributeColumns, ByteColumn, Dictionary } from "@triptych/model";
import { DictionaryUse, NativeWriter } from "@triptych/wire";
import type { Segment } from "./rows.ts";

const ASCII_ZERO = 48;
const KIND_STRING = 1;
const ATTRIBUTES_TYPE = "Map(LowCardinality(String), String)";
/** The largest Int64 as words: what times beyond 2262 become. */
const TIME_MAX = { low: 0xffffffff, high: 0x7fffffff };

/** Fixed-size ids, `width` bytes a row. */
export function idColumn<B>(
  writer: NativeWriter,
  spec: { name: string; width: number; of: (batch: B) => Uint8Array },
  segments: readonly Segment<B>[],
): void {
  const { width } = spec;
  writer.column(spec.name, `FixedString(${width})`);
  for (const { batch, rows } of segments) {
    const source = spec.of(batch);
    const view = writer.fixed(rows.length * width);
    let at = 0;
    for (const row of rows) {
      const start = row * width;
      for (let i = 0; i < width; i++) view.setUint8(at++, source[start + i] as number);
    }
  }
}

/** 64-bit nanosecond times given as word arrays. */
export function timeColumn<B>(
  writer: NativeWriter,
  spec: { name: string; of: (batch: B) => Uint32Array },
  segments: readonly Segment<B>[],
): void {
  writer.column(spec.name, "DateTime64(9)");
  for (const { batch, rows } of segments) {
    const words = spec.of(batch);
    const view = writer.fixed(rows.length * 8);
    let at = 0;
    for (const row of rows) {
      const high = words[row * 2 + 1] as number;
      const beyond = high > TIME_MAX.high;
      view.setUint32(at, beyond ? TIME_MAX.low : (words[row * 2] as number), true);
      view.setUint32(at + 4, beyond ? TIME_MAX.high : high, true);
      at += 8;
    }
  }
}

/** A `LowCardinality(String)` column of ids into a dictionary of the batch. */
export function nameColumn<B>(
  writer: NativeWriter,
  spec: { name: string; of: (batch: B) => { dictionary: Dictionary; id: (row: number) => number } },
  segments: readonly Segment<B>[],
): void {
  const use = new DictionaryUse(rowCount(segments));
  for (const { batch, rows } of segments) {
    const { dictionary, id } = spec.of(batch);
    use.from(dictionary);
    for (const row of rows) use.add(id(row));
  }
  writer.column(spec.name, "LowCardinality(String)");
  writer.lowCardinalityPrefix();
  writer.lowCardinality(use, use.count);
}

/** A plain `String` column of ids into a dictionary of the batch. */
export function dictionaryStringColumn<B>(
  writer: NativeWriter,
  spec: { name: string; of: (batch: B) => { dictionary: Dictionary; id: (row: number) => number } },
  segments: readonly Segment<B>[],
): void {
  writer.column(spec.name, "String");
  for (const { batch, rows } of segments) {
    const { dictionary, id } = spec.of(batch);
    for (const row of rows) writer.stringOf(dictionary.entries, id(row));
  }
}

export function stringColumn<B>(
  writer: NativeWriter,
  spec: { name: string; of: (batch: B) => ByteColumn },
  segments: readonly Segment<B>[],
): void {
  writer.column(spec.name, "String");
  for (const { batch, rows } of segments) {
    const column = spec.of(batch);
    for (const row of rows) writer.stringOf(column, row);
  }
}

/** A `LowCardinality(String)` column of few texts that are not in a dictionary of the batch. */
export function textColumn<B>(
  writer: NativeWriter,
  spec: { name: string; of: (batch: B) => (row: number) => string },
  segments: readonly Segment<B>[],
): void {
  const texts = new Map<string, number>();
  const indexes: number[] = [];
  for (const { batch, rows } of segments) {
    const text = spec.of(batch);
    for (const row of rows) {
      const value = text(row);
      let index = texts.get(value);
      if (index === undefined) {
        index = texts.size;
        texts.set(value, index);
      }
      indexes.push(index);
    }
  }
  writer.column(spec.name, "LowCardinality(String)");
  writer.lowCardinalityPrefix();
  writeTexts(writer, [...texts.keys()], indexes);
}

function writeTexts(
  writer: NativeWriter,
  texts: readonly string[],
  indexes: readonly number[],
): void {
  const keys = new DictionaryUse(indexes.length);
  const plain = {
    used: texts.length,
    indexes: Uint32Array.from(indexes),
    writeKeys: (target: NativeWriter) => {
      for (const text of texts) target.text(text);
    },
  };
  writer.lowCardinality(Object.assign(keys, plain), indexes.length);
}

export function u8Column<B>(
  writer: NativeWriter,
  spec: { name: string; of: (batch: B) => (row: number) => number },
  segments: readonly Segment<B>[],
): void {
  writer.column(spec.name, "UInt8");
  for (const { batch, rows } of segments) {
    const value = spec.of(batch);
    for (const row of rows) writer.u8(value(row));
  }
}

export function u32Column<B>(
  writer: NativeWriter,
  spec: { name: string; of: (batch: B) => Uint32Array },
  segments: readonly Segment<B>[],
): void {
  writer.column(spec.name, "UInt32");
  for (const { batch, rows } of segments) {
    const values = spec.of(batch);
    for (const row of rows) writer.u32(values[row] as number);
  }
}

/** Attributes of a batch: its own rows' (`row` is the identity) or those of the resource or scope a row points at. */
export interface AttributeSource {
  readonly attributes: AttributeColumns;
  readonly keys: Dictionary;
  readonly row: (row: number) => number;
  /** Many rows share one item (a resource): its values are encoded once. */
  readonly shared: boolean;
}

/** A `Map(LowCardinality(String), String)` column. */
export function attributesColumn<B>(
  writer: NativeWriter,
  spec: { name: string; of: (batch: B) => AttributeSource },
  segments: readonly Segment<B>[],
): void {
  writer.column(spec.name, ATTRIBUTES_TYPE);
  writer.lowCardinalityPrefix();
  const keys = new DictionaryUse(rowCount(segments) * 4);
  let total = 0;
  for (const { batch, rows } of segments) {
    const { attributes, keys: dictionary, row: map } = spec.of(batch);
    keys.from(dictionary);
    const { offsets, keys: ids } = attributes;
    for (const row of rows) {
      const item = map(row);
      const end = offsets[item + 1] as number;
      for (let entry = offsets[item] as number; entry < end; entry++)
        keys.add(ids[entry] as number);
      total += end - (offsets[item] as number);
      writer.u64(total);
    }
  }
  writer.lowCardinality(keys, total);
  for (const { batch, rows } of segments) writeValues(writer, spec.of(batch), rows);
}

function writeValues(writer: NativeWriter, source: AttributeSource, rows: Uint32Array): void {
  const { attributes, row: map } = source;
  const { offsets, values } = attributes;
  const encoded: (Uint8Array | undefined)[] = [];
  for (const row of rows) {
    const item = map(row);
    const known = encoded[item];
    if (known !== undefined) {
      writer.raw(known);
      continue;
    }
    const target = source.shared ? new NativeWriter(256) : writer;
    const end = offsets[item + 1] as number;
    for (let entry = offsets[item] as number; entry < end; entry++) target.stringOf(values, entry);
    if (!source.shared) continue;
    const bytes = target.take();
    encoded[item] = bytes;
    writer.raw(bytes);
  }
}

/** One digit per attribute, or nothing when all are strings. */
export function kindsOf(attributes: AttributeColumns, item: number): string {
  const { offsets, kinds } = attributes;
  const start = offsets[item] as number;
  const end = offsets[item + 1] as number;
  let plain = true;
  for (let entry = start; plain && entry < end; entry++) plain = kinds[entry] === KIND_STRING;
  if (plain) return "";
  let text = "";
  for (let entry = start; entry < end; entry++) {
    text += String.fromCharCode(ASCII_ZERO + (kinds[entry] as number));
  }
  return text;
}

/** The kinds of an attribute column, see `kindsOf`. */
export function kindsColumn<B>(
  writer: NativeWriter,
  spec: { name: string; of: (batch: B) => AttributeSource },
  segments: readonly Segment<B>[],
): void {
  textColumn(
    writer,
    {
      name: spec.name,
      of: (batch: B) => {
        const { attributes, row: map, shared } = spec.of(batch);
        if (!shared) return (row) => kindsOf(attributes, map(row));
        const known: string[] = [];
        return (row) => {
          const item = map(row);
          known[item] ??= kindsOf(attributes, item);
          return known[item] as string;
        };
      },
    },
    segments,
  );
}

export function rowCount<B>(segments: readonly Segment<B>[]): number {
  let count = 0;
  for (const { rows } of segments) count += rows.length;
  return count;
}
