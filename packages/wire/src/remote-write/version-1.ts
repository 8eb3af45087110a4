/** Reads `prometheus.WriteRequest`, the message of remote write 1.0: every series carries its labels as text. */
import { Temporality } from "@triptych/model";
import { FIELDS_PER_ITEM_MAX, StepMeter } from "../otlp/steps.ts";
import type { ProtobufReader } from "../protobuf-reader.ts";
import { KEY_BYTES_MAX, KEY_BYTES_MIN, type KeyIndex } from "./key-index.ts";
import { helpText, metricTypeOf, readInt64, unitText, type WriteRequest } from "./write-request.ts";

/** Labels whose place in the series before is remembered: all there may be. */
const REMEMBERED_MAX = 64;
/** Fields of a series read before others may run: it may have a million samples. */
const ITEMS_PER_STEP = 2_000;
/** The fields of each message, a bit for each: one of them in another type is an error, as in every decoder. */
const REQUEST_FIELDS = 0b1010;
const SERIES_FIELDS = 0b1_1110;
const LABEL_FIELDS = 0b110;
const EXEMPLAR_FIELDS = 0b1110;
const METADATA_FIELDS = 0b11_0110;

export function* readVersion1(reader: ProtobufReader, request: WriteRequest): Generator<void> {
  const meter = new StepMeter();
  const series = new SeriesReader(reader, request);
  while (reader.pos < reader.end) {
    reader.reading = "the request";
    const tag = reader.tag();
    if (tag === 10) {
      series.begin();
      while (!series.step()) yield;
      reader.boundFields();
    } else if (tag === 26) readMetadata(reader, request);
    else reader.skipUnknown(tag, REQUEST_FIELDS);
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
    if (!this.parseShort(place, start, size)) this.parse(place, start, size);
  }

  private isSame(place: number, start: number, size: number): boolean {
    if (this.sizes[place] !== size) return false;
    const { bytes } = this.reader;
    const before = this.starts[place] as number;
    // From the end, where values are, and values differ more than names.
    for (let i = size - 1; i >= 0; i--) if (bytes[before + i] !== bytes[start + i]) return false;
    return true;
  }

  /** Whether the first `count` bytes, with the name, are those of the label at this place of the series before. */
  private hasSameName(place: number, start: number, count: number): boolean {
    if (place >= this.known) return false;
    const { bytes } = this.reader;
    const before = this.starts[place] as number;
    if (count > (this.sizes[place] as number)) return false;
    for (let i = 0; i < count; i++) if (bytes[before + i] !== bytes[start + i]) return false;
    return true;
  }

  /** The usual form: a short name, then a short value, and nothing else. False when it is another. */
  private parseShort(place: number, start: number, size: number): boolean {
    const { reader, request } = this;
    const { bytes } = reader;
    if (size < 4 || bytes[start] !== 10) return false;
    const nameSize = bytes[start + 1] as number;
    const nameEnd = start + 2 + nameSize;
    const end = start + size;
    if (nameSize >= 0x80 || nameEnd + 2 > end || bytes[nameEnd] !== 18) return false;
    const valueSize = bytes[nameEnd + 1] as number;
    if (valueSize >= 0x80 || nameEnd + 2 + valueSize !== end) return false;
    const { names, values } = request.batch.series;
    const name = this.hasSameName(place, start, nameSize + 2)
      ? (this.names[place] as number)
      : names.intern(bytes, start + 2, nameEnd);
    const value = values.intern(bytes, nameEnd + 2, end);
    reader.pos = end;
    this.remember({ place, start, size, name, value });
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
      } else reader.skipUnknown(tag, LABEL_FIELDS);
    }
    reader.end = outer;
    const name = names.intern(reader.bytes, nameStart, nameEnd);
    const value = values.intern(reader.bytes, valueStart, valueEnd);
    this.remember({ place, start, size, name, value });
  }

  /** Adds the label to the series, and keeps it for the next one. */
  private remember(label: {
    readonly place: number;
    readonly start: number;
    readonly size: number;
    readonly name: number;
    readonly value: number;
  }): void {
    const { place, name, value } = label;
    if (place < REMEMBERED_MAX) {
      this.starts[place] = label.start;
      this.sizes[place] = label.size;
      this.names[place] = name;
      this.values[place] = value;
      if (place === this.known) this.known++;
    }
    this.request.labels.add(name, value);
  }
}

/** Reads TimeSeries messages. One object for all of a request: a generator for each would cost more than the reading. */
class SeriesReader {
  private readonly reader: ProtobufReader;
  private readonly request: WriteRequest;
  private readonly labels: LabelReader;
  private outer = 0;
  private series = -1;
  private isOpen = true;
  private refused = 0;
  private readonly known: KeyIndex;
  /** The known series before this one, -1 when it was none. */
  private previous = -1;
  /** Where the labels of the open series are when they are to be known from now on; no bytes when they are not. */
  private labelsAt = 0;
  private labelsSize = 0;

