/** Reads `jaeger.api_v2.PostSpansRequest` and what is in it: https://github.com/jaegertracing/jaeger-idl, proto/api_v2. */
import { type Limits, ValueKind } from "@triptych/model";
import type { StepMeter } from "../otlp/steps.ts";
import { doubleText } from "../otlp/value-text.ts";
import type { ProtobufReader } from "../protobuf-reader.ts";
import {
  booleanTag,
  type DraftWriter,
  EVENTS_PER_SPAN_MAX,
  intTag,
  SPAN_STEPS,
  type Tags,
  type TagValue,
  tagsPerDraftMax,
  textOf,
  textTag,
} from "../zipkin/span-draft.ts";
import {
  emptyJaegerSpan,
  type JaegerSpan,
  REFERENCES_PER_SPAN_MAX,
  useProcess,
  writeJaegerSpan,
} from "./span.ts";
import { bytesTag } from "./thrift.ts";

export interface JaegerProtobuf {
  readonly reader: ProtobufReader;
  readonly writer: DraftWriter;
  readonly limits: Limits;
  readonly meter: StepMeter;
}

const CHILD_OF = 0;
const NO_VALUE = 0;
const valueTypes = { text: 0, bool: 1, int: 2, double: 3, bytes: 4 } as const;
const NS_PER_SECOND = 1_000_000_000n;

/** Writes the request's spans; yields between and inside of them. */
export function* readPostSpans(request: JaegerProtobuf): Generator<void, void> {
  const { reader, meter } = request;
  while (reader.pos < reader.end) {
    reader.reading = "the request";
    const tag = reader.tag();
    if (tag === 10) yield* readBatch(request);
    else reader.skip(tag);
    if (meter.due(reader.pos)) yield;
  }
}

/** The spans come before their process, so the message is walked twice. */
function* readBatch(request: JaegerProtobuf): Generator<void, void> {
  const { reader, writer, meter } = request;
  const outer = reader.enter();
  const start = reader.pos;
  reader.reading = "a batch";
  let processAt = -1;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 18) processAt = reader.pos;
    reader.skip(tag);
    if (meter.due(reader.pos)) yield;
  }
  yield* useProcessAt(request, processAt);
  const { entities } = writer.spans;
  const batchResource = entities.resource;
  reader.pos = start;
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) {
      entities.resource = batchResource;
      yield* readSpan(request);
      if (meter.due(reader.pos, SPAN_STEPS)) yield;
    } else reader.skip(tag);
    if (meter.due(reader.pos)) yield;
  }
  reader.leave(outer);
}

/** Makes the process at `at` the resource in use, none when `at` is -1, and leaves the reader behind it. */
function* useProcessAt(request: JaegerProtobuf, at: number): Generator<void, void> {
  const { reader, writer, limits, meter } = request;
  const tags: Tags = new Map();
  let serviceName = "";
  if (at >= 0) {
    reader.pos = at;
    reader.reading = "a process";
    const outer = reader.enter();
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 10) serviceName = takeText(request);
      else if (tag === 18 && tags.size < tagsPerDraftMax(limits)) readTag(request, tags);
      else reader.skip(tag);
      if (meter.due(reader.pos)) yield;
    }
    reader.leave(outer);
  }
  useProcess(writer, { serviceName, tags });
}

function* readSpan(request: JaegerProtobuf): Generator<void, void> {
  const { reader, writer, meter, limits } = request;
  const at = reader.pos;
  const span = emptyJaegerSpan();
  reader.reading = "a span";
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 66 && span.tags.size >= tagsPerDraftMax(limits)) {
      reader.skip(tag);
      span.droppedTags++;
    } else if (tag === 66) readTag(request, span.tags);
    else if (tag === 74) yield* readLog(request, span);
    else if (tag === 82) yield* useProcessAt(request, reader.pos);
    else readField(request, span, tag);
    if (meter.due(reader.pos)) yield;
  }
  reader.leave(outer);
  if (span.spanId === 0n) reader.fail("a span's span_id is missing or zero", at);
  if (span.traceHigh === 0n && span.traceLow === 0n)
    reader.fail("a span's trace_id is missing or zero", at);
  writeJaegerSpan(writer, span, at);
}

