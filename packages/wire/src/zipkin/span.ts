/**
 * A Zipkin span (version 2 of the format) and its mapping to OTLP's model, which is that of the OpenTelemetry
 * Collector's Zipkin receiver (pkg/translator/zipkin). Where that one loses something, this keeps it: an `error` tag
 * with a text is an error too, as Zipkin defines it; `shared` and `debug` stay as attributes; a span without a time
 * starts with its first annotation.
 */

import { annotationEvent, linkOfTag, type ZipkinAnnotation } from "./exported-otlp.ts";
import { resourceTags } from "./resource-tags.ts";
import type { DraftLink, SpanDraft, Tags } from "./span-draft.ts";
import { booleanTag, type DraftWriter, intTag, takeTag, textTag } from "./span-draft.ts";

export interface ZipkinEndpoint {
  /** "" where nothing is known. */
  readonly serviceName: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** 0 for unknown. */
  readonly port: number;
}

/** Ids are unsigned, 0 for none. Filled by the readers of the encodings, then given to `writeZipkinSpan`. */
export interface ZipkinSpan {
  traceHigh: bigint;
  traceLow: bigint;
  id: bigint;
  parentId: bigint;
  /** CLIENT, SERVER, PRODUCER, CONSUMER or "". */
  kind: string;
  name: string;
  /** Microseconds since 1970; 0 when the sender does not know. */
  timestampUs: bigint;
  durationUs: bigint;
  debug: boolean;
  shared: boolean;
  local: ZipkinEndpoint | undefined;
  remote: ZipkinEndpoint | undefined;
  readonly annotations: ZipkinAnnotation[];
  readonly tags: Tags;
  /** Left out because of a limit. */
  droppedTags: number;
  droppedAnnotations: number;
}

export function emptyZipkinSpan(): ZipkinSpan {
  return {
    traceHigh: 0n,
    traceLow: 0n,
    id: 0n,
    parentId: 0n,
    kind: "",
    name: "",
    timestampUs: 0n,
    durationUs: 0n,
    debug: false,
    shared: false,
    local: undefined,
    remote: undefined,
    annotations: [],
    tags: new Map(),
    droppedTags: 0,
    droppedAnnotations: 0,
  };
}

const kinds = new Map([
  ["SERVER", 2],
  ["CLIENT", 3],
  ["PRODUCER", 4],
  ["CONSUMER", 5],
]);
const SPAN_KIND_INTERNAL = 1;
const statusCodes = new Map([
  ["STATUS_CODE_OK", 1],
  ["OK", 1],
  ["STATUS_CODE_ERROR", 2],
  ["ERROR", 2],
]);
const STATUS_ERROR = 2;
/** The Collector's own exporter numbers links up to here. */
const LINKS_MAX = 128;

/** Where a request stands: what the mapping needs besides the span. */
export interface ZipkinTarget {
  readonly writer: DraftWriter;
  /** Arrival; the time of spans that have none. */
  readonly nowNs: bigint;
}

/** Writes the span as a row. `span.tags` is used up. `offset` is where the span stands in the request. */
export function writeZipkinSpan(target: ZipkinTarget, span: ZipkinSpan, offset: number): void {
  const { writer, nowNs } = target;
  const { tags } = span;
  writer.useResource(resourceTags(span.local?.serviceName ?? "", tags));
  const library = takeTag(tags, "otel.library.name") ?? takeTag(tags, "otel.scope.name");
  const version = takeTag(tags, "otel.library.version") ?? takeTag(tags, "otel.scope.version");
  tags.delete("otel.scope.name");
  tags.delete("otel.scope.version");
  writer.useScope(library?.text ?? "", version?.text ?? "");
  writer.write(draftOf(span, nowNs), offset);
}

function draftOf(span: ZipkinSpan, nowNs: bigint): SpanDraft {
  const { tags } = span;
  const startNs = span.timestampUs === 0n ? firstTime(span, nowNs) : span.timestampUs * 1000n;
  const traceState = takeTag(tags, "w3c.tracestate")?.text ?? "";
  const kind = spanKind(span.kind, tags);
  const status = takeStatus(tags);
  const links = takeLinks(tags);
  addEndpoints(span);
  if (span.timestampUs === 0n) tags.set("otel.zipkin.absentField.startTime", booleanTag(true));
  if (span.debug) tags.set("zipkin.debug", booleanTag(true));
  if (span.shared) tags.set("zipkin.shared", booleanTag(true));
  return {
    traceHigh: span.traceHigh,
    traceLow: span.traceLow,
    spanId: span.id,
    // Some old tracers send the root as its own parent.
    parentId: span.parentId === span.id ? 0n : span.parentId,
    name: span.name,
    kind,
    startNs,
    endNs: startNs + span.durationUs * 1000n,
    statusCode: status.code,
    statusMessage: status.message,
    traceState,
    // Debug forces sampling.
    flags: span.debug ? 1 : 0,
    tags,
    events: span.annotations.map(annotationEvent),
    links,
    droppedTags: span.droppedTags,
    droppedEvents: span.droppedAnnotations,
  };
}

function firstTime(span: ZipkinSpan, nowNs: bigint): bigint {
  let firstUs = 0n;
  for (const { timestampUs } of span.annotations)
    if (timestampUs > 0n && (firstUs === 0n || timestampUs < firstUs)) firstUs = timestampUs;
  return firstUs === 0n ? nowNs : firstUs * 1000n;
}

function spanKind(kind: string, tags: Tags): number {
  const known = kinds.get(kind);
  if (known !== undefined) return known;
  return takeTag(tags, "span.kind")?.text === "internal" ? SPAN_KIND_INTERNAL : 0;
}

/** Zipkin: a span failed when it has the tag `error`, whose value is a text, or "true" where there is none. */
function takeStatus(tags: Tags): { code: number; message: string } {
  let code = 0;
  let message = "";
  const given = takeTag(tags, "otel.status_code");
  if (given !== undefined) {
    code = statusCodes.get(given.text) ?? 0;
    message = takeTag(tags, "otel.status_description")?.text ?? "";
  }
  const error = tags.get("error")?.text;
  if (error !== undefined && error !== "false") {
    code = STATUS_ERROR;
    if (error === "true" || error === "") tags.delete("error");
    else if (message === "") message = error;
  }
  return { code, message };
}

function takeLinks(tags: Tags): DraftLink[] {
  const links: DraftLink[] = [];
  for (let i = 0; i < LINKS_MAX; i++) {
    const key = `otlp.link.${i}`;
    const value = tags.get(key);
    if (value === undefined) break;
    const link = linkOfTag(value.text);
    // What cannot be read as a link stays an attribute.
    if (link === undefined) continue;
    tags.delete(key);
    links.push(link);
  }
  return links;
}

function addEndpoints({ tags, local, remote }: ZipkinSpan): void {
  if (local !== undefined) addAddress(tags, local, "net.host");
  if (remote === undefined) return;
  if (remote.serviceName !== "") tags.set("peer.service", textTag(remote.serviceName));
  addAddress(tags, remote, "net.peer");
}

/** Of two addresses the attribute takes the one of version 6, as the Collector's does. */
function addAddress(tags: Tags, endpoint: ZipkinEndpoint, prefix: string): void {
  const ip = endpoint.ipv6 === "" ? endpoint.ipv4 : endpoint.ipv6;
  if (ip !== "") tags.set(`${prefix}.ip`, textTag(ip));
  if (endpoint.port > 0) tags.set(`${prefix}.port`, intTag(endpoint.port));
}
