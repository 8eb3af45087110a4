/**
 * Reads the protobuf format: `io.prometheus.client.MetricFamily` messages, each after its length. The one format
 * that carries native histograms; counters, histograms and summaries bring the time they started.
 */
import { type MetricType, Temporality } from "@triptych/model";
import { StepMeter } from "../otlp/steps.ts";
import { uint64Number } from "../otlp/value-text.ts";
import { ProtobufReader } from "../protobuf-reader.ts";
import { NativeHistogram } from "../remote-write/native-histogram.ts";
import { readInt64, readSide, readSint32 } from "../remote-write/write-request.ts";
import { isUtf8 } from "../remote-write/utf8.ts";
import type { ExpositionWriter } from "./exposition-writer.ts";
import { boundText } from "./float-text.ts";

const types: readonly MetricType[] = [
  "counter",
  "gauge",
  "summary",
  "unknown",
  "histogram",
  "gaugehistogram",
];
const HELP_BYTES_MAX = 4096;
const BUCKETS_MAX = 4096;
const RESET_HINT_GAUGE = 3;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function* readExpositionProtobuf(
  bytes: Uint8Array,
  writer: ExpositionWriter,
): Generator<void> {
  const reader = new ProtobufReader(bytes);
  const metrics = new MetricReader(reader, writer);
  const meter = new StepMeter();
  while (reader.pos < reader.end) {
    reader.reading = "a metric family";
    const outer = reader.enter();
    const start = reader.pos;
    metrics.family = readFamily(reader, writer);
    reader.pos = start;
    reader.reading = "a metric";
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 34) metrics.read();
      else reader.skip(tag);
      if (meter.due(reader.pos)) yield;
    }
    reader.leave(outer);
    if (meter.due(reader.pos)) yield;
  }
}

interface Family {
  readonly name: string;
  readonly type: MetricType;
}

/** Reads all but the metrics. */
function readFamily(reader: ProtobufReader, writer: ExpositionWriter): Family {
  const at = reader.pos;
  let name = "";
  let help = "";
  let unit = "";
  let type = 0;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) name = readText(reader, writer.options.limits.labelValueBytesMax);
    else if (tag === 18) help = readHelp(reader);
    else if (tag === 24) type = reader.varint();
    else if (tag === 42) unit = readText(reader, HELP_BYTES_MAX);
    else reader.skip(tag);
  }
  if (name === "") reader.fail("a metric family without a name", at);
  const known = types[type];
  if (known === undefined) return reader.fail(`the unknown metric type ${type}`, at);
  const family = writer.family(name, at);
  family.type = known;
  family.help = help;
  family.unit = unit;
  return { name, type: known };
}

function readHelp(reader: ProtobufReader): string {
  const start = reader.pos;
  const size = reader.length();
  if (!isUtf8(reader.bytes, reader.pos, reader.pos + size))
    reader.fail("a help text that is not valid UTF-8", start);
  reader.pos = start;
  return readText(reader, HELP_BYTES_MAX);
}

function readText(reader: ProtobufReader, bytesMax: number): string {
  const size = reader.length();
  const start = reader.pos;
  reader.pos += size;
  return decoder.decode(reader.bytes.subarray(start, start + Math.min(size, bytesMax)));
}

interface Bound {
  readonly bound: number;
  readonly count: number;
  /** Where the exemplar is, -1 when there is none. */
  readonly exemplarAt: number;
}

/** Reads Metric messages; what a message holds is collected first, because fields come in any order. */
class MetricReader {
  family: Family = { name: "", type: "unknown" };
  private readonly reader: ProtobufReader;
  private readonly writer: ExpositionWriter;
  private readonly native = new NativeHistogram();
  /** Name and value ids of the metric's labels. */
  private readonly labels: number[] = [];
  private readonly metricLabel: number;
  private at = 0;
  private timeMs = 0;
  private startMs = 0;
  private value = 0;
  private count = 0;
  private sum = 0;
  /** Prometheus takes a zero count for a sign of a native histogram only when it is an integer. */
  private hasZeroCount = false;
  private readonly bounds: Bound[] = [];
  private readonly exemplars: number[] = [];

  constructor(reader: ProtobufReader, writer: ExpositionWriter) {
    this.reader = reader;
    this.writer = writer;
    this.metricLabel = writer.batch.series.names.internText("__name__");
  }

