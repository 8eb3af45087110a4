/**
 * A Jaeger span and its mapping to OTLP's model, which is that of the OpenTelemetry Collector's Jaeger receiver
 * (pkg/translator/jaeger): process tags become the resource, references the parent and links, logs events.
 */
import { ValueKind } from "@triptych/model";
import {
  type DraftEvent,
  type DraftLink,
  type DraftWriter,
  type SpanDraft,
  type Tags,
  type TagValue,
  takeTag,
  textTag,
} from "../zipkin/span-draft.ts";

export interface JaegerReference {
  readonly traceHigh: bigint;
  readonly traceLow: bigint;
  readonly spanId: bigint;
  /** Otherwise it follows from. */
  readonly isChild: boolean;
}

export interface JaegerLog {
  readonly timeNs: bigint;
  readonly fields: Tags;
  readonly dropped: number;
}

/** Ids are unsigned, 0 for none; times are nanoseconds. */
export interface JaegerSpan {
  traceHigh: bigint;
  traceLow: bigint;
  spanId: bigint;
  parentId: bigint;
  name: string;
  /** Bit 0: sampled. */
  flags: number;
  startNs: bigint;
  durationNs: bigint;
  readonly references: JaegerReference[];
  readonly tags: Tags;
  readonly logs: JaegerLog[];
  droppedTags: number;
  droppedLogs: number;
}

export interface JaegerProcess {
  readonly serviceName: string;
  readonly tags: Tags;
}

/** References of one span that are kept: those of a batch consumer; more are left out. */
export const REFERENCES_PER_SPAN_MAX = 1_000;

export function emptyJaegerSpan(): JaegerSpan {
  return {
    traceHigh: 0n,
    traceLow: 0n,
    spanId: 0n,
    parentId: 0n,
    name: "",
    flags: 0,
    startNs: 0n,
    durationNs: 0n,
    references: [],
    tags: new Map(),
    logs: [],
    droppedTags: 0,
    droppedLogs: 0,
  };
}

/** What the Collector's exporter writes for a process without a name. */
const NO_SERVICE_NAME = "OTLPResourceNoServiceName";
const STATUS_OK = 1;
const STATUS_ERROR = 2;
const spanKinds = ["", "internal", "server", "client", "producer", "consumer"];
const SERVER = spanKinds.indexOf("server");

/** Turns a process into a resource. `process.tags` is used up. */
export function useProcess(writer: DraftWriter, { serviceName, tags }: JaegerProcess): void {
  if (serviceName !== "" && serviceName !== NO_SERVICE_NAME)
    tags.set("service.name", textTag(serviceName));
  const host = tags.get("hostname");
  if (host !== undefined && !tags.has("host.name")) {
    tags.delete("hostname");
    tags.set("host.name", host);
  }
  const version = tags.get("jaeger.version");
  if (version !== undefined && !tags.has("opencensus.exporterversion")) {
    tags.delete("jaeger.version");
    tags.set("opencensus.exporterversion", textTag(`Jaeger-${version.text}`));
  }
  writer.useResource(tags);
}

/** Writes the span as a row of the resource in use. `span.tags` is used up; `offset` is where the span stands. */
export function writeJaegerSpan(writer: DraftWriter, span: JaegerSpan, offset: number): void {
  const { tags } = span;
  const scope = takeEither(tags, "otel.scope.name", "otel.library.name");
  const version = takeEither(tags, "otel.scope.version", "otel.library.version");
  writer.useScope(scope, version);
  writer.write(draftOf(span), offset);
}

function takeEither(tags: Tags, name: string, olderName: string): string {
  const value = takeTag(tags, name);
  const older = takeTag(tags, olderName);
  return (value ?? older)?.text ?? "";
}

function draftOf(span: JaegerSpan): SpanDraft {
  const { tags } = span;
  const parentId = parentOf(span);
  const kind = Math.max(0, spanKinds.indexOf(takeTag(tags, "span.kind")?.text ?? ""));
  const status = takeStatus(tags, kind);
  return {
    traceHigh: span.traceHigh,
    traceLow: span.traceLow,
    spanId: span.spanId,
    parentId,
    name: span.name,
    kind,
    startNs: span.startNs,
    endNs: span.startNs + (span.durationNs > 0n ? span.durationNs : 0n),
    statusCode: status.code,
    statusMessage: status.message,
    traceState: takeTag(tags, "w3c.tracestate")?.text ?? "",
    flags: span.flags & 1,
    tags,
    events: span.logs.map(eventOf),
    links: linksOf(span, parentId),
    droppedTags: span.droppedTags,
    droppedEvents: span.droppedLogs,
  };
}

/** The parent that is given, else the first reference into the same trace; "child of" comes before "follows from". */
function parentOf(span: JaegerSpan): bigint {
  if (span.parentId !== 0n) return span.parentId;
  let follows = 0n;
  for (const { traceHigh, traceLow, spanId, isChild } of span.references) {
    if (traceLow !== span.traceLow || traceHigh !== span.traceHigh) continue;
    if (isChild) return spanId;
    if (follows === 0n) follows = spanId;
  }
  return follows;
}

function linksOf(span: JaegerSpan, parentId: bigint): DraftLink[] {
  return span.references
    .filter(({ isChild, spanId }) => !isChild || spanId !== parentId)
    .map(({ traceHigh, traceLow, spanId, isChild }) => ({
      traceHigh,
      traceLow,
      spanId,
      traceState: "",
      tags: new Map([["opentracing.ref_type", textTag(isChild ? "child_of" : "follows_from")]]),
      dropped: 0,
    }));
}

function eventOf({ timeNs, fields, dropped }: JaegerLog): DraftEvent {
  const name = takeTag(fields, "event")?.text ?? "";
  return { timeNs, name, tags: fields, dropped };
}

interface Status {
  readonly code: number;
  readonly message: string;
}

/** The tag `error` decides, then `otel.status_code`, then the HTTP status. */
function takeStatus(tags: Tags, kind: number): Status {
  const isError = isTrue(tags.get("error"));
  const given = takeTag(tags, "otel.status_code")?.text.toUpperCase();
  if (isError) {
    tags.delete("error");
    const message = takeTag(tags, "otel.status_description") ?? tags.get("http.status_message");
    return { code: STATUS_ERROR, message: message?.text ?? "" };
  }
  if (given !== undefined) {
    const code = given === "OK" ? STATUS_OK : given === "ERROR" ? STATUS_ERROR : 0;
    return { code, message: takeTag(tags, "otel.status_description")?.text ?? "" };
  }
  return httpStatus(tags, kind);
}

/** Clients of OpenTracing send the boolean, some the text. */
function isTrue(tag: TagValue | undefined): boolean {
  return tag?.text === "true" && (tag.kind === ValueKind.boolean || tag.kind === ValueKind.string);
}

/** Failed calls by HTTP's meaning: codes from 400, but for a server those from 400 to 499 are the client's. */
function httpStatus(tags: Tags, kind: number): Status {
  const tag = tags.get("http.status_code");
  const code = tag === undefined ? Number.NaN : Number(tag.text);
  if (!Number.isInteger(code) || code < 400) return { code: 0, message: "" };
  if (kind === SERVER && code < 500) return { code: 0, message: "" };
  return { code: STATUS_ERROR, message: tags.get("http.status_message")?.text ?? "" };
}
