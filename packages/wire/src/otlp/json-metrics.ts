/** Reads OTLP's Metric from JSON. */
import { JsonNames } from "../json-names.ts";
import type { JsonReader } from "../json-reader.ts";
import { readJsonAttributes } from "./json-values.ts";
import { type JsonItems, skipInSteps } from "./json-walk.ts";
import { type NumberList, type PointBuckets, wordsToMs } from "./metric-point.ts";
import { LABELS_PER_STEP, MetricKind, type MetricWriter } from "./metric-writer.ts";
import { VALUES_PER_ITEM_MAX } from "./steps.ts";
import { int64Number, uint64Number } from "./value-text.ts";

/** Points and bytes read before others may run. */
const POINTS_PER_STEP = 1_000;
const BYTES_PER_STEP = 512 * 1024;

const metricNames = new JsonNames(
  ["name", "description", "unit", "gauge", "sum", "histogram", "exponentialHistogram", "summary"],
  true,
);
const kindOfMember: readonly MetricKind[] = [
  MetricKind.none,
  MetricKind.none,
  MetricKind.none,
  MetricKind.gauge,
  MetricKind.sum,
  MetricKind.histogram,
  MetricKind.exponential,
  MetricKind.summary,
];
const OTHER_MEMBER = kindOfMember.length;
const dataNames = new JsonNames(["dataPoints", "aggregationTemporality", "isMonotonic"]);
const pointNames = new JsonNames([
  "attributes",
  "startTimeUnixNano",
  "timeUnixNano",
  "exemplars",
  "flags",
  "asDouble",
  "asInt",
  "count",
  "sum",
  "bucketCounts",
  "explicitBounds",
  "scale",
  "zeroCount",
  "zeroThreshold",
  "positive",
  "negative",
  "quantileValues",
]);
const bucketNames = new JsonNames(["offset", "bucketCounts"]);
const quantileNames = new JsonNames(["quantile", "value"]);
const exemplarNames = new JsonNames([
  "filteredAttributes",
  "timeUnixNano",
  "asDouble",
  "asInt",
  "spanId",
  "traceId",
]);

export function jsonMetrics(writer: MetricWriter): JsonItems {
  return {
    entities: writer.entities,
    name: "a metric",
    members: { resources: "resourceMetrics", scopes: "scopeMetrics", items: "metrics" },
    endResource: () => writer.endResource(),
    item: (reader) => readMetric(reader, writer),
  };
}

/** The head has to be known before the points, so these are skipped first. */
function* readMetric(reader: JsonReader, writer: MetricWriter): Generator<void, void> {
  writer.beginMetric(reader.pos);
  let dataAt = -1;
  let field = reader.firstMember(metricNames);
  const inside = reader.depth;
  while (field >= 0) {
    if (field < 3) {
      reader.string();
      const { text, textStart, textEnd } = reader;
      if (field === 0) writer.setName(text, textStart, textEnd);
      else if (field === 1) writer.setDescription(text, textStart, textEnd);
      else writer.setUnit(text, textStart, textEnd);
    } else if (field === OTHER_MEMBER) yield* skipInSteps(reader);
    else {
      writer.kind = kindOfMember[field] as MetricKind;
      dataAt = reader.pos;
      yield* skipInSteps(reader);
    }
    field = reader.nextMember(metricNames);
  }
  if (dataAt < 0) return;
  const { pos, depth } = reader;
  reader.jump(dataAt, inside);
  yield* readData(reader, writer);
  reader.jump(pos, depth);
}

function* readData(reader: JsonReader, writer: MetricWriter): Generator<void, void> {
  const points: number[] = [];
  let field = reader.firstMember(dataNames);
  const inside = reader.depth;
  while (field >= 0) {
    if (field === 0) {
      points.push(reader.pos);
      yield* skipInSteps(reader);
    } else if (field === 1) writer.temporality = reader.enumNumber();
    else writer.isMonotonic = reader.boolean();
    field = reader.nextMember(dataNames);
  }
  writer.openMetric();
  let stop = 0;
  let read = 0;
  let labelsBefore = writer.labelsWritten;
  for (const at of points) {
    reader.jump(at, inside);
    stop = at + BYTES_PER_STEP;
    for (let more = reader.firstElement(); more; more = reader.nextElement()) {
      reader.boundValues(VALUES_PER_ITEM_MAX);
      readPoint(reader, writer);
      reader.boundValues();
      const labels = writer.labelsWritten - labelsBefore;
      if (++read < POINTS_PER_STEP && reader.pos < stop && labels < LABELS_PER_STEP) continue;
      yield;
      read = 0;
      labelsBefore = writer.labelsWritten;
      stop = reader.pos + BYTES_PER_STEP;
    }
  }
}