  constructor(reader: ProtobufReader, request: WriteRequest) {
    this.reader = reader;
    this.request = request;
    this.labels = new LabelReader(reader, request);
    this.known = request.known.byLabels;
  }

  begin(): void {
    const { reader, request } = this;
    reader.reading = "a time series";
    const at = reader.pos;
    request.seeSeries(at);
    this.outer = reader.enter();
    request.labels.begin(at);
    this.labels.begin();
    this.series = -1;
    this.isOpen = true;
    this.refused = 0;
    const entry = this.find();
    if (entry < 0) return;
    this.isOpen = false;
    this.cameNext(entry);
    this.series = this.known.row(entry);
    request.labels.known(this.series);
  }

  /** The known series whose labels come next; they are read then. -1, with nothing read, when it is not known. */
  private find(): number {
    const { reader, known } = this;
    const { pos, view } = reader;
    this.labelsSize = 0;
    const guess = known.after(this.previous);
    if (guess >= 0) {
      const end = pos + known.size(guess);
      if (end <= reader.end && known.isAt(guess, view, pos) && endsLabels(reader, end)) {
        reader.pos = end;
        return guess;
      }
    }
    const end = endOfLabels(reader);
    const size = end - pos;
    if (size < KEY_BYTES_MIN || size > KEY_BYTES_MAX || !endsLabels(reader, end)) return -1;
    const entry = known.find(view, pos, size);
    if (entry >= 0) reader.pos = end;
    else {
      this.labelsAt = pos;
      this.labelsSize = size;
    }
    return entry;
  }

  private closeLabels(): void {
    const { reader, request, labelsAt, labelsSize } = this;
    this.isOpen = false;
    this.series = request.labels.end(Temporality.gauge);
    if (this.series < 0 || labelsSize === 0) return;
    this.cameNext(this.known.add(reader.view, labelsAt, labelsSize, this.series));
  }

  private cameNext(entry: number): void {
    if (entry < 0) return;
    this.known.follow(this.previous, entry);
    this.previous = entry;
  }

  /** Reads on, and ends the series when it is read; false when others should run first. */
  step(): boolean {
    const { reader, request } = this;
    reader.boundFields(FIELDS_PER_ITEM_MAX);
    const { end } = reader;
    for (let items = 0; reader.pos < end; items++) {
      if (items === ITEMS_PER_STEP) return false;
      const tag = reader.tag();
      if (tag === 10) {
        // Every encoder writes fields in order, and without the labels the samples have nowhere to go.
        if (!this.isOpen) reader.fail("a label after the samples of its series", reader.pos - 1);
        this.labels.read();
        continue;
      }
      if (this.isOpen) this.closeLabels();
      if (tag === 18) request.readSample(reader, this.series);
      else if (tag === 34) request.readHistogram(reader, this.series);
      else if (tag === 26) readExemplar(reader, request, this.series);
      else reader.skipUnknown(tag, SERIES_FIELDS);
      if (this.series < 0 && (tag === 18 || tag === 34)) this.refused++;
    }
    this.finish();
    return true;
  }

  private finish(): void {
    const { reader, request, refused } = this;
    reader.leave(this.outer);
    const { problem } = request.labels;
    if (refused > 0 && problem !== undefined) request.reject(problem.reason, refused, problem.text);
  }
}

/** Where the Label messages at the reader's place end; looks no further than a key may go. */
function endOfLabels({ bytes, pos, end }: ProtobufReader): number {
  let at = pos;
  const stop = Math.min(end, pos + KEY_BYTES_MAX + 1);
  while (at + 1 < stop && bytes[at] === 10) {
    const first = bytes[at + 1] as number;
    if (first < 0x80) {
      at += 2 + first;
      continue;
    }
    const second = bytes[at + 2] as number;
    // Labels of more than 16 KiB are too large for a key.
    if (second >= 0x80) break;
    at += 3 + (first & 0x7f) + second * 0x80;
  }
  return Math.min(at, end);
}

/** Whether no label follows at `at`: a tag can also be written longer than it must be. */
function endsLabels({ bytes, end }: ProtobufReader, at: number): boolean {
  return at >= end || ((bytes[at] as number) & 0x7f) !== 10;
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
    else reader.skipUnknown(tag, EXEMPLAR_FIELDS);
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
      reader.skipUnknown(tag, LABEL_FIELDS);
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
    } else reader.skipUnknown(tag, METADATA_FIELDS);
  }
  reader.leave(outer);
  if (family !== "") request.describe({ family, type: metricTypeOf(type), unit, help }, at);
}
