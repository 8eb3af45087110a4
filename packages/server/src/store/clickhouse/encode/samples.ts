/** Samples, histograms, exemplars, series and metadata into the blocks of their tables (`tables.ts`). */
import type { SampleBatch } from "@triptych/model";
import { DictionaryUse, NativeWriter } from "@triptych/wire";
import { attributesColumn, idColumn, rowCount } from "./columns.ts";
import type { Segment } from "./rows.ts";

type Samples = readonly Segment<SampleBatch>[];

export function encodeFloats(segments: Samples): Uint8Array<ArrayBuffer> {
  const rows = rowCount(segments);
  const writer = new NativeWriter(rows * 24 + 256);
  writer.header(3, rows);
  seriesIds(writer, segments, (b) => b.samples.series);
  times(writer, "b_Time", segments, (b) => b.samples.timeMs);
  writer.column("b_Value", "Float64");
  for (const { batch, rows: list } of segments) copyFloats(writer, batch.samples.value, list);
  return writer.take();
}

export function encodeHistograms(segments: Samples): Uint8Array<ArrayBuffer> {
  const rows = rowCount(segments);
  const writer = new NativeWriter(rows * 256 + 1024);
  writer.header(16, rows);
  seriesIds(writer, segments, (b) => b.histograms.series);
  times(writer, "b_Time", segments, (b) => b.histograms.timeMs);
  times(writer, "b_Start", segments, (b) => b.histograms.startMs);
  writer.column("b_Schema", "Int8");
  each(segments, (batch, row) => writer.u8((batch.histograms.schema[row] as number) & 0xff));
  writer.column("b_ResetHint", "UInt8");
  each(segments, (batch, row) => writer.u8(batch.histograms.resetHint[row] as number));
  floats(writer, "b_ZeroThreshold", segments, (b) => b.histograms.zeroThreshold);
  floats(writer, "b_ZeroCount", segments, (b) => b.histograms.zeroCount);
  floats(writer, "b_Count", segments, (b) => b.histograms.count);
  floats(writer, "b_Sum", segments, (b) => b.histograms.sum);
  for (const side of ["positive", "negative"] as const) {
    const title = side === "positive" ? "Positive" : "Negative";
    const runs = (batch: SampleBatch) => batch.histograms[`${side}Spans`];
    ragged(writer, { name: `b_${title}Gaps`, type: "Array(Int32)" }, segments, (batch) => ({
      offsets: runs(batch).offsets,
      write: (i) => writer.i32(runs(batch).gap[i] as number),
    }));
    ragged(writer, { name: `b_${title}Lengths`, type: "Array(UInt32)" }, segments, (batch) => ({
      offsets: runs(batch).offsets,
      write: (i) => writer.u32(runs(batch).length[i] as number),
    }));
    const counts = (batch: SampleBatch) => batch.histograms[`${side}Counts`];
    ragged(writer, { name: `b_${title}Counts`, type: "Array(Float64)" }, segments, (batch) => ({
      offsets: counts(batch).offsets,
      write: (i) => writer.f64(counts(batch).values[i] as number),
    }));
  }
  ragged(writer, { name: "b_CustomValues", type: "Array(Float64)" }, segments, (batch) => ({
    offsets: batch.histograms.customValues.offsets,
    write: (i) => writer.f64(batch.histograms.customValues.values[i] as number),
  }));
  return writer.take();
}

export function encodeExemplars(segments: Samples): Uint8Array<ArrayBuffer> {
  const rows = rowCount(segments);
  const writer = new NativeWriter(rows * 96 + 512);
  writer.header(6, rows);
  seriesIds(writer, segments, (b) => b.exemplars.series);
  times(writer, "b_Time", segments, (b) => b.exemplars.timeMs);
  floats(writer, "b_Value", segments, (b) => b.exemplars.value);
  idColumn(writer, { name: "b_TraceId", width: 16, of: (b) => b.exemplars.traceId }, segments);
  idColumn(writer, { name: "b_SpanId", width: 8, of: (b) => b.exemplars.spanId }, segments);
  attributesColumn(
    writer,
    {
      name: "b_Attributes",
      of: (b) => ({
        attributes: b.exemplars.attributes,
        keys: b.keys,
        row: (row) => row,
        shared: false,
      }),
    },
    segments,
  );
  return writer.take();
}

/** Series rows: `firstSeenMs` runs beside the rows of all segments. */
export function encodeSeries(
  segments: Samples,
  firstSeenMs: readonly number[],
): Uint8Array<ArrayBuffer> {
  const rows = rowCount(segments);
  const writer = new NativeWriter(rows * 256 + 512);
  writer.header(4, rows);
  writer.column("b_Name", "LowCardinality(String)");
  writer.lowCardinalityPrefix();
  const names = new DictionaryUse(rows);
  for (const { batch, rows: list } of segments) {
    const nameLabel = batch.series.names.internText("__name__");
    const empty = batch.series.values.internText("");
    names.from(batch.series.values);
    for (const row of list) names.add(labelValue(batch, row, nameLabel) ?? empty);
  }
  writer.lowCardinality(names, rows);
  writer.column("b_Id", "UInt64");
  each(segments, (batch, row) => {
    writer.words64(batch.series.hashLow[row] as number, batch.series.hashHigh[row] as number);
  });
  labels(writer, segments);
  writer.column("b_FirstSeen", "Int64");
  for (const ms of firstSeenMs) writer.i64(ms);
  return writer.take();
}

