/**
 * Reads Zipkin's JSON of version 1: https://zipkin.io/zipkin-api/zipkin-api.yaml. Kind, service and times stand in
 * annotations there (`cs`, `sr`, …) and tags in binary annotations; the span is turned into one of version 2, so that
 * both mean the same afterwards.
 */
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
import { emptyZipkinSpan, writeZipkinSpan, type ZipkinEndpoint, type ZipkinSpan } from "./span.ts";
import { EVENTS_PER_SPAN_MAX, SPAN_STEPS, tagsPerDraftMax, textTag } from "./span-draft.ts";

const spanNames = new JsonNames(
  [
    "traceId",
    "id",
    "parentId",
    "name",
    "timestamp",
    "duration",
    "annotations",
    "binaryAnnotations",
    "debug",
  ],
  true,
);
const annotationNames = new JsonNames(["timestamp", "value", "endpoint"]);
const binaryNames = new JsonNames(["key", "value", "endpoint"]);

/** Core annotations name the kind of the span that has them. */
const coreKinds = new Map([
  ["cs", "CLIENT"],
  ["cr", "CLIENT"],
  ["sr", "SERVER"],
  ["ss", "SERVER"],
  ["ms", "PRODUCER"],
  ["mr", "CONSUMER"],
]);
/** Binary annotations whose endpoint is the other side: "server address", "client address", "message address". */
const addresses = new Set(["sa", "ca", "ma"]);
const LOCAL_COMPONENT = "lc";

/** A span of version 1 while it is read. */
interface Reading {
  readonly span: ZipkinSpan;
  /** Of all annotations; 0 for none. */
  firstUs: bigint;
  lastUs: bigint;
  /** The endpoint of a core annotation, and that of any other: what the span's own service is taken from. */
  core: ZipkinEndpoint | undefined;
  other: ZipkinEndpoint | undefined;
  component: string;
}

/** Writes the list's spans; yields between and inside of them. Throws `wire_malformed` and `wire_too_many_items`. */
export function* readZipkinV1(json: ZipkinJson): Generator<void, void> {
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
  const reading: Reading = {
    span,
    firstUs: 0n,
    lastUs: 0n,
    core: undefined,
    other: undefined,
    component: "",
  };
  const at = reader.pos;
  let field = reader.firstMember(spanNames);
  while (field >= 0) {
    if (field === 6) yield* readAnnotations(json, reading);
    else if (field === 7) yield* readBinaryAnnotations(json, reading);
    else if (field === spanNames.other) yield* skipInSteps(reader);
    else readMember(json, span, field);
    field = reader.nextMember(spanNames);
  }
  requireIds(reader, span);
  finishSpan(reading);
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
      span.timestampUs = takeMicroseconds(reader);
      break;
    case 5:
      span.durationUs = takeMicroseconds(reader);
      break;
    default:
      span.debug = reader.boolean();
  }
}

function* readAnnotations(json: ZipkinJson, reading: Reading): Generator<void, void> {
  const { reader, meter } = json;
  for (let more = reader.firstElement(); more; more = reader.nextElement()) {
    let timestampUs = 0n;
    let value = "";
    let endpoint: ZipkinEndpoint | undefined;
    let field = reader.firstMember(annotationNames);
    while (field >= 0) {
      if (field === 0) timestampUs = takeMicroseconds(reader);
      else if (field === 1) value = takeText(json);
      else endpoint = takeEndpoint(json);
      field = reader.nextMember(annotationNames);
    }
    noteAnnotation(reading, { timestampUs, value, endpoint });
    if (meter.due(reader.pos)) yield;
  }
}

function noteAnnotation(
  reading: Reading,
  note: { timestampUs: bigint; value: string; endpoint: ZipkinEndpoint | undefined },
): void {
  const { span } = reading;
  const { timestampUs, value, endpoint } = note;
  const named = endpoint !== undefined && endpoint.serviceName !== "" ? endpoint : undefined;
  if (timestampUs > 0n) {
    if (reading.firstUs === 0n || timestampUs < reading.firstUs) reading.firstUs = timestampUs;
    if (timestampUs > reading.lastUs) reading.lastUs = timestampUs;
  }
  const kind = coreKinds.get(value);
  if (kind !== undefined) {
    // The first one decides, as in the Collector.
    if (span.kind === "") span.kind = kind;
    reading.core ??= named;
    return;
  }
  reading.other ??= named;
  if (value === "") return;
  if (span.annotations.length < EVENTS_PER_SPAN_MAX) span.annotations.push({ timestampUs, value });
  else span.droppedAnnotations++;
}

function* readBinaryAnnotations(json: ZipkinJson, reading: Reading): Generator<void, void> {
  const { reader, limits, meter } = json;
  const { span } = reading;
  const max = tagsPerDraftMax(limits);
  for (let more = reader.firstElement(); more; more = reader.nextElement()) {
    let key = "";
    let value = "";
    let endpoint: ZipkinEndpoint | undefined;
    let field = reader.firstMember(binaryNames);
    while (field >= 0) {
      if (field === 0) key = takeText(json);
      else if (field === 1) value = takeTagText(json);
      else endpoint = takeEndpoint(json);
      field = reader.nextMember(binaryNames);
    }
    if (addresses.has(key)) span.remote ??= endpoint;
    else {
      if (endpoint !== undefined && endpoint.serviceName !== "") reading.other ??= endpoint;
      if (key === LOCAL_COMPONENT) reading.component = value;
      if (span.tags.size >= max) span.droppedTags++;
      else span.tags.set(key === LOCAL_COMPONENT ? "component" : key, textTag(value));
    }
    if (meter.due(reader.pos)) yield;
  }
}

/** What was only in annotations becomes members. */
function finishSpan(reading: Reading): void {
  const { span, firstUs, lastUs, component } = reading;
  const endpoint = reading.core ?? reading.other;
  if (endpoint !== undefined) span.local = endpoint;
  else if (component !== "") span.local = { serviceName: component, ipv4: "", ipv6: "", port: 0 };
  if (span.timestampUs !== 0n || firstUs === 0n) return;
  span.timestampUs = firstUs;
  if (span.durationUs === 0n) span.durationUs = lastUs - firstUs;
}
