/**
 * A trace as Tempo answers it: protobuf (`Trace`, which is OTLP's `TracesData`, and `TraceByIDResponse`) and the JSON
 * of protobuf, with ids in base64 and names for enumerations. Spans of the same resource stand together, and in it those
 * of the same scope.
 */
import { assert } from "@triptych/model";
import { MessageWriter } from "../remote-write/message-writer.ts";
import {
  base64OfHex,
  hexBytes,
  keyValues,
  type TextAttributes,
  writeKeyValues,
} from "../otlp/any-value.ts";

export interface TempoSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** `Server`, …, `Unspecified`. */
  readonly kind: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  /** `Unset`, `Ok`, `Error`. */
  readonly status: string;
  readonly statusMessage: string;
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly resource: TextAttributes;
  readonly scope: TextAttributes;
  readonly attributes: TextAttributes;
  readonly events: readonly {
    readonly timeNs: bigint;
    readonly name: string;
    readonly attributes: TextAttributes;
  }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: TextAttributes;
  }[];
  readonly dropped: {
    readonly attributes: number;
    readonly events: number;
    readonly links: number;
  };
}

const KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const STATUSES = ["Unset", "Ok", "Error"];

/** Spans that are put together at once; of a larger trace a resource comes again. */
const WINDOW_SPANS = 10_000;
/** Spans between two moments at which the caller may do something else. */
const STEP_SPANS = 64;

/** The text of an object; the last one's is kept, as spans that follow each other often share it. */
function texts<T>(text: (value: T) => string): (value: T) => string {
  let last: { readonly value: T; readonly text: string } | undefined;
  return (value) => {
    if (last === undefined || last.value !== value) last = { value, text: text(value) };
    return last.text;
  };
}

type Scopes = Map<string, TempoSpan[]>;

/** Spans by resource and by scope, both in the order in which they first occur; undefined is a moment to pause. */
function* grouped(spans: Iterable<TempoSpan>): Generator<Iterable<Scopes> | undefined> {
  const resourceText = texts((resource: TextAttributes) => JSON.stringify(resource));
  const scopeText = texts((scope: TextAttributes) => JSON.stringify(scope));
  let resources = new Map<string, Scopes>();
  let held = 0;
  for (const span of spans) {
    const key = resourceText(span.resource);
    const scopes: Scopes = resources.get(key) ?? new Map();
    if (scopes.size === 0) resources.set(key, scopes);
    const scope = JSON.stringify([span.scopeName, span.scopeVersion, scopeText(span.scope)]);
    const list = scopes.get(scope);
    if (list === undefined) scopes.set(scope, [span]);
    else list.push(span);
    if (++held % STEP_SPANS === 0) yield undefined;
    if (held < WINDOW_SPANS) continue;
    yield resources.values();
    resources = new Map();
    held = 0;
  }
  if (held > 0) yield resources.values();
}

/** One of the spans of a resource or scope, which says what it is. */
function oneOf(scopes: Scopes): TempoSpan {
  const [list] = scopes.values();
  const span = list?.[0];
  assert(span !== undefined, "a group has a span");
  return span;
}

/** The members of the list of resource spans, in pieces of text, without its brackets. Some pieces are empty. */
export function* tempoTraceJson(spans: Iterable<TempoSpan>): Generator<string> {
  let comma = "";
  for (const resources of grouped(spans)) {
    if (resources === undefined) yield "";
    else
      for (const scopes of resources) {
        const resource = JSON.stringify({ attributes: keyValues(oneOf(scopes).resource) });
        yield `${comma}{"resource":${resource},"scopeSpans":[`;
        yield* scopesJson(scopes);
        yield "]}";
        comma = ",";
      }
  }
}

function* scopesJson(scopes: Scopes): Generator<string> {
  let comma = "";
  for (const list of scopes.values()) {
    for (const [i, span] of list.entries()) {
      if (i === 0) yield `${comma}{"scope":${scopeJson(span)},"spans":[`;
      else yield ",";
      yield JSON.stringify(spanJson(span));
    }
    yield "]}";
    comma = ",";
  }
}

function scopeJson(span: TempoSpan): string {
  return JSON.stringify({
    ...(span.scopeName === "" ? {} : { name: span.scopeName }),
    ...(span.scopeVersion === "" ? {} : { version: span.scopeVersion }),
    ...listed("attributes", keyValues(span.scope)),
  });
}

function listed(name: string, items: readonly object[]): object {
  return items.length === 0 ? {} : { [name]: items };
}

function counted(name: string, count: number): object {
  return count === 0 ? {} : { [name]: count };
}

