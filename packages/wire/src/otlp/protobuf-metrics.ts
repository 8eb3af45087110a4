/** Reads OTLP's Metric message from protobuf. */
import type { ProtobufReader } from "../protobuf-reader.ts";
import type { NumberList, PointBuckets } from "./metric-point.ts";
import { EXEMPLARS_PER_POINT_MAX, wordsToMs } from "./metric-point.ts";
import { LABELS_PER_STEP, MetricKind, type MetricWriter } from "./metric-writer.ts";
import { readId } from "./protobuf-spans.ts";
import { readAttribute } from "./protobuf-values.ts";
import type { ProtobufItems } from "./protobuf-walk.ts";
import { tooMany } from "./span-writer.ts";
import { FIELDS_PER_ITEM_MAX } from "./steps.ts";
import { int64Number, uint64Number } from "./value-text.ts";

/** Points and bytes read before others may run. */
const POINTS_PER_STEP = 1_000;
const BYTES_PER_STEP = 256 * 1024;
/** 65,536 buckets of the widest kind, sixteen times what a point may have. */
const LIST_BYTES_MAX = 640 * 1024;
/** All points of a metric are looked for before the first is read; a request has a million of them at most. */
const HEAD_FIELDS_MAX = 1_100_000;

export function protobufMetrics(writer: MetricWriter): ProtobufItems {
  const exemplars: number[] = [];
  /** Where the points of a metric that was left half read end; -1 when none is. */
  let dataEnd = -1;
  return {
    entities: writer.entities,
    name: "a metric",
    endResource: () => writer.endResource(),
    item(reader) {
      const metricEnd = reader.end;
      if (dataEnd < 0) dataEnd = readHead(reader, writer);
      reader.end = dataEnd;
      const stop = Math.min(dataEnd, reader.pos + BYTES_PER_STEP);
      const labelsStop = writer.labelsWritten + LABELS_PER_STEP;
      for (let i = 0; i < POINTS_PER_STEP && reader.pos < stop; i++) {
        if (writer.labelsWritten > labelsStop) break;
        const tag = reader.tag();
        if (tag === 10) readPoint(reader, writer, exemplars);
        else reader.skip(tag);
      }
      reader.end = metricEnd;
      if (reader.pos < dataEnd) return false;
      dataEnd = -1;
      reader.pos = metricEnd;
      return true;
    },
  };
}

/** Reads all but the points, places the reader at the first of them and returns where they end. */
function readHead(reader: ProtobufReader, writer: MetricWriter): number {
  writer.beginMetric(reader.pos);
  reader.boundFields(HEAD_FIELDS_MAX);
  let dataStart = reader.end;
  let dataEnd = reader.end;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 10:
        writer.setName(reader.bytes, ...readRange(reader));
        break;
      case 18:
        writer.setDescription(reader.bytes, ...readRange(reader));
        break;
      case 26:
        writer.setUnit(reader.bytes, ...readRange(reader));
        break;
      case 42:
      case 58:
      case 74:
      case 82:
      case 90: {
        const size = reader.length();
        dataStart = reader.pos;
        dataEnd = dataStart + size;
        writer.kind = (tag >>> 3) as MetricKind;
        reader.pos = dataEnd;
        break;
      }
      default:
        reader.skip(tag);
    }
  }
  reader.pos = dataStart;
  const metricEnd = reader.end;
  reader.end = dataEnd;
  while (reader.pos < dataEnd) {
    const tag = reader.tag();
    if (tag === 16) writer.temporality = reader.varint();
    else if (tag === 24) writer.isMonotonic = reader.varint() !== 0;
    else reader.skip(tag);
  }
  reader.end = metricEnd;
  reader.pos = dataStart;
  writer.openMetric();
  return dataEnd;
}

function readRange(reader: ProtobufReader): [start: number, end: number] {
  const size = reader.length();
  const start = reader.pos;
  reader.pos = start + size;
  return [start, start + size];
}

function readPoint(reader: ProtobufReader, writer: MetricWriter, exemplars: number[]): void {
  writer.beginPoint(reader.pos);
  reader.boundFields(FIELDS_PER_ITEM_MAX);
  exemplars.length = 0;
  const outer = reader.enter();
  const { end } = reader;
  while (reader.pos < end) readPointField(reader, writer, exemplars);
  if (writer.commitPoint()) {
    for (const at of exemplars) {
      reader.pos = at;
      readExemplar(reader, writer);
    }
  }
  reader.pos = end;
  reader.leave(outer);
}

function readPointField(reader: ProtobufReader, writer: MetricWriter, exemplars: number[]): void {
  const { point, kind } = writer;
  const tag = reader.tag();
  // Times have the same fields in all kinds.
  if (tag === 17 || tag === 25) {
    reader.fixed64();
    const ms = wordsToMs(reader.low, reader.high);
    if (tag === 17) point.startMs = ms;
    else point.timeMs = ms;
    return;
  }
  if (kind === MetricKind.exponential) {
    readExponentialField(reader, writer, { tag, exemplars });
    return;
  }
  if (kind === MetricKind.histogram) {
    readHistogramField(reader, writer, { tag, exemplars });
    return;
  }
  if (tag === 58) readAttribute(reader, writer.labels.attributes);
  else if (tag === 64) point.flags = reader.varint();
  else if (kind === MetricKind.summary) readSummaryField(reader, writer, tag);
  else if (tag === 33) {
    point.value = reader.double();
    point.hasValue = true;
  } else if (tag === 49) {
    reader.fixed64();
    point.value = int64Number(reader.low, reader.high);
    point.hasValue = true;
  } else if (tag === 42) skipExemplar(reader, exemplars);
  else reader.skip(tag);
}

