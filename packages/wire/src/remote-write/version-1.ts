/** Reads `prometheus.WriteRequest`, the message of remote write 1.0: every series carries its labels as text. */
import { Temporality } from "@triptych/model";
import { StepMeter } from "../otlp/steps.ts";
import type { ProtobufReader } from "../protobuf-reader.ts";
import { helpText, metricTypeOf, readInt64, unitText, type WriteRequest } from "./write-request.ts";

/** Labels whose place in the series before is remembered: all there may be. */
const REMEMBERED_MAX = 64;
/** Samples read before others may run: a series may have a million. */
const SAMPLES_PER_STEP = 2_000;

export function* readVersion1(reader: ProtobufReader, request: WriteRequest): Generator<void> {
  const meter = new StepMeter();
  const labels = new LabelReader(reader, request);
  while (reader.pos < reader.end) {
    reader.reading = "the request";
    const tag = reader.tag();
    if (tag === 10) yield* readSeries(reader, request, labels);
    else if (tag === 26) readMetadata(reader, request);
    else reader.skip(tag);
    if (meter.due(reader.pos)) yield;
  }
}

/**
 * Reads Label messages into the open series. Series next to each other share most labels, so the bytes of the label
 * at the same place of the series before are compared first: that is cheaper than two look-ups in dictionaries.
 */
class LabelReader {
  private readonly starts = new Uint32Array(REMEMBERED_MAX);
  private readonly sizes = new Uint32Array(REMEMBERED_MAX);
  private readonly names = new Uint32Array(REMEMBERED_MAX);
  private readonly values = new Uint32Array(REMEMBERED_MAX);
  private known = 0;
  private place = 0;
  private readonly reader: ProtobufReader;
  private readonly request: WriteRequest;

  constructor(reader: ProtobufReader, request: WriteRequest) {
    this.reader = reader;
    this.request = request;
  }

  begin(): void {
    this.place = 0;
  }

  read(): void {
    const { reader } = this;
    const size = reader.length();
    const start = reader.pos;
    const place = this.place++;
    if (place < this.known && this.isSame(place, start, size)) {
      this.starts[place] = start;
      reader.pos = start + size;
      this.request.labels.add(this.names[place] as number, this.values[place] as number);
      return;
    }
    this.parse(place, start, size);
  }

  private isSame(place: number, start: number, size: number): boolean {
    if (this.sizes[place] !== size) return false;
    const { bytes } = this.reader;
    const before = this.starts[place] as number;
    // From the end, where values are, and values differ more than names.
    for (let i = size - 1; i >= 0; i--) if (bytes[before + i] !== bytes[start + i]) return false;
    return true;
  }

  private parse(place: number, start: number, size: number): void {
    const { reader } = this;
    const { names, values } = this.request.batch.series;
    const outer = reader.end;
    reader.end = start + size;
    let nameStart = 0;
    let nameEnd = 0;
    let valueStart = 0;
    let valueEnd = 0;
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 10) {
        nameEnd = reader.length() + reader.pos;
        nameStart = reader.pos;
        reader.pos = nameEnd;
      } else if (tag === 18) {
        valueEnd = reader.length() + reader.pos;
        valueStart = reader.pos;
        reader.pos = valueEnd;
      } else reader.skip(tag);
    }
    reader.end = outer;
    const name = names.intern(reader.bytes, nameStart, nameEnd);
    const value = values.intern(reader.bytes, valueStart, valueEnd);
    if (place < REMEMBERED_MAX) {
      this.starts[place] = start;
      this.sizes[place] = size;
      this.names[place] = name;
      this.values[place] = value;
      if (place === this.known) this.known++;
    }
    this.request.labels.add(name, value);
  }
}

function* readSeries(
  reader: ProtobufReader,
  request: WriteRequest,
  labels: LabelReader,
): Generator<void> {
  reader.reading = "a time series";
  const at = reader.pos;
  request.see(at);
  const outer = reader.enter();
  const { end } = reader;
  request.labels.begin(at);
  labels.begin();
  let series = -1;
  let isOpen = true;
  let refused = 0;
  let inStep = 0;
  while (reader.pos < end) {
    const tag = reader.tag();
    if (tag === 10) {
      // Every encoder writes fields in order, and without the labels the samples have nowhere to go.
      if (!isOpen) reader.fail("a label after the samples of its series", reader.pos - 1);
      labels.read();
      continue;
    }
    if (isOpen) {
      isOpen = false;
      series = request.labels.end(Temporality.gauge);
    }
    if (tag === 18) request.readSample(reader, series);
    else if (tag === 34) request.readHistogram(reader, series);
    else if (tag === 26) readExemplar(reader, request, series);
    else reader.skip(tag);
    if (series < 0 && (tag === 18 || tag === 34)) refused++;
    if (++inStep % SAMPLES_PER_STEP === 0) yield;
  }
  reader.leave(outer);
  // A series without samples says nothing, and its labels are forgotten.
  if (isOpen) request.labels.abandon();
  const { problem } = request.labels;
  if (series < 0 && problem !== undefined) request.reject(problem.reason, refused, problem.text);
}

function readExemplar(reader: ProtobufReader, request: WriteRequest, series: number): void {
  const { exemplars } = request;
  const at = reader.pos;
  const exemplar = { timeMs: 0, value: 0 };
  const outer = reader.enter();
  exemplars.begin();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) readExemplarLabel(reader, request);
    else if (tag === 17) exemplar.value = reader.double();
    else if (tag === 24) exemplar.timeMs = readInt64(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  request.endExemplar(series, exemplar, at);
}

function readExemplarLabel(reader: ProtobufReader, request: WriteRequest): void {
  const outer = reader.enter();
  const name: [start: number, end: number] = [0, 0];
  const value: [start: number, end: number] = [0, 0];
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag !== 10 && tag !== 18) {
      reader.skip(tag);
      continue;
    }
    const range = tag === 10 ? name : value;
    range[1] = reader.length() + reader.pos;
    range[0] = reader.pos;
    reader.pos = range[1];
  }
  reader.leave(outer);
  request.exemplars.add(reader.bytes, ...name);
  request.exemplars.add(reader.bytes, ...value);
}

function readMetadata(reader: ProtobufReader, request: WriteRequest): void {
  reader.reading = "metadata";
  const at = reader.pos;
  let type = 0;
  let family = "";
  let help = "";
  let unit = "";
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 8) type = reader.varint();
    else if (tag === 18 || tag === 34 || tag === 42) {
      const end = reader.length() + reader.pos;
      const start = reader.pos;
      reader.pos = end;
      if (tag === 34) help = helpText(reader.bytes, start, end);
      else if (tag === 42) unit = unitText(reader.bytes, start, end);
      else if (end - start <= request.limits.labelValueBytesMax)
        family = helpText(reader.bytes, start, end);
    } else reader.skip(tag);
  }
  reader.leave(outer);
  if (family !== "") request.describe({ family, type: metricTypeOf(type), unit, help }, at);
}