function spanJson(span: TempoSpan): object {
  return {
    traceId: base64OfHex(span.traceId),
    spanId: base64OfHex(span.spanId),
    ...(span.traceState === "" ? {} : { traceState: span.traceState }),
    ...(span.parentSpanId === "" ? {} : { parentSpanId: base64OfHex(span.parentSpanId) }),
    name: span.name,
    kind: `SPAN_KIND_${span.kind.toUpperCase()}`,
    startTimeUnixNano: String(span.startNs),
    endTimeUnixNano: String(endNs(span)),
    ...listed("attributes", keyValues(span.attributes)),
    ...counted("droppedAttributesCount", span.dropped.attributes),
    ...counted("droppedEventsCount", span.dropped.events),
    ...counted("droppedLinksCount", span.dropped.links),
    ...listed(
      "events",
      span.events.map((event) => ({
        timeUnixNano: String(event.timeNs),
        name: event.name,
        ...listed("attributes", keyValues(event.attributes)),
      })),
    ),
    ...listed(
      "links",
      span.links.map((link) => ({
        traceId: base64OfHex(link.traceId),
        spanId: base64OfHex(link.spanId),
        ...listed("attributes", keyValues(link.attributes)),
      })),
    ),
    status: {
      ...(span.statusMessage === "" ? {} : { message: span.statusMessage }),
      ...(span.status === "Unset" || span.status === ""
        ? {}
        : { code: `STATUS_CODE_${span.status.toUpperCase()}` }),
    },
  };
}

const endNs = (span: TempoSpan): bigint => span.startNs + BigInt(span.durationNs);

/** The protobuf of a trace in pieces, one for each resource, and empty ones between them. */
export function* tempoTraceProtobuf(spans: Iterable<TempoSpan>): Generator<Uint8Array> {
  const writer = new MessageWriter(64 * 1024);
  const nothing = new Uint8Array();
  let written = 0;
  for (const resources of grouped(spans)) {
    if (resources === undefined) yield nothing;
    else
      for (const scopes of resources) {
        const resourceSpans = beginResource(writer, oneOf(scopes));
        for (const list of scopes.values()) {
          const [first] = list;
          if (first === undefined) continue;
          const scopeSpans = beginScope(writer, first);
          for (const span of list) {
            writeSpan(writer, span);
            if (++written % STEP_SPANS === 0) yield nothing;
          }
          writer.end(scopeSpans);
        }
        writer.end(resourceSpans);
        yield writer.bytes().slice();
        writer.clear();
      }
  }
}

/** The mark of what is open. */
function beginResource(writer: MessageWriter, span: TempoSpan): number {
  const resourceSpans = writer.begin(1);
  const resource = writer.begin(1);
  writeKeyValues(writer, 1, keyValues(span.resource));
  writer.end(resource);
  return resourceSpans;
}

function beginScope(writer: MessageWriter, span: TempoSpan): number {
  const scopeSpans = writer.begin(2);
  const scope = writer.begin(1);
  writer.text(1, span.scopeName);
  writer.text(2, span.scopeVersion);
  writeKeyValues(writer, 3, keyValues(span.scope));
  writer.end(scope);
  return scopeSpans;
}

function writeSpan(writer: MessageWriter, span: TempoSpan): void {
  const mark = writer.begin(2);
  writer.bytesField(1, hexBytes(span.traceId));
  writer.bytesField(2, hexBytes(span.spanId));
  writer.text(3, span.traceState);
  if (span.parentSpanId !== "") writer.bytesField(4, hexBytes(span.parentSpanId));
  writer.text(5, span.name);
  writer.uint(6, Math.max(0, KINDS.indexOf(span.kind)));
  writeTime(writer, 7, span.startNs);
  writeTime(writer, 8, endNs(span));
  writeKeyValues(writer, 9, keyValues(span.attributes));
  writer.uint(10, span.dropped.attributes);
  for (const event of span.events) {
    const inner = writer.begin(11);
    writeTime(writer, 1, event.timeNs);
    writer.text(2, event.name);
    writeKeyValues(writer, 3, keyValues(event.attributes));
    writer.end(inner);
  }
  writer.uint(12, span.dropped.events);
  for (const link of span.links) {
    const inner = writer.begin(13);
    writer.bytesField(1, hexBytes(link.traceId));
    writer.bytesField(2, hexBytes(link.spanId));
    writeKeyValues(writer, 4, keyValues(link.attributes));
    writer.end(inner);
  }
  writer.uint(14, span.dropped.links);
  const status = writer.begin(15);
  writer.text(2, span.statusMessage);
  writer.uint(3, Math.max(0, STATUSES.indexOf(span.status)));
  writer.end(status);
  writer.end(mark);
}

/** A `fixed64`. */
function writeTime(writer: MessageWriter, field: number, ns: bigint): void {
  const words = new Uint32Array([Number(ns & 0xffffffffn), Number((ns >> 32n) & 0xffffffffn)]);
  writer.doubleBits(field, words, 0);
}

/** Where `TraceByIDResponse` has its trace: the tag and length that go before the trace's own bytes. */
export function tempoTraceHead(size: number): Uint8Array {
  const writer = new MessageWriter(16);
  writer.varint(1 * 8 + 2);
  writer.varint(size);
  return writer.bytes().slice();
}

/** What follows the trace in `TraceByIDResponse`: whether it is the whole one, and why not. */
export function tempoTraceTail(message: string): Uint8Array {
  const writer = new MessageWriter(64);
  if (message !== "") {
    writer.uint(3, 1);
    writer.text(4, message);
  }
  return writer.bytes().slice();
}