function skipExemplar(reader: ProtobufReader, exemplars: number[]): void {
  if (exemplars.length < EXEMPLARS_PER_POINT_MAX) exemplars.push(reader.pos);
  const size = reader.length();
  reader.pos += size;
}

function readUint64(reader: ProtobufReader): number {
  reader.fixed64();
  return uint64Number(reader.low, reader.high);
}

function readHistogramField(
  reader: ProtobufReader,
  writer: MetricWriter,
  at: { tag: number; exemplars: number[] },
): void {
  const { point } = writer;
  switch (at.tag) {
    case 33:
      point.count = readUint64(reader);
      break;
    case 41:
      point.sum = reader.double();
      point.hasSum = true;
      break;
    case 49:
      point.bucketCounts.push(readUint64(reader));
      break;
    case 50: {
      const outer = enterList(reader);
      while (reader.pos < reader.end) point.bucketCounts.push(readUint64(reader));
      reader.leave(outer);
      break;
    }
    case 57:
      point.bounds.push(reader.double());
      break;
    case 58:
      readDoubles(reader, point.bounds);
      break;
    case 66:
      skipExemplar(reader, at.exemplars);
      break;
    case 74:
      readAttribute(reader, writer.labels.attributes);
      break;
    case 80:
      point.flags = reader.varint();
      break;
    default:
      reader.skip(at.tag);
  }
}

/** Enters a packed list; one that no histogram has is refused before anything of it is read. */
function enterList(reader: ProtobufReader): number {
  const at = reader.pos;
  const outer = reader.enter();
  if (reader.end - reader.pos > LIST_BYTES_MAX)
    tooMany(`a list of more than ${LIST_BYTES_MAX} bytes in a data point`, at);
  return outer;
}

function readDoubles(reader: ProtobufReader, list: NumberList): void {
  const outer = enterList(reader);
  while (reader.pos < reader.end) list.push(reader.double());
  reader.leave(outer);
}

function readExponentialField(
  reader: ProtobufReader,
  writer: MetricWriter,
  at: { tag: number; exemplars: number[] },
): void {
  const { point } = writer;
  switch (at.tag) {
    case 10:
      readAttribute(reader, writer.labels.attributes);
      break;
    case 33:
      point.count = readUint64(reader);
      break;
    case 41:
      point.sum = reader.double();
      point.hasSum = true;
      break;
    case 48:
      point.scale = readSint32(reader);
      break;
    case 57:
      point.zeroCount = readUint64(reader);
      break;
    case 66:
      readBuckets(reader, point.positive);
      break;
    case 74:
      readBuckets(reader, point.negative);
      break;
    case 80:
      point.flags = reader.varint();
      break;
    case 90:
      skipExemplar(reader, at.exemplars);
      break;
    case 113:
      point.zeroThreshold = reader.double();
      break;
    default:
      reader.skip(at.tag);
  }
}

function readSint32(reader: ProtobufReader): number {
  const value = reader.varint();
  return (value >>> 1) ^ -(value & 1);
}

function readBuckets(reader: ProtobufReader, buckets: PointBuckets): void {
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 8) buckets.offset = readSint32(reader);
    else if (tag === 16) {
      reader.varint();
      buckets.counts.push(uint64Number(reader.low, reader.high));
    } else if (tag === 18) {
      const inner = enterList(reader);
      while (reader.pos < reader.end) {
        reader.varint();
        buckets.counts.push(uint64Number(reader.low, reader.high));
      }
      reader.leave(inner);
    } else reader.skip(tag);
  }
  reader.leave(outer);
}

function readSummaryField(reader: ProtobufReader, writer: MetricWriter, tag: number): void {
  const { point } = writer;
  if (tag === 33) point.count = readUint64(reader);
  else if (tag === 41) point.sum = reader.double();
  else if (tag === 50) {
    const outer = reader.enter();
    let quantile = 0;
    let value = 0;
    while (reader.pos < reader.end) {
      const field = reader.tag();
      if (field === 9) quantile = reader.double();
      else if (field === 17) value = reader.double();
      else reader.skip(field);
    }
    reader.leave(outer);
    point.quantiles.push(quantile);
    point.quantileValues.push(value);
  } else reader.skip(tag);
}

function readExemplar(reader: ProtobufReader, writer: MetricWriter): void {
  const outer = reader.enter();
  writer.beginExemplar();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 17:
        reader.fixed64();
        writer.exemplarTimeMs = wordsToMs(reader.low, reader.high);
        break;
      case 25:
        writer.exemplarValue = reader.double();
        writer.exemplarHasValue = true;
        break;
      case 49:
        reader.fixed64();
        writer.exemplarValue = int64Number(reader.low, reader.high);
        writer.exemplarHasValue = true;
        break;
      case 34:
        readId(reader, writer.exemplarSpanId, { at: 0, want: 8 });
        break;
      case 42:
        readId(reader, writer.exemplarTraceId, { at: 0, want: 16 });
        break;
      case 58:
        readAttribute(reader, writer.exemplarAttributes);
        break;
      default:
        reader.skip(tag);
    }
  }
  writer.commitExemplar();
  reader.leave(outer);
}
