/** Reads Loki's push from JSON: streams with `stream` and `values`, and the older `labels` and `entries`. */
import { JsonNames } from "../json-names.ts";
import { JsonReader } from "../json-reader.ts";
import { StepMeter } from "../otlp/steps.ts";
import { type PushTarget, refused } from "./push-writer.ts";
import { type LabelPair, parseStreamLabels } from "./stream-labels.ts";

const rootNames = new JsonNames(["streams"]);
const streamNames = new JsonNames(["stream", "values", "labels", "entries"]);
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
    let more = reader.firstElement();
    while (more) {
      yield* readStream(reader, writer, meter);
      more = reader.nextElement();
    }
    member = reader.nextMember(rootNames);
  }
  reader.finish();
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
    if (member === 0) labels = readObject(reader);
    else if (member === 2) {
      reader.string();
      labels = parseStreamLabels(textOf(reader));
    } else {
      values.push({ pos: reader.pos, depth: reader.depth, isOld: member === 3 });
      reader.beginSkip();
      while (!reader.skipSome(256 * 1024)) yield;
    }
    member = reader.nextMember(streamNames);
  }
  const after = { pos: reader.pos, depth: reader.depth };
  writer.stream(labels);
  for (const place of values) {
    reader.jump(place.pos, place.depth);
    let more = reader.firstElement();
    while (more) {
      if (place.isOld) readOldEntry(reader, writer);
      else readEntry(reader, writer);
      if (meter.due(reader.pos)) yield;
      more = reader.nextElement();
    }
  }
  reader.jump(after.pos, after.depth);
}

/** An object of texts. */
function readObject(reader: JsonReader): LabelPair[] {
  const pairs: LabelPair[] = [];
  let member = reader.firstMember(anyNames);
  while (member >= 0) {
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
    for (const [name, value] of readObject(reader)) writer.meta(name, value);
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
