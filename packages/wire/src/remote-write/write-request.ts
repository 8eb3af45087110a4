/**
 * What both versions of remote write have in common: the batch being filled, the limits of a request, what was
 * refused and why, and the readers of samples, histograms and exemplars, whose messages differ by a field or two.
 */
import {
  type Limits,
  type MetricMetadata,
  type MetricType,
  SampleBatch,
  STALE_NAN_WORDS,
  TriptychError,
} from "@triptych/model";
import { int64Number, uint64Number } from "../otlp/value-text.ts";
import type { ProtobufReader } from "../protobuf-reader.ts";
import { ExemplarWriter } from "./exemplar-writer.ts";
import { type KnownSeries, newKnownSeries, type SeriesCache } from "./known-series.ts";
import { type HistogramSide, NativeHistogram } from "./native-histogram.ts";
import { SeriesLabels } from "./series-labels.ts";

export interface RemoteWriteOptions {
  readonly limits: Limits;
  readonly nowMs: number;
  /** Series of earlier requests, which must have had the same limits; the batch then shares their table. */
  readonly known?: SeriesCache;
}

/** Why items of a request were refused; what they are counted under. */
export type RemoteWriteRejection =
  | "label_invalid"
  | "label_limit"
  | "series_empty"
  | "sample_too_new"
  | "sample_time_invalid"
  | "histogram_invalid"
  | "exemplar_invalid";

/** Buckets of all native histograms of a request, as for OTLP (64 MB). */
const BUCKETS_PER_REQUEST_MAX = 8_000_000;
/** Families of a request: each becomes an object. Prometheus sends 500 at a time. */
const METADATA_PER_REQUEST_MAX = 100_000;
/** A tag and a double, a tag and a time in milliseconds between 1971 and 2109: six bytes. */
const USUAL_SAMPLE_BYTES = 16;
/** The fields of these messages, a bit for each: one of them in another type is an error, as in every decoder. */
const SAMPLE_FIELDS = 0b1110;
const HISTOGRAM_FIELDS = 0b11_1100_0001_1111_1110;
const HELP_BYTES_MAX = 4096;
const UNIT_BYTES_MAX = 256;

/** The numbers both versions give the types. */
const metricTypes: readonly MetricType[] = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
];

