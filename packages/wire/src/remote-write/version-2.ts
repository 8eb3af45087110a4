/**
 * Reads `io.prometheus.write.v2.Request`, the message of remote write 2.0: labels and metadata are references into
 * one table of strings, so each string is looked up in a dictionary once a request.
 */
import { Temporality } from "@triptych/model";
import { FIELDS_PER_ITEM_MAX, StepMeter } from "../otlp/steps.ts";
import type { ProtobufReader } from "../protobuf-reader.ts";
import { KEY_BYTES_MAX } from "./key-index.ts";
import type { SeriesLabels } from "./series-labels.ts";
import {
  helpText,
  metricTypeOf,
  readInt64,
  tooMany,
  unitText,
  type WriteRequest,
} from "./write-request.ts";

/** Fields of a series read before others may run: it may have a million samples. */
const FIELDS_PER_STEP = 2_000;
/** The fields of each message, a bit for each: one of them in another type is an error, as in every decoder. */
const REQUEST_FIELDS = 0b11_0000;
const SERIES_FIELDS = 0b111_1110;
const METADATA_FIELDS = 0b1_1010;
const EXEMPLAR_FIELDS = 0b1110;
/** A symbol costs 16 bytes of ours and as few as 2 of the sender's. */
const SYMBOLS_MAX = 4_000_000;
/** More references than any valid exemplar has. */
const EXEMPLAR_REFS_MAX = 100;

export function* readVersion2(reader: ProtobufReader, request: WriteRequest): Generator<void> {
  const meter = new StepMeter();
  const symbols = new Symbols(reader.bytes, request);
  // Symbols first, wherever they are in the message.
  for (let pass = 0; pass < 2; pass++) {
    reader.pos = 0;
    const series = new SeriesReader(reader, request, symbols);
    while (reader.pos < reader.end) {
      reader.reading = "the request";
      const tag = reader.tag();
      if (tag === 34 && pass === 0) {
        const end = reader.length() + reader.pos;
        symbols.push(reader.pos, end);
        reader.pos = end;
      } else if (tag === 42 && pass === 1) {
        series.begin();
        while (!series.step()) yield;
        reader.boundFields();
      } else if (tag === 34 || tag === 42) reader.skip(tag);
      else reader.skipUnknown(tag, REQUEST_FIELDS);
      if (meter.due(reader.pos)) yield;
    }
    if (pass === 0) symbols.close();
  }
}

/** Where each symbol is, and its ids as name and as value once it was used as such. */
class Symbols {
  count = 0;
  readonly bytes: Uint8Array;
  private readonly request: WriteRequest;
  /** Start and end of each. */
  private ranges = new Uint32Array(512);
  private nameIds = new Int32Array(0);
  private valueIds = new Int32Array(0);

  constructor(bytes: Uint8Array, request: WriteRequest) {
    this.bytes = bytes;
    this.request = request;
  }

  push(start: number, end: number): void {
    if (this.count >= SYMBOLS_MAX) tooMany(`more than ${SYMBOLS_MAX} symbols`, start);
    const at = this.count++ * 2;
    if (at === this.ranges.length) {
      const grown = new Uint32Array(at * 2);
      grown.set(this.ranges);
      this.ranges = grown;
    }
    this.ranges[at] = start;
    this.ranges[at + 1] = end;
  }

  /** All symbols were pushed. */
  close(): void {
    this.nameIds = new Int32Array(this.count).fill(-1);
    this.valueIds = new Int32Array(this.count).fill(-1);
  }

  start(symbol: number): number {
    return this.ranges[symbol * 2] as number;
  }

  end(symbol: number): number {
    return this.ranges[symbol * 2 + 1] as number;
  }

  name(symbol: number): number {
    const known = this.nameIds[symbol] as number;
    if (known >= 0) return known;
    const { names } = this.request.batch.series;
    const id = names.intern(this.bytes, this.start(symbol), this.end(symbol));
    this.nameIds[symbol] = id;
    return id;
  }

  value(symbol: number): number {
    const known = this.valueIds[symbol] as number;
    if (known >= 0) return known;
    const { values } = this.request.batch.series;
    const id = values.intern(this.bytes, this.start(symbol), this.end(symbol));
    this.valueIds[symbol] = id;
    return id;
  }
}

const PAIR_BYTES = 8;
const KEY_PAIRS_MAX = KEY_BYTES_MAX / PAIR_BYTES;

/** The labels of the open series by their ids in the table: what it is known by. Not used any more once it is full. */
class LabelIds {
  readonly view = new DataView(new ArrayBuffer(KEY_BYTES_MAX));
  count = 0;

  get isFull(): boolean {
    return this.count === KEY_PAIRS_MAX;
  }

  clear(): void {
    this.count = 0;
  }