  read(): void {
    const { reader } = this;
    this.at = reader.pos;
    this.labels.length = 0;
    this.timeMs = 0;
    this.startMs = 0;
    this.value = 0;
    this.count = 0;
    this.sum = 0;
    this.hasZeroCount = false;
    this.bounds.length = 0;
    this.exemplars.length = 0;
    this.native.clear();
    const outer = reader.enter();
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 10) this.readLabel();
      else if (tag === 48) this.timeMs = readInt64(reader);
      else if (tag === 18 || tag === 42) this.readSimple({ exemplar: 0, created: 0 });
      else if (tag === 26) this.readSimple({ exemplar: 18, created: 26 });
      else if (tag === 34) this.readSummary();
      else if (tag === 58) this.readHistogram();
      else reader.skip(tag);
    }
    const { pos } = reader;
    this.write();
    reader.pos = pos;
    reader.leave(outer);
  }

  private readLabel(): void {
    const { reader } = this;
    const { names, values } = this.writer.batch.series;
    const outer = reader.enter();
    let name: [number, number] = [0, 0];
    let value: [number, number] = [0, 0];
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag !== 10 && tag !== 18) {
        reader.skip(tag);
        continue;
      }
      const end = reader.length() + reader.pos;
      if (tag === 10) name = [reader.pos, end];
      else value = [reader.pos, end];
      reader.pos = end;
    }
    reader.leave(outer);
    if (this.labels.length > this.writer.options.limits.labelsPerSeriesMax * 2) return;
    this.labels.push(names.intern(reader.bytes, ...name), values.intern(reader.bytes, ...value));
  }

  /** A gauge, an untyped value or a counter: the value is field 1 of all. */
  private readSimple(fields: { readonly exemplar: number; readonly created: number }): void {
    const { reader } = this;
    const outer = reader.enter();
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 9) this.value = reader.double();
      else if (tag === fields.created) this.startMs = readTimestamp(reader);
      else if (tag === fields.exemplar) this.keepExemplar();
      else reader.skip(tag);
    }
    reader.leave(outer);
  }

  private keepExemplar(): number {
    const { reader, exemplars } = this;
    const { pos } = reader;
    reader.pos = reader.length() + reader.pos;
    if (exemplars.length < BUCKETS_MAX) exemplars.push(pos);
    return pos;
  }

  private readSummary(): void {
    const { reader } = this;
    const outer = reader.enter();
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 8) this.count = readUint64(reader);
      else if (tag === 17) this.sum = reader.double();
      else if (tag === 34) this.startMs = readTimestamp(reader);
      else if (tag === 26) this.readBound(9, 17);
      else reader.skip(tag);
    }
    reader.leave(outer);
  }

  /** A quantile, or a bucket: the tags of its bound and its number. */
  private readBound(boundTag: number, countTag: number): void {
    const { reader } = this;
    const outer = reader.enter();
    let bound = 0;
    let count = 0;
    let exemplarAt = -1;
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === boundTag) bound = reader.double();
      else if (tag === countTag) count = (tag & 7) === 0 ? readUint64(reader) : reader.double();
      else if (tag === 33) count = reader.double() || count;
      else if (tag === 26) {
        exemplarAt = reader.pos;
        reader.pos = reader.length() + reader.pos;
      } else reader.skip(tag);
    }
    reader.leave(outer);
    if (this.bounds.length >= BUCKETS_MAX)
      reader.fail(`more than ${BUCKETS_MAX} buckets or quantiles`, reader.pos);
    this.bounds.push({ bound, count, exemplarAt });
  }

  private readHistogram(): void {
    const { reader, native } = this;
    const outer = reader.enter();
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      const field = tag >>> 3;
      if (tag === 8) this.count = readUint64(reader);
      else if (tag === 33) {
        const count = reader.double();
        if (count > 0) {
          this.count = count;
          native.isFloat = true;
        }
      } else if (tag === 17) this.sum = reader.double();
      else if (tag === 26) this.readBound(17, 8);
      else if (tag === 40) native.schema = readSint32(reader);
      else if (tag === 49) native.zeroThreshold = reader.double();
      else if (tag === 56) {
        native.zeroCount = readUint64(reader);
        this.hasZeroCount = native.zeroCount > 0;
      } else if (tag === 65) {
        const count = reader.double();
        if (count > 0) {
          native.zeroCount = count;
          native.isFloat = true;
        }
      } else if (field >= 9 && field <= 11) readSide(reader, native.negative, tag - 9 * 8);
      else if (field >= 12 && field <= 14) readSide(reader, native.positive, tag - 12 * 8);
      else if (tag === 122) this.startMs = readTimestamp(reader);
      else if (tag === 130) this.keepExemplar();
      else reader.skip(tag);
    }
    reader.leave(outer);
  }

  private write(): void {
    const { type, name } = this.family;
    switch (type) {
      case "summary":
        this.writeNumber(`${name}_count`, this.count, Temporality.cumulative);
        this.writeNumber(`${name}_sum`, this.sum, Temporality.cumulative);
        for (const { bound, count } of this.bounds)
          this.writeNumber(name, count, Temporality.gauge, ["quantile", boundText(bound)]);
        break;
      case "histogram":
      case "gaugehistogram":
        this.writeHistograms(type);
        break;
      default: {
        const isCounter = type === "counter";
        const temporality = isCounter ? Temporality.cumulative : Temporality.gauge;
        const series = this.writeNumber(name, this.value, temporality);
        for (const at of this.exemplars) this.writeExemplar(at, series);
      }
    }
  }

  private writeHistograms(type: MetricType): void {
    const { native, writer } = this;
    const { name } = this.family;
    const isNative =
      writer.options.ignoreNativeHistograms !== true &&
      (native.zeroThreshold > 0 ||
        this.hasZeroCount ||
        native.negative.lengths.length > 0 ||
        native.positive.lengths.length > 0);
    if (isNative) {
      const series = this.openSeries(name, Temporality.cumulative);
      native.count = this.count;
      native.sum = this.sum;
      native.startMs = this.startMs;
      native.resetHint = type === "gaugehistogram" ? RESET_HINT_GAUGE : 0;
      writer.histogram(series, native);
      const ofBuckets = this.bounds.map(({ exemplarAt }) => exemplarAt);
      for (const at of this.exemplars.length > 0 ? this.exemplars : ofBuckets)
        if (at >= 0) this.writeExemplar(at, series);
      if (writer.options.keepClassicHistograms !== true || this.bounds.length === 0) return;
    }
    const temporality = type === "histogram" ? Temporality.cumulative : Temporality.gauge;
    this.writeNumber(`${name}_count`, this.count, temporality);
    this.writeNumber(`${name}_sum`, this.sum, temporality);
    if (this.bounds.at(-1)?.bound !== Number.POSITIVE_INFINITY)
      this.bounds.push({ bound: Number.POSITIVE_INFINITY, count: this.count, exemplarAt: -1 });
    for (const { bound, count, exemplarAt } of this.bounds) {
      const le: [string, string] = ["le", boundText(bound)];
      const series = this.writeNumber(`${name}_bucket`, count, temporality, le);
      if (exemplarAt >= 0) this.writeExemplar(exemplarAt, series);
    }
  }

  /** Adds a series with a sample; returns its row, or -1 when it is refused. */
  private writeNumber(
    name: string,
    value: number,
    temporality: number,
    extra?: readonly [name: string, value: string],
  ): number {
    const series = this.openSeries(name, temporality, extra);
    return this.writer.sample(series, value, this.startMs) ? series : -1;
  }

  private openSeries(
    name: string,
    temporality: number,
    extra?: readonly [name: string, value: string],
  ): number {
    const { writer, labels } = this;
    const { names, values } = writer.batch.series;
    writer.begin(this.at);
    writer.label(this.metricLabel, values.internText(name));
    for (let i = 0; i < labels.length; i += 2)
      writer.label(labels[i] as number, labels[i + 1] as number);
    if (extra !== undefined) writer.label(names.internText(extra[0]), values.internText(extra[1]));
    if (this.timeMs !== 0) writer.setTime(this.timeMs);
    return writer.end(temporality);
  }

  private writeExemplar(at: number, series: number): void {
    const { reader, writer } = this;
    const outer = reader.end;
    reader.pos = at;
    reader.end = reader.length() + reader.pos;
    let value = 0;
    let timeMs: number | undefined;
    writer.exemplars.begin();
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 10) this.readExemplarLabel();
      else if (tag === 17) value = reader.double();
      else if (tag === 26) timeMs = readTimestamp(reader);
      else reader.skip(tag);
    }
    reader.end = outer;
    writer.exemplar(series, value, timeMs);
  }

  private readExemplarLabel(): void {
    const { reader, writer } = this;
    const outer = reader.enter();
    const ranges: [number, number][] = [
      [0, 0],
      [0, 0],
    ];
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag !== 10 && tag !== 18) {
        reader.skip(tag);
        continue;
      }
      const end = reader.length() + reader.pos;
      ranges[tag === 10 ? 0 : 1] = [reader.pos, end];
      reader.pos = end;
    }
    reader.leave(outer);
    for (const [start, end] of ranges) writer.exemplars.add(reader.bytes, start, end);
  }
}

function readUint64(reader: ProtobufReader): number {
  reader.varint();
  return uint64Number(reader.low, reader.high);
}

/** `google.protobuf.Timestamp`: seconds and nanoseconds, as milliseconds. */
function readTimestamp(reader: ProtobufReader): number {
  const outer = reader.enter();
  let seconds = 0;
  let nanos = 0;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 8) seconds = readInt64(reader);
    else if (tag === 16) nanos = readInt64(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return seconds * 1000 + Math.trunc(nanos / 1_000_000);
}