function readField(request: JaegerProtobuf, span: JaegerSpan, tag: number): void {
  const { reader } = request;
  switch (tag) {
    case 10: {
      const { high, low } = takeId(reader, 16);
      span.traceHigh = high;
      span.traceLow = low;
      break;
    }
    case 18:
      span.spanId = takeId(reader, 8).low;
      break;
    case 26:
      span.name = takeText(request);
      break;
    case 34:
      readReference(reader, span);
      break;
    case 40:
      span.flags = reader.varint();
      break;
    case 50:
      span.startNs = takeTime(reader);
      break;
    case 58:
      span.durationNs = takeTime(reader);
      break;
    default:
      reader.skip(tag);
  }
}

/** An id of `want` bytes, highest first; a trace id may have 8. */
function takeId(reader: ProtobufReader, want: 8 | 16): { high: bigint; low: bigint } {
  const at = reader.pos;
  const size = reader.length();
  if (size !== want && size !== 8 && size !== 0)
    reader.fail(`an id of ${size} bytes instead of ${want}`, at);
  const { pos, view } = reader;
  reader.pos = pos + size;
  return {
    high: size === 16 ? view.getBigUint64(pos) : 0n,
    low: size === 0 ? 0n : view.getBigUint64(pos + size - 8),
  };
}

function takeText({ reader, limits }: JaegerProtobuf): string {
  const size = reader.length();
  const start = reader.pos;
  reader.pos = start + size;
  return textOf(reader.bytes, { start, end: start + size }, limits.attributeValueBytesMax);
}

/** A `Timestamp` or a `Duration` in nanoseconds. */
function takeTime(reader: ProtobufReader): bigint {
  let seconds = 0n;
  let nanos = 0n;
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 8 || tag === 16) {
      reader.varint();
      const value = takenInt64(reader);
      if (tag === 8) seconds = value;
      else nanos = value;
    } else reader.skip(tag);
  }
  reader.leave(outer);
  return seconds * NS_PER_SECOND + nanos;
}

function takenInt64({ low, high }: ProtobufReader): bigint {
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
}

function readReference(reader: ProtobufReader, span: JaegerSpan): void {
  let trace = { high: 0n, low: 0n };
  let spanId = 0n;
  let isChild = true;
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) trace = takeId(reader, 16);
    else if (tag === 18) spanId = takeId(reader, 8).low;
    else if (tag === 24) isChild = reader.varint() === CHILD_OF;
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (span.references.length < REFERENCES_PER_SPAN_MAX)
    span.references.push({ traceHigh: trace.high, traceLow: trace.low, spanId, isChild });
}

function* readLog(request: JaegerProtobuf, span: JaegerSpan): Generator<void, void> {
  const { reader, limits, meter } = request;
  const fields: Tags = new Map();
  let timeNs = 0n;
  let dropped = 0;
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) timeNs = takeTime(reader);
    else if (tag === 18 && fields.size < tagsPerDraftMax(limits)) readTag(request, fields);
    else {
      if (tag === 18) dropped++;
      reader.skip(tag);
    }
    if (meter.due(reader.pos)) yield;
  }
  reader.leave(outer);
  if (span.logs.length < EVENTS_PER_SPAN_MAX) span.logs.push({ timeNs, fields, dropped });
  else span.droppedLogs++;
}

function readTag(request: JaegerProtobuf, tags: Tags): void {
  const { reader, limits } = request;
  let key = "";
  let type = NO_VALUE;
  const values: (TagValue | undefined)[] = [];
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) key = takeText(request);
    else if (tag === 16) type = reader.varint();
    else if (tag === 26) values[valueTypes.text] = textTag(takeText(request));
    else if (tag === 32) values[valueTypes.bool] = booleanTag(reader.varint() !== 0);
    else if (tag === 40) {
      reader.varint();
      values[valueTypes.int] = intTag(takenInt64(reader));
    } else if (tag === 49)
      values[valueTypes.double] = { kind: ValueKind.double, text: doubleText(reader.double()) };
    else if (tag === 58) {
      const size = reader.length();
      const range = { start: reader.pos, end: reader.pos + size };
      reader.pos = range.end;
      values[valueTypes.bytes] = bytesTag(reader.bytes, range, limits);
    } else reader.skip(tag);
  }
  reader.leave(outer);
  tags.set(key, values[type] ?? zeroOf(type));
}

/** Protobuf leaves zeros out. */
function zeroOf(type: number): TagValue {
  switch (type) {
    case valueTypes.bool:
      return booleanTag(false);
    case valueTypes.int:
      return intTag(0);
    case valueTypes.double:
      return { kind: ValueKind.double, text: "0" };
    case valueTypes.bytes:
      return { kind: ValueKind.bytes, text: "" };
    default:
      return textTag("");
  }
}