  push(name: number, value: number): void {
    const at = this.count++ * PAIR_BYTES;
    this.view.setUint32(at, name, true);
    this.view.setUint32(at + 4, value, true);
  }

  addTo(labels: SeriesLabels): void {
    for (let at = 0; at < this.count * PAIR_BYTES; at += PAIR_BYTES)
      labels.add(this.view.getUint32(at, true), this.view.getUint32(at + 4, true));
  }
}

/** Reads TimeSeries messages. One object for all of a request: a generator for each would cost more than the reading. */
class SeriesReader {
  private readonly reader: ProtobufReader;
  private readonly request: WriteRequest;
  private readonly symbols: Symbols;
  private outer = 0;
  private at = 0;
  /** A name's reference that waits for its value's, -1 while none does. */
  private pendingName = -1;
  private readonly ids = new LabelIds();
  private series = -1;
  private isOpen = true;
  /** A reference of the labels points beyond the symbols. */
  private hasUnknown = false;
  private items = 0;
  private createdMs = 0;
  private firstSample = 0;
  private firstHistogram = 0;
  private type = -1;
  private helpRef = 0;
  private unitRef = 0;
  /** Metric names whose family was described. */
  private readonly described = new Set<number>();

  constructor(reader: ProtobufReader, request: WriteRequest, symbols: Symbols) {
    this.reader = reader;
    this.request = request;
    this.symbols = symbols;
  }

  begin(): void {
    const { reader, request } = this;
    reader.reading = "a time series";
    this.at = reader.pos;
    request.seeSeries(this.at);
    this.outer = reader.enter();
    request.labels.begin(this.at);
    this.pendingName = -1;
    this.ids.clear();
    this.series = -1;
    this.isOpen = true;
    this.hasUnknown = false;
    this.items = 0;
    this.createdMs = 0;
    this.firstSample = request.batch.samples.rows;
    this.firstHistogram = request.batch.histograms.rows;
    this.type = -1;
  }

  /** Reads on, and ends the series when it is read; false when others should run first. */
  step(): boolean {
    const { reader, request } = this;
    reader.boundFields(FIELDS_PER_ITEM_MAX);
    const { end } = reader;
    for (let fields = 0; reader.pos < end; fields++) {
      if (fields === FIELDS_PER_STEP) return false;
      const tag = reader.tag();
      if (tag === 10 || tag === 8) {
        if (!this.isOpen) reader.fail("labels after the samples of their series", reader.pos - 1);
        this.readLabelRefs(tag === 10);
        continue;
      }
      if (this.isOpen) this.close();
      if (tag === 18) request.readSample(reader, this.series);
      else if (tag === 26) request.readHistogram(reader, this.series);
      else if (tag === 34) readExemplar(reader, request, this);
      else if (tag === 42) this.readMetadata();
      else if (tag === 48) this.createdMs = readInt64(reader);
      else reader.skipUnknown(tag, SERIES_FIELDS);
      if (tag === 18 || tag === 26) this.items++;
    }
    reader.leave(this.outer);
    if (this.isOpen) this.close();
    this.finish();
    return true;
  }

  /** The target of exemplars. */
  get target(): { readonly series: number; readonly symbols: Symbols } {
    return { series: this.series, symbols: this.symbols };
  }

  private close(): void {
    const { ids, pendingName } = this;
    const { labels, known } = this.request;
    this.isOpen = false;
    const isKey = ids.count > 0 && !ids.isFull && pendingName < 0 && !this.hasUnknown;
    const entry = isKey ? known.byIds.find(ids.view, 0, ids.count * PAIR_BYTES) : -1;
    if (entry >= 0) {
      this.series = known.byIds.row(entry);
      labels.known(this.series);
      return;
    }
    if (!ids.isFull) ids.addTo(labels);
    if (this.hasUnknown) labels.problem ??= unknownSymbol(this.symbols);
    if (pendingName >= 0)
      labels.problem ??= { reason: "label_invalid", text: "a label name has no value" };
    this.series = labels.end(Temporality.gauge);
    if (isKey && this.series >= 0)
      known.byIds.add(ids.view, 0, ids.count * PAIR_BYTES, this.series);
  }

  private finish(): void {
    const { request, series, items, createdMs } = this;
    const { batch, labels } = request;
    if (series < 0) {
      const problem = labels.problem ?? noSamples;
      request.reject(problem.reason, Math.max(1, items), problem.text);
      return;
    }
    if (items === 0) request.reject(noSamples.reason, 1, noSamples.text);
    if (createdMs > 0) {
      fillStart(batch.samples, this.firstSample, createdMs);
      fillStart(batch.histograms, this.firstHistogram, createdMs);
    }
    if (this.type >= 0) this.describe();
  }