function readPoint(reader: JsonReader, writer: MetricWriter): void {
  writer.beginPoint(reader.pos);
  const exemplars: number[] = [];
  let field = reader.firstMember(pointNames);
  const inside = reader.depth;
  while (field >= 0) {
    if (field === 3) {
      exemplars.push(reader.pos);
      reader.skip();
    } else if (field < 7) readPointMember(reader, writer, field);
    else readDistributionMember(reader, writer, field);
    field = reader.nextMember(pointNames);
  }
  if (!writer.commitPoint() || exemplars.length === 0) return;
  const { pos, depth } = reader;
  for (const at of exemplars) {
    reader.jump(at, inside);
    for (let more = reader.firstElement(); more; more = reader.nextElement())
      readExemplar(reader, writer);
  }
  reader.jump(pos, depth);
}

function readMs(reader: JsonReader): number {
  reader.uint64();
  return wordsToMs(reader.low, reader.high);
}

function readInt64(reader: JsonReader): number {
  reader.int64();
  return int64Number(reader.low, reader.high);
}

function readUint64(reader: JsonReader): number {
  reader.uint64();
  return uint64Number(reader.low, reader.high);
}

function readPointMember(reader: JsonReader, writer: MetricWriter, field: number): void {
  const { point } = writer;
  switch (field) {
    case 0:
      readJsonAttributes(reader, writer.labels.attributes);
      break;
    case 1:
      point.startMs = readMs(reader);
      break;
    case 2:
      point.timeMs = readMs(reader);
      break;
    case 4:
      point.flags = reader.int32();
      break;
    case 5:
      point.value = reader.double();
      point.hasValue = true;
      break;
    default:
      point.value = readInt64(reader);
      point.hasValue = true;
  }
}

function readDistributionMember(reader: JsonReader, writer: MetricWriter, field: number): void {
  const { point } = writer;
  switch (field) {
    case 7:
      point.count = readUint64(reader);
      break;
    case 8:
      point.sum = reader.double();
      point.hasSum = true;
      break;
    case 9:
      readCounts(reader, point.bucketCounts);
      break;
    case 10:
      for (let more = reader.firstElement(); more; more = reader.nextElement())
        point.bounds.push(reader.double());
      break;
    case 11:
      point.scale = reader.int32() | 0;
      break;
    case 12:
      point.zeroCount = readUint64(reader);
      break;
    case 13:
      point.zeroThreshold = reader.double();
      break;
    case 14:
      readBuckets(reader, point.positive);
      break;
    case 15:
      readBuckets(reader, point.negative);
      break;
    default:
      for (let more = reader.firstElement(); more; more = reader.nextElement())
        readQuantile(reader, writer);
  }
}

function readCounts(reader: JsonReader, list: NumberList): void {
  for (let more = reader.firstElement(); more; more = reader.nextElement())
    list.push(readUint64(reader));
}

function readBuckets(reader: JsonReader, buckets: PointBuckets): void {
  let field = reader.firstMember(bucketNames);
  while (field >= 0) {
    if (field === 0) buckets.offset = reader.int32() | 0;
    else readCounts(reader, buckets.counts);
    field = reader.nextMember(bucketNames);
  }
}

function readQuantile(reader: JsonReader, writer: MetricWriter): void {
  let quantile = 0;
  let value = 0;
  let field = reader.firstMember(quantileNames);
  while (field >= 0) {
    if (field === 0) quantile = reader.double();
    else value = reader.double();
    field = reader.nextMember(quantileNames);
  }
  writer.point.quantiles.push(quantile);
  writer.point.quantileValues.push(value);
}

function readExemplar(reader: JsonReader, writer: MetricWriter): void {
  writer.beginExemplar();
  let field = reader.firstMember(exemplarNames);
  while (field >= 0) {
    switch (field) {
      case 0:
        readJsonAttributes(reader, writer.exemplarAttributes);
        break;
      case 1:
        writer.exemplarTimeMs = readMs(reader);
        break;
      case 2:
      case 3:
        writer.exemplarValue = field === 2 ? reader.double() : readInt64(reader);
        writer.exemplarHasValue = true;
        break;
      case 4:
        reader.hexId(writer.exemplarSpanId, 0, 8);
        break;
      default:
        reader.hexId(writer.exemplarTraceId, 0, 16);
    }
    field = reader.nextMember(exemplarNames);
  }
  writer.commitExemplar();
}
