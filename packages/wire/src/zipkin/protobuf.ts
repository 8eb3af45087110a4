/** Reads Zipkin's protobuf, `zipkin.proto3.ListOfSpans`: https://github.com/openzipkin/zipkin-api, zipkin.proto. */
import type { Limits } from "@triptych/model";
import { FIELDS_PER_ITEM_MAX, type StepMeter } from "../otlp/steps.ts";
import type { ProtobufReader } from "../protobuf-reader.ts";
import { ipv4Text, ipv6Text } from "./ip-text.ts";
import {
  emptyZipkinSpan,
  writeZipkinSpan,
  type ZipkinEndpoint,
  type ZipkinSpan,
  type ZipkinTarget,
} from "./span.ts";
import { EVENTS_PER_SPAN_MAX, SPAN_STEPS, tagsPerDraftMax, textOf, textTag } from "./span-draft.ts";

export interface ZipkinProtobuf extends ZipkinTarget {
  readonly reader: ProtobufReader;
  readonly limits: Limits;
  readonly meter: StepMeter;
}

const kinds = ["", "CLIENT", "SERVER", "PRODUCER", "CONSUMER"];
const PORT_MAX = 65_535;

/** Writes the list's spans; yields between and inside of them. Throws `wire_malformed` and `wire_too_many_items`. */
export function* readZipkinProtobuf(message: ZipkinProtobuf): Generator<void, void> {
  const { reader, meter } = message;
  while (reader.pos < reader.end) {
    reader.reading = "the list of spans";
    const tag = reader.tag();
    if (tag === 10) yield* readSpan(message);
    else reader.skip(tag);
    if (meter.due(reader.pos, tag === 10 ? SPAN_STEPS : 1)) yield;
  }
}

function* readSpan(message: ZipkinProtobuf): Generator<void, void> {
  const { reader, meter } = message;
  const at = reader.pos;
  const span = emptyZipkinSpan();
  reader.reading = "a span";
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    reader.boundFields(FIELDS_PER_ITEM_MAX);
    readField(message, span, reader.tag());
    if (meter.due(reader.pos)) yield;
  }
  reader.boundFields();
  reader.leave(outer);
  if (span.id === 0n) reader.fail("a span's id is missing or zero", at);
  if (span.traceHigh === 0n && span.traceLow === 0n)
    reader.fail("a span's trace_id is missing or zero", at);
  writeZipkinSpan(message, span, at);
}

function readField(message: ZipkinProtobuf, span: ZipkinSpan, tag: number): void {
  const { reader } = message;
  switch (tag) {
    case 10:
      readTraceId(reader, span);
      break;
    case 18:
      span.parentId = readId(reader);
      break;
    case 26:
      span.id = readId(reader);
      break;
    case 32:
      span.kind = kinds[reader.varint()] ?? "";
      break;
    case 42:
      span.name = readText(message);
      break;
    case 49:
      reader.fixed64();
      span.timestampUs = words(reader);
      break;
    case 56:
      reader.varint();
      span.durationUs = words(reader);
      break;
    case 66:
      span.local = readEndpoint(message);
      break;
    case 74:
      span.remote = readEndpoint(message);
      break;
    case 82:
      readAnnotation(message, span);
      break;
    case 90:
      readTag(message, span);
      break;
    case 96:
      span.debug = reader.varint() !== 0;
      break;
    case 104:
      span.shared = reader.varint() !== 0;
      break;
    default:
      reader.skip(tag);
  }
}

function words(reader: ProtobufReader): bigint {
  return (BigInt(reader.high) << 32n) | BigInt(reader.low);
}

/** Eight bytes, highest first; none are 0. */
function readId(reader: ProtobufReader): bigint {
  const at = reader.pos;
  const size = reader.length();
  if (size !== 0 && size !== 8) reader.fail(`an id of ${size} bytes instead of 8`, at);
  const id = size === 0 ? 0n : reader.view.getBigUint64(reader.pos);
  reader.pos += size;
  return id;
}

function readTraceId(reader: ProtobufReader, span: ZipkinSpan): void {
  const at = reader.pos;
  const size = reader.length();
  if (size !== 8 && size !== 16) reader.fail(`a trace_id of ${size} bytes instead of 8 or 16`, at);
  const { pos, view } = reader;
  span.traceHigh = size === 16 ? view.getBigUint64(pos) : 0n;
  span.traceLow = view.getBigUint64(pos + size - 8);
  reader.pos = pos + size;
}

function readText({ reader, limits }: ZipkinProtobuf): string {
  const size = reader.length();
  const start = reader.pos;
  reader.pos = start + size;
  return textOf(reader.bytes, { start, end: start + size }, limits.attributeValueBytesMax);
}

function readEndpoint(message: ZipkinProtobuf): ZipkinEndpoint {
  const { reader } = message;
  let serviceName = "";
  let ipv4 = "";
  let ipv6 = "";
  let port = 0;
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) serviceName = readText(message);
    else if (tag === 18 || tag === 26) {
      const size = reader.length();
      const bytes = reader.bytes.subarray(reader.pos, reader.pos + size);
      reader.pos += size;
      if (tag === 18) ipv4 = size === 4 ? ipv4Text(bytes) : "";
      else ipv6 = size === 16 ? ipv6Text(bytes) : "";
    } else if (tag === 32) port = reader.varint();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { serviceName, ipv4, ipv6, port: port > PORT_MAX ? 0 : port };
}

function readAnnotation(message: ZipkinProtobuf, span: ZipkinSpan): void {
  const { reader } = message;
  let timestampUs = 0n;
  let value = "";
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 9) {
      reader.fixed64();
      timestampUs = words(reader);
    } else if (tag === 18) value = readText(message);
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (span.annotations.length < EVENTS_PER_SPAN_MAX) span.annotations.push({ timestampUs, value });
  else span.droppedAnnotations++;
}

function readTag(message: ZipkinProtobuf, span: ZipkinSpan): void {
  const { reader } = message;
  if (span.tags.size >= tagsPerDraftMax(message.limits)) {
    reader.skip(90);
    span.droppedTags++;
    return;
  }
  let key = "";
  let value = "";
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) key = readText(message);
    else if (tag === 18) value = readText(message);
    else reader.skip(tag);
  }
  reader.leave(outer);
  span.tags.set(key, textTag(value));
}
