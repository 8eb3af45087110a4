/**
 * A trace as Tempo answers it: protobuf (`Trace`, which is OTLP's `TracesData`, and `TraceByIDResponse`) and the JSON
 * of protobuf, with ids in base64 and names for enumerations. Spans of the same resource and scope that follow each
 * other share their head.
 */
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

function headKey(span: TempoSpan): string {
  return JSON.stringify([span.resource, span.scope, span.scopeName, span.scopeVersion]);
}

/** The head of a span; spans that share the objects of resource and scope share the text too. */
function headKeys(): (span: TempoSpan) => string {
  let last: { readonly span: TempoSpan; readonly key: string } | undefined;
  return (span) => {
    const isSame =
      last !== undefined &&
      span.resource === last.span.resource &&
      span.scope === last.span.scope &&
      span.scopeName === last.span.scopeName &&
      span.scopeVersion === last.span.scopeVersion;
    const key = isSame && last !== undefined ? last.key : headKey(span);
    last = { span, key };
    return key;
  };
}

/** The members of the list of resource spans, in pieces of text, without its brackets. */
export function* tempoTraceJson(spans: Iterable<TempoSpan>): Generator<string> {
  let open: string | undefined;
  const headOf = headKeys();
  for (const span of spans) {
    const head = headOf(span);
    if (head === open) yield ",";
    else {
      if (open !== undefined) yield "]}]},";
      open = head;
      const resource = JSON.stringify({ attributes: keyValues(span.resource) });
      const scope = JSON.stringify({
        ...(span.scopeName === "" ? {} : { name: span.scopeName }),
        ...(span.scopeVersion === "" ? {} : { version: span.scopeVersion }),
        ...listed("attributes", keyValues(span.scope)),
      });
      yield `{"resource":${resource},"scopeSpans":[{"scope":${scope},"spans":[`;
    }
    yield JSON.stringify(spanJson(span));
  }
  if (open !== undefined) yield "]}]}";
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

/** The protobuf of a trace in pieces, one for each resource. */
export function* tempoTraceProtobuf(spans: Iterable<TempoSpan>): Generator<Uint8Array> {
  const writer = new MessageWriter(64 * 1024);
  let open: { readonly head: string; readonly marks: readonly number[] } | undefined;
  const headOf = headKeys();
  for (const span of spans) {
    const head = headOf(span);
    if (open === undefined || open.head !== head) {
      if (open !== undefined) {
        for (const mark of open.marks) writer.end(mark);
        yield writer.bytes().slice();
        writer.clear();
      }
      open = { head, marks: beginResource(writer, span) };
    }
    writeSpan(writer, span);
  }
  if (open === undefined) return;
  for (const mark of open.marks) writer.end(mark);
  yield writer.bytes().slice();
}

/** Marks of what is open, the innermost first. */
function beginResource(writer: MessageWriter, span: TempoSpan): number[] {
  const resourceSpans = writer.begin(1);
  const resource = writer.begin(1);
  writeKeyValues(writer, 1, keyValues(span.resource));
  writer.end(resource);
  const scopeSpans = writer.begin(2);
  const scope = writer.begin(1);
  writer.text(1, span.scopeName);
  writer.text(2, span.scopeVersion);
  writeKeyValues(writer, 3, keyValues(span.scope));
  writer.end(scope);
  return [scopeSpans, resourceSpans];
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