export const metricTypeOf = (number: number): MetricType => metricTypes[number] ?? "unknown";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class WriteRequest {
  readonly batch: SampleBatch;
  readonly labels: SeriesLabels;
  readonly exemplars: ExemplarWriter;
  readonly rejections = new Map<RemoteWriteRejection, number>();
  /** Why the first sample, histogram or series was refused, "" when none was. */
  reason = "";
  readonly limits: Limits;
  readonly known: KnownSeries;

  private readonly nowMs: number;
  private readonly newestMs: number;
  private readonly histogram = new NativeHistogram();
  private seen = 0;
  private seenSeries = 0;

  /** Refused and counted, but not told the sender. */
  private readonly untold: ReadonlySet<RemoteWriteRejection>;

  constructor(
    options: RemoteWriteOptions,
    rowsHint: number,
    untold: readonly RemoteWriteRejection[],
  ) {
    this.untold = new Set(untold);
    this.known = options.known?.current() ?? newKnownSeries(options.limits);
    this.batch = new SampleBatch(rowsHint, this.known.table);
    this.limits = options.limits;
    this.labels = new SeriesLabels(this.batch.series, options.limits, this.known.verdicts);
    this.exemplars = new ExemplarWriter(this.batch);
    this.nowMs = options.nowMs;
    this.newestMs = options.nowMs + options.limits.futureMsMax;
  }

  /** Samples and histograms that were refused. */
  get rejected(): number {
    let sum = 0;
    for (const [code, count] of this.rejections) if (!this.untold.has(code)) sum += count;
    return sum;
  }

  reject(code: RemoteWriteRejection, items: number, text: string): void {
    this.rejections.set(code, (this.rejections.get(code) ?? 0) + items);
    if (this.reason === "" && !this.untold.has(code)) this.reason = text;
  }

  /** Counts a series of the request, whatever becomes of it. */
  seeSeries(offset: number): void {
    const { pointsPerRequestMax } = this.limits;
    if (++this.seenSeries > pointsPerRequestMax)
      tooMany(`more than ${pointsPerRequestMax} series`, offset);
  }

  private see(offset: number): void {
    const { pointsPerRequestMax } = this.limits;
    if (++this.seen > pointsPerRequestMax)
      tooMany(`more than ${pointsPerRequestMax} samples`, offset);
  }

  /** Reads one Sample message into the batch; a series of -1 only counts. */
  readSample(reader: ProtobufReader, series: number): void {
    this.see(reader.pos);
    if (series >= 0 && this.readUsualSample(reader, series)) return;
    const outer = reader.enter();
    const { end } = reader;
    let low = 0;
    let high = 0;
    let value = 0;
    let timeMs = 0;
    let startMs = 0;
    while (reader.pos < end) {
      const tag = reader.tag();
      if (tag === 9) {
        value = reader.double();
        // A NaN's bits say whether it is a staleness marker, and engines may change them.
        if (Number.isNaN(value)) {
          reader.pos -= 8;
          reader.fixed64();
          low = reader.low;
          high = reader.high;
        }
      } else if (tag === 16) timeMs = readInt64(reader);
      else if (tag === 24) startMs = readInt64(reader);
      else reader.skipUnknown(tag, SAMPLE_FIELDS);
    }
    reader.leave(outer);
    if (series < 0) return;
    if (timeMs > this.newestMs || timeMs < 0) {
      this.rejectTime(timeMs);
      return;
    }
    const { samples } = this.batch;
    if (!Number.isNaN(value)) samples.add(series, timeMs, startMs, value);
    else if (low === STALE_NAN_WORDS.low && high === STALE_NAN_WORDS.high)
      samples.addStale(series, timeMs, startMs);
    else samples.add(series, timeMs, startMs, Number.NaN);
  }

  /**
   * A sample as nearly all are: a value and a time of today's size, and nothing else. False, with nothing read, when it
   * is another.
   */
  private readUsualSample(reader: ProtobufReader, series: number): boolean {
    const { bytes, view, pos } = reader;
    if (bytes[pos] !== USUAL_SAMPLE_BYTES || reader.end - pos <= USUAL_SAMPLE_BYTES) return false;
    if (bytes[pos + 1] !== 9 || bytes[pos + 10] !== 16) return false;
    const low = view.getUint32(pos + 11, true);
    const high = view.getUint16(pos + 15, true);
    // Six bytes of seven bits, the last of them without the mark that more follow.
    if ((low & 0x8080_8080) !== (0x8080_8080 | 0) || (high & 0x8080) !== 0x0080) return false;
    const first = (low & 0x7f) | ((low >>> 1) & 0x3f80) | ((low >>> 2) & 0x1f_c000);
    const rest = ((low >>> 24) & 0x7f) | ((high & 0x7f) << 7) | ((high & 0x7f00) << 6);
    const timeMs = rest * 0x20_0000 + first;
    const value = view.getFloat64(pos + 2, true);
    if (Number.isNaN(value) || timeMs > this.newestMs) return false;
    this.batch.samples.add(series, timeMs, 0, value);
    reader.pos = pos + 1 + USUAL_SAMPLE_BYTES;
    return true;
  }

  private rejectTime(timeMs: number): void {
    if (timeMs < 0) {
      const text = `a sample has the time ${timeMs}, which is before 1970`;
      this.reject("sample_time_invalid", 1, text);
    } else {
      const seconds = this.limits.futureMsMax / 1000;
      const text = `a sample of time ${timeMs} is more than ${seconds} s in the future`;
      this.reject("sample_too_new", 1, text);
    }
  }

  /** Reads one Histogram message; the field numbers of both versions are the same. */
  readHistogram(reader: ProtobufReader, series: number): void {
    this.see(reader.pos);
    const { positiveCounts, negativeCounts } = this.batch.histograms;
    if (positiveCounts.used + negativeCounts.used > BUCKETS_PER_REQUEST_MAX)
      tooMany(`more than ${BUCKETS_PER_REQUEST_MAX} histogram buckets`, reader.pos);
    const { histogram } = this;
    histogram.clear();
    const outer = reader.enter();
    const { end } = reader;
    while (reader.pos < end) readHistogramField(reader, histogram);
    reader.leave(outer);
    if (series < 0) return;
    const { timeMs } = histogram;
    if (timeMs > this.newestMs || timeMs < 0) {
      this.rejectTime(timeMs);
      return;
    }
    const problem = histogram.problem();
    if (problem === "") histogram.addTo(this.batch.histograms, series);
    else this.reject("histogram_invalid", 1, problem);
  }

  /** Ends the open exemplar, whose labels were given to `exemplars`. */
  endExemplar(series: number, exemplar: { timeMs: number; value: number }, offset: number): void {
    const { value } = exemplar;
    // The time is optional, and without one it is that of the request.
    const timeMs = exemplar.timeMs === 0 ? this.nowMs : exemplar.timeMs;
    const { rows } = this.batch.exemplars;
    if (rows >= this.limits.pointsPerRequestMax)
      tooMany(`more than ${this.limits.pointsPerRequestMax} exemplars`, offset);
    if (series < 0) return;
    const isNow = timeMs >= 0 && timeMs <= this.newestMs;
    if (!isNow || !this.exemplars.end(series, timeMs, value))
      this.reject("exemplar_invalid", 1, "");
  }

  describe(metadata: MetricMetadata, offset: number): void {
    if (this.batch.metadata.length >= METADATA_PER_REQUEST_MAX)
      tooMany(`metadata of more than ${METADATA_PER_REQUEST_MAX} families`, offset);
    this.batch.metadata.push(metadata);
  }
}

