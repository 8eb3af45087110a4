/**
 * Reads `io.prometheus.write.v2.Request`, the message of remote write 2.0: labels and metadata are references into
 * one table of strings, so each string is looked up in a dictionary once a request.
 */
import { Temporality } from "@triptych/model";
import { StepMeter } from "../otlp/steps.ts";
import type { ProtobufReader } from "../protobuf-reader.ts";
import {
  helpText,
  metricTypeOf,
  readInt64,
  tooMany,
  unitText,
  type WriteRequest,
} from "./write-request.ts";

const SAMPLES_PER_STEP = 2_000;
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
    const state = new SeriesState();
    while (reader.pos < reader.end) {
      reader.reading = "the request";
      const tag = reader.tag();
      if (tag === 34 && pass === 0) {
        const end = reader.length() + reader.pos;
        symbols.push(reader.pos, end);
        reader.pos = end;
      } else if (tag === 42 && pass === 1) yield* readSeries(reader, request, { symbols, state });
      else reader.skip(tag);
      if (meter.due(reader.pos)) yield;
    }
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

  start(symbol: number): number {
    return this.ranges[symbol * 2] as number;
  }

  end(symbol: number): number {
    return this.ranges[symbol * 2 + 1] as number;
  }

  name(symbol: number): number {
    if (this.nameIds.length === 0) this.nameIds = new Int32Array(this.count).fill(-1);
    const known = this.nameIds[symbol] as number;
    if (known >= 0) return known;
    const { names } = this.request.batch.series;
    const id = names.intern(this.bytes, this.start(symbol), this.end(symbol));
    this.nameIds[symbol] = id;
    return id;
  }

  value(symbol: number): number {
    if (this.valueIds.length === 0) this.valueIds = new Int32Array(this.count).fill(-1);
    const known = this.valueIds[symbol] as number;
    if (known >= 0) return known;
    const { values } = this.request.batch.series;
    const id = values.intern(this.bytes, this.start(symbol), this.end(symbol));
    this.valueIds[symbol] = id;
    return id;
  }
}

/** What is reused from series to series. */
class SeriesState {
  /** A name's reference that waits for its value's, -1 while none does. */
  pendingName = -1;
  type = 0;
  helpRef = 0;
  unitRef = 0;
  hasMetadata = false;
  /** Metric names whose family was described. */
  readonly described = new Set<number>();
}

interface SeriesTools {
  readonly symbols: Symbols;
  readonly state: SeriesState;
}