  private readLabelRefs(isPacked: boolean): void {
    const { reader, symbols } = this;
    const outer = isPacked ? reader.enter() : reader.end;
    do {
      if (reader.pos >= reader.end) break;
      const ref = reader.varint();
      if (reader.high !== 0 || ref >= symbols.count) {
        this.hasUnknown = true;
        continue;
      }
      if (this.pendingName < 0) this.pendingName = ref;
      else {
        this.readLabel(symbols.name(this.pendingName), symbols.value(ref));
        this.pendingName = -1;
      }
    } while (isPacked);
    reader.leave(outer);
  }

  private readLabel(name: number, value: number): void {
    const { ids } = this;
    const { labels } = this.request;
    if (ids.isFull) labels.add(name, value);
    else {
      ids.push(name, value);
      if (ids.isFull) ids.addTo(labels);
    }
  }

  private readMetadata(): void {
    const { reader } = this;
    const outer = reader.enter();
    this.type = 0;
    this.helpRef = 0;
    this.unitRef = 0;
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 8) this.type = reader.varint();
      else if (tag === 24) this.helpRef = reader.varint();
      else if (tag === 32) this.unitRef = reader.varint();
      else reader.skipUnknown(tag, METADATA_FIELDS);
    }
    reader.leave(outer);
  }

  /** Sets what the metadata says of the series, and describes its family once. */
  private describe(): void {
    const { request, symbols, described } = this;
    const { batch } = request;
    const metric = request.labels.metricOf(this.series);
    const type = metricTypeOf(this.type);
    if (type === "counter" || type === "histogram" || type === "summary")
      batch.series.temporality[this.series] = Temporality.cumulative;
    const helpRef = this.helpRef < symbols.count ? this.helpRef : 0;
    const unitRef = this.unitRef < symbols.count ? this.unitRef : 0;
    // Prometheus sends an empty message where it knows nothing.
    if (type === "unknown" && helpRef === 0 && unitRef === 0) return;
    if (described.has(metric)) return;
    described.add(metric);
    const family = familyOf(batch.series.values.text(metric), type);
    if (batch.metadata.at(-1)?.family === family) return;
    const text = (ref: number, read: typeof helpText): string =>
      ref === 0 ? "" : read(symbols.bytes, symbols.start(ref), symbols.end(ref));
    const help = text(helpRef, helpText);
    request.describe({ family, type, help, unit: text(unitRef, unitText) }, this.at);
  }
}

const noSamples = {
  reason: "series_empty",
  text: "a series has neither samples nor histograms",
} as const;

/** The older form of the message gives one start time for all samples of a series, after them. */
function fillStart(
  rows: { readonly rows: number; readonly startMs: Float64Array },
  first: number,
  createdMs: number,
): void {
  for (let row = first; row < rows.rows; row++)
    if (rows.startMs[row] === 0) rows.startMs[row] = createdMs;
}

function unknownSymbol(symbols: Symbols): { reason: "label_invalid"; text: string } {
  return { reason: "label_invalid", text: `a reference beyond the ${symbols.count} symbols` };
}

function readExemplar(
  reader: ProtobufReader,
  request: WriteRequest,
  { target }: { readonly target: { readonly series: number; readonly symbols: Symbols } },
): void {
  const { symbols, series } = target;
  const { exemplars } = request;
  const at = reader.pos;
  const exemplar = { timeMs: 0, value: 0 };
  const outer = reader.enter();
  exemplars.begin();
  let refs = 0;
  let hasUnknown = false;
  const label = (): void => {
    const ref = reader.varint();
    if (reader.high !== 0 || ref >= symbols.count) hasUnknown = true;
    else if (refs++ < EXEMPLAR_REFS_MAX)
      exemplars.add(symbols.bytes, symbols.start(ref), symbols.end(ref));
  };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) {
      const inner = reader.enter();
      while (reader.pos < reader.end) label();
      reader.leave(inner);
    } else if (tag === 8) label();
    else if (tag === 17) exemplar.value = reader.double();
    else if (tag === 24) exemplar.timeMs = readInt64(reader);
    else reader.skipUnknown(tag, EXEMPLAR_FIELDS);
  }
  reader.leave(outer);
  if (!hasUnknown) request.endExemplar(series, exemplar, at);
  else if (series >= 0) {
    // Told, unlike other faults of an exemplar; the sample beside it is written.
    const { reason, text } = unknownSymbol(symbols);
    request.reject(reason, 1, `of an exemplar ${text}`);
  }
}

/** The family a series belongs to: histograms and summaries have several names in one. */
function familyOf(name: string, type: string): string {
  const suffixes =
    type === "histogram" || type === "gaugehistogram"
      ? ["_bucket", "_count", "_sum"]
      : type === "summary"
        ? ["_count", "_sum"]
        : [];
  const suffix = suffixes.find((end) => name.length > end.length && name.endsWith(end));
  return suffix === undefined ? name : name.slice(0, -suffix.length);
}