function readHistogramField(reader: ProtobufReader, histogram: NativeHistogram): void {
  const tag = reader.tag();
  switch (tag) {
    case 8:
      reader.varint();
      histogram.count = uint64Number(reader.low, reader.high);
      break;
    case 17:
      histogram.count = reader.double();
      histogram.isFloat = true;
      break;
    case 25:
      reader.fixed64();
      histogram.sumLow = reader.low;
      histogram.sumHigh = reader.high;
      histogram.sum = reader.view.getFloat64(reader.pos - 8, true);
      break;
    case 32:
      histogram.schema = readSint32(reader);
      break;
    case 41:
      histogram.zeroThreshold = reader.double();
      break;
    case 48:
      reader.varint();
      histogram.zeroCount = uint64Number(reader.low, reader.high);
      break;
    case 57:
      histogram.zeroCount = reader.double();
      break;
    case 112:
      histogram.resetHint = reader.varint();
      break;
    case 120:
      histogram.timeMs = readInt64(reader);
      break;
    case 129:
      histogram.customValues.push(reader.double());
      break;
    case 130: {
      const outer = reader.enter();
      while (reader.pos < reader.end) histogram.customValues.push(reader.double());
      reader.leave(outer);
      break;
    }
    case 136:
      histogram.startMs = readInt64(reader);
      break;
    default: {
      const field = tag >>> 3;
      if (field >= 8 && field <= 10) readSide(reader, histogram.negative, tag - 8 * 8);
      else if (field >= 11 && field <= 13) readSide(reader, histogram.positive, tag - 11 * 8);
      else reader.skipUnknown(tag, HISTOGRAM_FIELDS);
    }
  }
}

/** Spans are field 0, deltas 1 and counts 2 of a side, counted from its first; numbers come packed or one by one. */
export function readSide(reader: ProtobufReader, side: HistogramSide, tag: number): void {
  if (tag === 2) {
    const outer = reader.enter();
    let gap = 0;
    let length = 0;
    while (reader.pos < reader.end) {
      const field = reader.tag();
      if (field === 8) gap = readSint32(reader);
      else if (field === 16) length = reader.varint();
      else reader.skip(field);
    }
    reader.leave(outer);
    side.gaps.push(gap);
    side.lengths.push(length);
  } else if (tag === 8) side.deltas.push(readSint64(reader));
  else if (tag === 10) {
    const outer = reader.enter();
    while (reader.pos < reader.end) side.deltas.push(readSint64(reader));
    reader.leave(outer);
  } else if (tag === 17) side.counts.push(reader.double());
  else if (tag === 18) {
    const outer = reader.enter();
    while (reader.pos < reader.end) side.counts.push(reader.double());
    reader.leave(outer);
  } else reader.fail("a bucket field of another type", reader.pos);
}

export function readInt64(reader: ProtobufReader): number {
  reader.varint();
  return int64Number(reader.low, reader.high);
}

export function readSint32(reader: ProtobufReader): number {
  const value = reader.varint();
  return (value >>> 1) ^ -(value & 1);
}

function readSint64(reader: ProtobufReader): number {
  reader.varint();
  const { low, high } = reader;
  const magnitude = (high >>> 1) * 0x1_0000_0000 + (((low >>> 1) | (high << 31)) >>> 0);
  return (low & 1) === 0 ? magnitude : -magnitude - 1;
}

/** Text of a body, cut to what is kept of helps and units. */
export function helpText(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, Math.min(end, start + HELP_BYTES_MAX)));
}

export function unitText(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, Math.min(end, start + UNIT_BYTES_MAX)));
}

export function tooMany(what: string, offset: number): never {
  const text = `The request has ${what}, at byte ${offset}`;
  throw new TriptychError("wire_too_many_items", text, { offset });
}
