/** Reads `jaeger.thrift` (Batch, Span, Tag …) in either encoding: https://github.com/jaegertracing/jaeger-idl. */
import { type Limits, ValueKind } from "@triptych/model";
import type { StepMeter } from "../otlp/steps.ts";
import { doubleText, TextScratch } from "../otlp/value-text.ts";
import { type ThriftReader, ThriftType } from "../thrift/reader.ts";
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

export interface JaegerThrift {
  readonly reader: ThriftReader;
  readonly writer: DraftWriter;
  readonly limits: Limits;
  readonly meter: StepMeter;
}

const { struct, list, text, i32, i64, bool, double } = ThriftType;
const tagTypes = { text: 0, double: 1, bool: 2, long: 3, binary: 4 } as const;
const CHILD_OF = 0;

/** Writes the spans of a `Batch`; yields between and inside of them. */
export function* readThriftBatch(thrift: JaegerThrift): Generator<void, void> {
  const { reader } = thrift;
  let hasProcess = false;
  reader.reading = "a batch";
  reader.enterStruct();
  while (reader.field()) {
    const { fieldId, fieldType } = reader;
    if (fieldId === 1) {
      reader.expect(struct, fieldType);
      yield* readProcess(thrift);
      hasProcess = true;
    } else if (fieldId === 2) {
      reader.expect(list, fieldType);
      if (!hasProcess) reader.fail("spans before their process", reader.pos);
      yield* readSpans(thrift);
    } else reader.skip(fieldType);
  }
}

function* readProcess(thrift: JaegerThrift): Generator<void, void> {
  const { reader, writer } = thrift;
  const tags: Tags = new Map();
  let serviceName = "";
  reader.reading = "a process";
  reader.enterStruct();
  while (reader.field()) {
    const { fieldId, fieldType } = reader;
    if (fieldId === 1) {
      reader.expect(text, fieldType);
      serviceName = takeText(thrift);
    } else if (fieldId === 2) {
      reader.expect(list, fieldType);
      yield* readTags(thrift, tags);
    } else reader.skip(fieldType);
  }
  useProcess(writer, { serviceName, tags });
}

function* readSpans(thrift: JaegerThrift): Generator<void, void> {
  const { reader, writer, meter } = thrift;
  const size = reader.list();
  if (size > 0) reader.expect(struct, reader.elementType);
  for (let i = 0; i < size; i++) {
    reader.reading = "a span";
    const at = reader.pos;
    const span = emptyJaegerSpan();
    yield* readSpan(thrift, span);
    writeJaegerSpan(writer, span, at);
    if (meter.due(reader.pos, SPAN_STEPS)) yield;
  }
}

function* readSpan(thrift: JaegerThrift, span: JaegerSpan): Generator<void, void> {
  const { reader } = thrift;
  const at = reader.pos;
  reader.enterStruct();
  while (reader.field()) {
    const { fieldId, fieldType } = reader;
    if (fieldId === 10) {
      reader.expect(list, fieldType);
      span.droppedTags += yield* readTags(thrift, span.tags);
    } else if (fieldId === 6) {
      reader.expect(list, fieldType);
      yield* readReferences(thrift, span);
    } else if (fieldId === 11) {
      reader.expect(list, fieldType);
      yield* readLogs(thrift, span);
    } else readField(thrift, span);
  }
  if (span.spanId === 0n) reader.fail("a span's spanId is missing or zero", at);
  if (span.traceHigh === 0n && span.traceLow === 0n)
    reader.fail("a span's trace id is missing or zero", at);
}

function readField(thrift: JaegerThrift, span: JaegerSpan): void {
  const { reader } = thrift;
  switch (reader.fieldId) {
    case 1:
      span.traceLow = takeId(reader);
      break;
    case 2:
      span.traceHigh = takeId(reader);
      break;
    case 3:
      span.spanId = takeId(reader);
      break;
    case 4:
      span.parentId = takeId(reader);
      break;
    case 5:
      reader.expect(text, reader.fieldType);
      span.name = takeText(thrift);
      break;
    case 7:
      reader.expect(i32, reader.fieldType);
      span.flags = reader.i32();
      break;
    case 8:
      span.startNs = takeLong(reader) * 1000n;
      break;
    case 9:
      span.durationNs = takeLong(reader) * 1000n;
      break;
    default:
      reader.skip(reader.fieldType);
  }
}

function takeLong(reader: ThriftReader): bigint {
  reader.expect(i64, reader.fieldType);
  return reader.i64();
}

/** Ids are sent as signed numbers and mean unsigned ones. */
function takeId(reader: ThriftReader): bigint {
  return BigInt.asUintN(64, takeLong(reader));
}

function takeText({ reader, limits }: JaegerThrift): string {
  reader.text();
  const range = { start: reader.textStart, end: reader.textEnd };
  return textOf(reader.bytes, range, limits.attributeValueBytesMax);
}

