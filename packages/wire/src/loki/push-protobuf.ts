/** Reads Loki's `PushRequest` from protobuf. */
import { FIELDS_PER_ITEM_MAX, StepMeter } from "../otlp/steps.ts";
import { ProtobufReader } from "../protobuf-reader.ts";
import { type PushTarget, refused } from "./push-writer.ts";
import { parseStreamLabels } from "./stream-labels.ts";

const bytesField = (number: number): number => number * 8 + 2;
const decoder = new TextDecoder();

function text(reader: ProtobufReader): string {
  const size = reader.length();
  const start = reader.pos;
  reader.pos += size;
  return decoder.decode(reader.bytes.subarray(start, start + size));
}

export function* readPushProtobuf(body: Uint8Array, writer: PushTarget): Generator<void> {
  const reader = new ProtobufReader(body);
  reader.reading = "a push request";
  const meter = new StepMeter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (meter.due(reader.pos, 0)) yield;
    if (tag !== bytesField(1)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    yield* readStream(reader, writer, meter);
    reader.leave(outer);
  }
}

/** Entries stand behind their labels in what is sent; where they do not, the labels are looked for first. */
function* readStream(
  reader: ProtobufReader,
  writer: PushTarget,
  meter: StepMeter,
): Generator<void> {
  const start = reader.pos;
  let labels: string | undefined;
  while (reader.pos < reader.end && labels === undefined) {
    const tag = reader.tag();
    if (tag === bytesField(1)) labels = text(reader);
    else reader.skip(tag);
    if (meter.due(reader.pos, 0)) yield;
  }
  writer.stream(parseStreamLabels(labels ?? "{}"));
  reader.pos = start;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag !== bytesField(2)) reader.skip(tag);
    else {
      const outer = reader.enter();
      reader.boundFields(FIELDS_PER_ITEM_MAX);
      readEntry(reader, writer);
      reader.boundFields();
      reader.leave(outer);
    }
    if (meter.due(reader.pos)) yield;
  }
}

interface Entry {
  timeNs: bigint;
  lineStart: number;
  lineEnd: number;
  readonly metadata: [string, string][];
}

function readEntry(reader: ProtobufReader, writer: PushTarget): void {
  const entry: Entry = { timeNs: 0n, lineStart: 0, lineEnd: 0, metadata: [] };
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === bytesField(1)) entry.timeNs = readTime(reader);
    else if (tag === bytesField(2)) {
      const size = reader.length();
      entry.lineStart = reader.pos;
      reader.pos += size;
      entry.lineEnd = reader.pos;
    } else if (tag === bytesField(3)) {
      if (entry.metadata.length <= writer.limits.attributesPerItemMax)
        entry.metadata.push(readPair(reader));
      else reader.skip(tag);
    } else reader.skip(tag);
  }
  writer.begin(entry.timeNs);
  for (const [name, value] of entry.metadata) writer.meta(name, value);
  writer.line(reader.bytes, entry.lineStart, entry.lineEnd);
  writer.end();
}

function readPair(reader: ProtobufReader): [string, string] {
  const outer = reader.enter();
  const pair: [string, string] = ["", ""];
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === bytesField(1)) pair[0] = text(reader);
    else if (tag === bytesField(2)) pair[1] = text(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return pair;
}

function readTime(reader: ProtobufReader): bigint {
  const outer = reader.enter();
  let seconds = 0n;
  let nanos = 0n;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 8 || tag === 16) {
      reader.varint();
      const value = BigInt.asIntN(64, (BigInt(reader.high) << 32n) | BigInt(reader.low));
      if (tag === 8) seconds = value;
      else nanos = value;
    } else reader.skip(tag);
  }
  reader.leave(outer);
  const ns = seconds * 1_000_000_000n + nanos;
  if (ns < 0n || ns >= 2n ** 63n)
    throw refused("an entry's timestamp is before 1970 or after 2262");
  return ns;
}