function labelValue(batch: SampleBatch, row: number, name: number): number | undefined {
  const { offsets, nameId, valueId } = batch.series;
  const end = offsets[row + 1] as number;
  for (let i = offsets[row] as number; i < end; i++) if (nameId[i] === name) return valueId[i];
  return undefined;
}

function labels(writer: NativeWriter, segments: Samples): void {
  writer.column("b_Labels", "Map(LowCardinality(String), String)");
  writer.lowCardinalityPrefix();
  const keys = new DictionaryUse(64);
  let total = 0;
  for (const { batch, rows } of segments) {
    keys.from(batch.series.names);
    const { offsets, nameId } = batch.series;
    for (const row of rows) {
      const end = offsets[row + 1] as number;
      for (let i = offsets[row] as number; i < end; i++, total++) keys.add(nameId[i] as number);
      writer.u64(total);
    }
  }
  writer.lowCardinality(keys, total);
  each(segments, (batch, row) => {
    const { offsets, valueId, values } = batch.series;
    const end = offsets[row + 1] as number;
    for (let i = offsets[row] as number; i < end; i++)
      writer.stringOf(values.entries, valueId[i] as number);
  });
}

export interface MetadataRow {
  readonly family: string;
  readonly type: string;
  readonly unit: string;
  readonly help: string;
}

export function encodeMetadata(
  rows: readonly MetadataRow[],
  version: number,
): Uint8Array<ArrayBuffer> {
  const writer = new NativeWriter(1024);
  writer.header(5, rows.length);
  writer.column("b_Family", "String");
  for (const row of rows) writer.text(row.family);
  plainNames(writer, "b_Type", rows, (row) => row.type);
  plainNames(writer, "b_Unit", rows, (row) => row.unit);
  writer.column("b_Help", "String");
  for (const row of rows) writer.text(row.help);
  writer.column("b_Version", "UInt64");
  for (const _ of rows) writer.u64(version);
  return writer.take();
}

/** A `LowCardinality(String)` column where each row brings its own key: right for a handful of rows. */
export function plainNames<R>(
  writer: NativeWriter,
  name: string,
  rows: readonly R[],
  text: (row: R) => string,
): void {
  writer.column(name, "LowCardinality(String)");
  writer.lowCardinalityPrefix();
  const use = new DictionaryUse(rows.length);
  use.used = rows.length;
  for (let i = 0; i < rows.length; i++) use.indexes[i] = i;
  use.writeKeys = (target) => {
    for (const row of rows) target.text(text(row));
  };
  writer.lowCardinality(use, rows.length);
}

function each(segments: Samples, run: (batch: SampleBatch, row: number) => void): void {
  for (const { batch, rows } of segments) for (const row of rows) run(batch, row);
}

function seriesIds(
  writer: NativeWriter,
  segments: Samples,
  of: (batch: SampleBatch) => Uint32Array,
): void {
  writer.column("b_Id", "UInt64");
  for (const { batch, rows } of segments) {
    const seriesOf = of(batch);
    const { hashLow, hashHigh } = batch.series;
    const view = writer.fixed(rows.length * 8);
    for (let i = 0; i < rows.length; i++) {
      const series = seriesOf[rows[i] as number] as number;
      view.setUint32(i * 8, hashLow[series] as number, true);
      view.setUint32(i * 8 + 4, hashHigh[series] as number, true);
    }
  }
}

function times(
  writer: NativeWriter,
  name: string,
  segments: Samples,
  of: (batch: SampleBatch) => Float64Array,
): void {
  writer.column(name, "Int64");
  for (const { batch, rows } of segments) {
    const values = of(batch);
    const view = writer.fixed(rows.length * 8);
    for (let i = 0; i < rows.length; i++) {
      const ms = values[rows[i] as number] as number;
      const high = Math.floor(ms / 0x1_0000_0000);
      view.setUint32(i * 8, ms - high * 0x1_0000_0000, true);
      view.setInt32(i * 8 + 4, high, true);
    }
  }
}

function floats(
  writer: NativeWriter,
  name: string,
  segments: Samples,
  of: (batch: SampleBatch) => Float64Array,
): void {
  writer.column(name, "Float64");
  for (const { batch, rows } of segments) copyFloats(writer, of(batch), rows);
}

/** As words, so that the bits of a staleness marker survive. */
function copyFloats(writer: NativeWriter, values: Float64Array, rows: Uint32Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const view = writer.fixed(rows.length * 8);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    view.setUint32(i * 8, words[row * 2] as number, true);
    view.setUint32(i * 8 + 4, words[row * 2 + 1] as number, true);
  }
}

function ragged(
  writer: NativeWriter,
  spec: { name: string; type: string },
  segments: Samples,
  of: (batch: SampleBatch) => { offsets: Uint32Array; write: (item: number) => void },
): void {
  writer.column(spec.name, spec.type);
  let total = 0;
  for (const { batch, rows } of segments) {
    const { offsets } = of(batch);
    for (const row of rows) {
      total += (offsets[row + 1] as number) - (offsets[row] as number);
      writer.u64(total);
    }
  }
  for (const { batch, rows } of segments) {
    const { offsets, write } = of(batch);
    for (const row of rows) {
      const end = offsets[row + 1] as number;
      for (let item = offsets[row] as number; item < end; item++) write(item);
    }
  }
}