function* readSeries(
  reader: ProtobufReader,
  request: WriteRequest,
  tools: SeriesTools,
): Generator<void> {
  const { state } = tools;
  const { batch, labels } = request;
  reader.reading = "a time series";
  const at = reader.pos;
  request.see(at);
  const outer = reader.enter();
  const { end } = reader;
  labels.begin(at);
  state.pendingName = -1;
  state.hasMetadata = false;
  const firstSample = batch.samples.rows;
  const firstHistogram = batch.histograms.rows;
  let createdMs = 0;
  let series = -1;
  let isOpen = true;
  let items = 0;
  let inStep = 0;
  while (reader.pos < end) {
    const tag = reader.tag();
    if (tag === 10 || tag === 8) {
      if (!isOpen) reader.fail("labels after the samples of their series", reader.pos - 1);
      readLabelRefs(reader, request, { ...tools, isPacked: tag === 10 });
      continue;
    }
    if (isOpen) {
      isOpen = false;
      if (state.pendingName >= 0)
        labels.problem ??= { reason: "label_invalid", text: "a label name has no value" };
      series = labels.end(Temporality.gauge);
    }
    if (tag === 18) request.readSample(reader, series);
    else if (tag === 26) request.readHistogram(reader, series);
    else if (tag === 34) readExemplar(reader, request, { series, symbols: tools.symbols });
    else if (tag === 42) readMetadata(reader, state);
    else if (tag === 48) createdMs = readInt64(reader);
    else reader.skip(tag);
    if (tag === 18 || tag === 26) items++;
    if (++inStep % SAMPLES_PER_STEP === 0) yield;
  }
  reader.leave(outer);
  if (isOpen) labels.abandon();
  if (series < 0) {
    const problem = labels.problem ?? noSamples;
    request.reject(problem.reason, Math.max(1, items), problem.text);
    return;
  }
  if (items === 0) request.reject(noSamples.reason, 1, noSamples.text);
  if (createdMs > 0) {
    fillStart(batch.samples, firstSample, createdMs);
    fillStart(batch.histograms, firstHistogram, createdMs);
  }
  if (state.hasMetadata) describe(request, tools, { series, at });
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

function readLabelRefs(
  reader: ProtobufReader,
  request: WriteRequest,
  tools: SeriesTools & { readonly isPacked: boolean },
): void {
  const { symbols, state } = tools;
  const outer = tools.isPacked ? reader.enter() : reader.end;
  do {
    if (reader.pos >= reader.end) break;
    const at = reader.pos;
    const ref = reader.varint();
    if (reader.high !== 0 || ref >= symbols.count) unknownSymbol(reader, symbols, at);
    if (state.pendingName < 0) state.pendingName = ref;
    else {
      request.labels.add(symbols.name(state.pendingName), symbols.value(ref));
      state.pendingName = -1;
    }
  } while (tools.isPacked);
  reader.leave(outer);
}

function unknownSymbol(reader: ProtobufReader, symbols: Symbols, at: number): never {
  return reader.fail(`a reference beyond the ${symbols.count} symbols`, at);
}

function readExemplar(
  reader: ProtobufReader,
  request: WriteRequest,
  target: { readonly series: number; readonly symbols: Symbols },
): void {
  const { symbols, series } = target;
  const { exemplars } = request;
  const at = reader.pos;
  const exemplar = { timeMs: 0, value: 0 };
  const outer = reader.enter();
  exemplars.begin();
  let refs = 0;
  const label = (): void => {
    const refAt = reader.pos;
    const ref = reader.varint();
    if (reader.high !== 0 || ref >= symbols.count) unknownSymbol(reader, symbols, refAt);
    if (refs++ < EXEMPLAR_REFS_MAX)
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
    else reader.skip(tag);
  }
  reader.leave(outer);
  request.endExemplar(series, exemplar, at);
}

function readMetadata(reader: ProtobufReader, state: SeriesState): void {
  const outer = reader.enter();
  state.hasMetadata = true;
  state.type = 0;
  state.helpRef = 0;
  state.unitRef = 0;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 8) state.type = reader.varint();
    else if (tag === 24) state.helpRef = reader.varint();
    else if (tag === 32) state.unitRef = reader.varint();
    else reader.skip(tag);
  }
  reader.leave(outer);
}

/** Sets what the metadata says of the series, and describes its family once. */
function describe(
  request: WriteRequest,
  { symbols, state }: SeriesTools,
  { series, at }: { series: number; at: number },
): void {
  const type = metricTypeOf(state.type);
  const { batch, labels } = request;
  if (type === "counter" || type === "histogram" || type === "summary")
    batch.series.temporality[series] = Temporality.cumulative;
  const help = state.helpRef < symbols.count ? state.helpRef : 0;
  const unit = state.unitRef < symbols.count ? state.unitRef : 0;
  // Prometheus sends an empty message where it knows nothing.
  if (type === "unknown" && help === 0 && unit === 0) return;
  if (state.described.has(labels.metric)) return;
  state.described.add(labels.metric);
  const name = batch.series.values.text(labels.metric);
  const text = (ref: number, read: typeof helpText): string =>
    ref === 0 ? "" : read(symbols.bytes, symbols.start(ref), symbols.end(ref));
  const family = familyOf(name, type);
  if (batch.metadata.at(-1)?.family === family) return;
  request.describe({ family, type, help: text(help, helpText), unit: text(unit, unitText) }, at);
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
