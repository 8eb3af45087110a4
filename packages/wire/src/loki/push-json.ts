/** Reads Loki's push from JSON: streams with `stream` and `values`, and the older `labels` and `entries`. */
import { JsonNames } from "../json-names.ts";
import { JsonReader } from "../json-reader.ts";
import { skipInSteps } from "../otlp/json-walk.ts";
import { StepMeter, VALUES_PER_ITEM_MAX } from "../otlp/steps.ts";
import { type PushTarget, refused } from "./push-writer.ts";
import { LABELS_READ_MAX, type LabelPair, parseStreamLabels } from "./stream-labels.ts";

/** Members that are not named here are skipped in steps. */
const rootNames = new JsonNames(["streams"], true);
const streamNames = new JsonNames(["stream", "values", "labels", "entries"], true);
const entryNames = new JsonNames(["ts", "line"]);
/** Every member is wanted. */
const anyNames = new JsonNames([], true);

const decoder = new TextDecoder();
const textOf = (reader: JsonReader): string =>
  decoder.decode(reader.text.subarray(reader.textStart, reader.textEnd));

export function* readPushJson(body: Uint8Array, writer: PushTarget): Generator<void> {
  const reader = new JsonReader(body, writer.limits.jsonDepthMax);
  reader.reading = "a push request";
  const meter = new StepMeter();
  let member = reader.firstMember(rootNames);
  while (member >= 0) {
    if (member === 0) yield* readStreams(reader, writer, meter);
    else yield* skipInSteps(reader);
    if (meter.due(reader.pos, 0)) yield;
    member = reader.nextMember(rootNames);
  }
  reader.finish();
}

function* readStreams(reader: JsonReader, writer: PushTarget, meter: StepMeter): Generator<void> {
  for (let more = reader.firstElement(); more; more = reader.nextElement()) {
    yield* readStream(reader, writer, meter);
    if (meter.due(reader.pos, 0)) yield;
  }
}

interface Place {
  readonly pos: number;
  readonly depth: number;
  readonly isOld: boolean;
}

/** Values may stand before the labels they belong to: they are read when the object has been seen. */
function* readStream(reader: JsonReader, writer: PushTarget, meter: StepMeter): Generator<void> {
  let labels: LabelPair[] = [];
  const values: Place[] = [];
  let member = reader.firstMember(streamNames);
  while (member >= 0) {
    if (member === 0) labels = readLabels(reader);
    else if (member === 2) {
      reader.string();
      labels = parseStreamLabels(textOf(reader));
    } else {
      if (member < 4) values.push({ pos: reader.pos, depth: reader.depth, isOld: member === 3 });
      if (values.length > LABELS_READ_MAX) throw refused("stream has too many lists of values");
      yield* skipInSteps(reader);
    }
    if (meter.due(reader.pos, 0)) yield;
    member = reader.nextMember(streamNames);
  }
  const after = { pos: reader.pos, depth: reader.depth };
  writer.stream(labels);
  for (const place of values) {
    reader.jump(place.pos, place.depth);
    let more = reader.firstElement();
    while (more) {
      reader.boundValues(VALUES_PER_ITEM_MAX);
      if (place.isOld) readOldEntry(reader, writer);
      else readEntry(reader, writer);
      reader.boundValues();
      if (meter.due(reader.pos)) yield;
      more = reader.nextElement();
    }
  }
  reader.jump(after.pos, after.depth);
}

/** Numbers and booleans are their text, and of a name that stands twice the last one counts, as in Loki. */
function readLabels(reader: JsonReader): LabelPair[] {
  const labels = new Map<string, string>();
  let member = reader.firstMember(anyNames);
  while (member >= 0) {
    if (labels.size === LABELS_READ_MAX)
      throw refused(`stream has more than ${LABELS_READ_MAX} labels`);
    const name = textOf(reader);
    labels.set(name, readScalar(reader));
    member = reader.nextMember(anyNames);
  }
  return [...labels];
}

const QUOTE = 0x22;
/** `{` and `[`: what they hold is no label. */
const OPENING: readonly number[] = [0x7b, 0x5b];

function readScalar(reader: JsonReader): string {
  const first = reader.peek();
  if (first === QUOTE || OPENING.includes(first)) {
    reader.string();
    return textOf(reader);
  }
  const start = reader.pos;
  reader.skip();
  return decoder.decode(reader.bytes.subarray(start, reader.pos)).trim();
}

/** An object of texts; `owner` has them as labels. */
function readObject(reader: JsonReader, owner: string): LabelPair[] {
  const pairs: LabelPair[] = [];
  let member = reader.firstMember(anyNames);
  while (member >= 0) {
    if (pairs.length === LABELS_READ_MAX)
      throw refused(`${owner} has more than ${LABELS_READ_MAX} labels`);
    const name = textOf(reader);
    reader.string();
    pairs.push([name, textOf(reader)]);
    member = reader.nextMember(anyNames);
  }
  return pairs;
}

/** `["nanoseconds", "line", { … }]`. */
function readEntry(reader: JsonReader, writer: PushTarget): void {
  if (!reader.firstElement()) throw refused("an entry must have a timestamp and a line");
  reader.uint64();
  if (reader.high > 0x7fff_ffff) throw refused("an entry's timestamp is before 1970 or after 2262");
  writer.begin((BigInt(reader.high) << 32n) | BigInt(reader.low));
  if (!reader.nextElement()) throw refused("an entry must have a timestamp and a line");
  reader.string();
  const { text, textStart, textEnd } = reader;
  // The text of a line with escapes is overwritten by the next string.
  const bytes = text === reader.bytes ? text : text.slice(textStart, textEnd);
  const [start, end] = text === reader.bytes ? [textStart, textEnd] : [0, bytes.length];
  if (reader.nextElement()) {
    for (const [name, value] of readObject(reader, "entry")) writer.meta(name, value);
    if (reader.nextElement()) throw refused("an entry has more than three parts");
  }
  writer.line(bytes, start, end);
  writer.end();
}

function readOldEntry(reader: JsonReader, writer: PushTarget): void {
  let timeNs = 0n;
  let line = new Uint8Array(0);
  let member = reader.firstMember(entryNames);
  while (member >= 0) {
    reader.string();
    if (member === 0) timeNs = parseTime(textOf(reader));
    else line = reader.text.slice(reader.textStart, reader.textEnd);
    member = reader.nextMember(entryNames);
  }
  writer.begin(timeNs);
  writer.line(line, 0, line.length);
  writer.end();
}

const TIME = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/;

function parseTime(text: string): bigint {
  const [, whole = "", fraction = "", zone = ""] = TIME.exec(text) ?? [];
  const ms = Date.parse(whole + zone);
  if (Number.isNaN(ms) || ms < 0)
    throw refused(`an entry's timestamp cannot be read: ${JSON.stringify(text.slice(0, 50))}`);
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