function* readReferences({ reader, meter }: JaegerThrift, span: JaegerSpan): Generator<void, void> {
  const size = reader.list();
  if (size > 0) reader.expect(struct, reader.elementType);
  for (let i = 0; i < size; i++) {
    let traceHigh = 0n;
    let traceLow = 0n;
    let spanId = 0n;
    let isChild = true;
    reader.enterStruct();
    while (reader.field()) {
      switch (reader.fieldId) {
        case 1:
          reader.expect(i32, reader.fieldType);
          isChild = reader.i32() === CHILD_OF;
          break;
        case 2:
          traceLow = takeId(reader);
          break;
        case 3:
          traceHigh = takeId(reader);
          break;
        case 4:
          spanId = takeId(reader);
          break;
        default:
          reader.skip(reader.fieldType);
      }
    }
    if (span.references.length < REFERENCES_PER_SPAN_MAX)
      span.references.push({ traceHigh, traceLow, spanId, isChild });
    if (meter.due(reader.pos)) yield;
  }
}

function* readLogs(thrift: JaegerThrift, span: JaegerSpan): Generator<void, void> {
  const { reader, meter } = thrift;
  const size = reader.list();
  if (size > 0) reader.expect(struct, reader.elementType);
  for (let i = 0; i < size; i++) {
    let timeNs = 0n;
    let dropped = 0;
    const fields: Tags = new Map();
    reader.enterStruct();
    while (reader.field()) {
      if (reader.fieldId === 1) timeNs = takeLong(reader) * 1000n;
      else if (reader.fieldId === 2) {
        reader.expect(list, reader.fieldType);
        dropped = yield* readTags(thrift, fields);
      } else reader.skip(reader.fieldType);
    }
    if (span.logs.length < EVENTS_PER_SPAN_MAX) span.logs.push({ timeNs, fields, dropped });
    else span.droppedLogs++;
    if (meter.due(reader.pos)) yield;
  }
}

/** Adds a list of tags to `tags`; returns how many were beyond the limit. */
function* readTags(thrift: JaegerThrift, tags: Tags): Generator<void, number> {
  const { reader, limits, meter } = thrift;
  const max = tagsPerDraftMax(limits);
  const size = reader.list();
  if (size > 0) reader.expect(struct, reader.elementType);
  let dropped = 0;
  for (let i = 0; i < size; i++) {
    if (tags.size >= max) {
      reader.skip(struct);
      dropped++;
    } else readTag(thrift, tags);
    if (meter.due(reader.pos)) yield;
  }
  return dropped;
}

function readTag(thrift: JaegerThrift, tags: Tags): void {
  const { reader } = thrift;
  let key = "";
  let type = 0;
  const values: (TagValue | undefined)[] = [];
  reader.enterStruct();
  while (reader.field()) {
    const { fieldId, fieldType } = reader;
    if (fieldId === 1 && fieldType === text) key = takeText(thrift);
    else if (fieldId === 2 && fieldType === i32) type = reader.i32();
    else if (fieldId === 3 && fieldType === text) values[tagTypes.text] = textTag(takeText(thrift));
    else if (fieldId === 4 && fieldType === double)
      values[tagTypes.double] = { kind: ValueKind.double, text: doubleText(reader.double()) };
    else if (fieldId === 5 && fieldType === bool) values[tagTypes.bool] = booleanTag(reader.bool());
    else if (fieldId === 6 && fieldType === i64) values[tagTypes.long] = intTag(reader.i64());
    else if (fieldId === 7 && fieldType === text) {
      reader.text();
      const range = { start: reader.textStart, end: reader.textEnd };
      values[tagTypes.binary] = bytesTag(reader.bytes, range, thrift.limits);
    } else reader.skip(fieldType);
  }
  tags.set(key, values[type] ?? emptyOf(type));
}

/** A tag whose value was left out has the type's zero, as the generated code of Jaeger's own readers gives it. */
export function emptyOf(type: number): TagValue {
  switch (type) {
    case tagTypes.double:
      return { kind: ValueKind.double, text: "0" };
    case tagTypes.bool:
      return booleanTag(false);
    case tagTypes.long:
      return intTag(0);
    case tagTypes.binary:
      return { kind: ValueKind.bytes, text: "" };
    default:
      return textTag("");
  }
}

/** Bytes as base64, cut so that the text keeps to the limit. */
export function bytesTag(
  bytes: Uint8Array,
  { start, end }: { start: number; end: number },
  { attributeValueBytesMax }: Limits,
): TagValue {
  const scratch = new TextScratch();
  scratch.begin(attributeValueBytesMax);
  const whole = Math.floor(attributeValueBytesMax / 4) * 3;
  scratch.base64(bytes, start, Math.min(end, start + whole));
  return {
    kind: ValueKind.bytes,
    text: textOf(scratch.bytes, { start: 0, end: scratch.length }, attributeValueBytesMax),
  };
}
