/** Reads Zipkin's JSON of version 2: https://zipkin.io/zipkin-api/zipkin2-api.yaml, `ListOfSpans`. */
import { JsonNames } from "../json-names.ts";
import {
  requireIds,
  skipInSteps,
  takeEndpoint,
  takeId,
  takeMicroseconds,
  takeTagText,
  takeText,
  takeTraceId,
  type ZipkinJson,
} from "./json-parts.ts";
import { emptyZipkinSpan, writeZipkinSpan, type ZipkinSpan } from "./span.ts";
import { EVENTS_PER_SPAN_MAX, SPAN_STEPS, tagsPerDraftMax, textOf, textTag } from "./span-draft.ts";

const spanNames = new JsonNames(
  [
    "traceId",
    "id",
    "parentId",
    "name",
    "kind",
    "timestamp",
    "duration",
    "localEndpoint",
    "remoteEndpoint",
    "annotations",
    "tags",
    "debug",
    "shared",
  ],
  true,
);
const annotationNames = new JsonNames(["timestamp", "value"]);
const anyNames = new JsonNames([], true);

/** Writes the list's spans; yields between and inside of them. Throws `wire_malformed` and `wire_too_many_items`. */
export function* readZipkinV2(json: ZipkinJson): Generator<void, void> {
  const { reader, meter } = json;
  reader.reading = "the list of spans";
  for (let more = reader.firstElement(); more; more = reader.nextElement()) {
    reader.reading = "a span";
    yield* readSpan(json);
    if (meter.due(reader.pos, SPAN_STEPS)) yield;
  }
  reader.finish();
}

function* readSpan(json: ZipkinJson): Generator<void, void> {
  const { reader } = json;
  const span = emptyZipkinSpan();
  const at = reader.pos;
  let field = reader.firstMember(spanNames);
  while (field >= 0) {
    if (field === 9) yield* readAnnotations(json, span);
    else if (field === 10) yield* readTags(json, span);
    else if (field === spanNames.other) yield* skipInSteps(reader);
    else readMember(json, span, field);
    field = reader.nextMember(spanNames);
  }
  requireIds(reader, span);
  writeZipkinSpan(json, span, at);
}

function readMember(json: ZipkinJson, span: ZipkinSpan, field: number): void {
  const { reader } = json;
  switch (field) {
    case 0: {
      const { high, low } = takeTraceId(reader);
      span.traceHigh = high;
      span.traceLow = low;
      break;
    }
    case 1:
      span.id = takeId(reader);
      break;
    case 2:
      span.parentId = takeId(reader);
      break;
    case 3:
      span.name = takeText(json);
      break;
    case 4:
      span.kind = takeText(json);
      break;
    case 5:
      span.timestampUs = takeMicroseconds(reader);
      break;
    case 6:
      span.durationUs = takeMicroseconds(reader);
      break;
    case 7:
      span.local = takeEndpoint(json);
      break;
    case 8:
      span.remote = takeEndpoint(json);
      break;
    case 11:
      span.debug = reader.boolean();
      break;
    default:
      span.shared = reader.boolean();
  }
}

function* readAnnotations(json: ZipkinJson, span: ZipkinSpan): Generator<void, void> {
  const { reader, meter } = json;
  for (let more = reader.firstElement(); more; more = reader.nextElement()) {
    let timestampUs = 0n;
    let value = "";
    let field = reader.firstMember(annotationNames);
    while (field >= 0) {
      if (field === 0) timestampUs = takeMicroseconds(reader);
      else value = takeText(json);
      field = reader.nextMember(annotationNames);
    }
    if (span.annotations.length < EVENTS_PER_SPAN_MAX)
      span.annotations.push({ timestampUs, value });
    else span.droppedAnnotations++;
    if (meter.due(reader.pos)) yield;
  }
}

function* readTags(json: ZipkinJson, span: ZipkinSpan): Generator<void, void> {
  const { reader, limits, meter } = json;
  const max = tagsPerDraftMax(limits);
  let field = reader.firstMember(anyNames);
  while (field >= 0) {
    if (span.tags.size >= max) {
      span.droppedTags++;
      yield* skipInSteps(reader);
    } else {
      // The name must be taken first: the value's text comes into its place.
      const range = { start: reader.textStart, end: reader.textEnd };
      const key = textOf(reader.text, range, limits.attributeValueBytesMax);
      span.tags.set(key, textTag(takeTagText(json)));
    }
    if (meter.due(reader.pos)) yield;
    field = reader.nextMember(anyNames);
  }
}
