/** A stored trace as the text of a `TraceAnswer`, in pieces, so that a trace of any size can be sent. */
import type { AnswerInfo, Attribute, AttributeKind, Span, TraceAnswer } from "@triptych/contract";
import { attributesOf, kindAt } from "../../query/traces/attributes.ts";
import type { TraceTimes } from "../../query/traces/skew.ts";
import type { AttributeBytes, SpanColumns } from "../../store/clickhouse/select/span-columns.ts";
import type { StoredAttributes, StoredSpans } from "../../store/clickhouse/select/traces.ts";
import { JsonBytes, jsonPart, outcomeParts } from "./json-bytes.ts";

const kinds = {
  Unspecified: "unspecified",
  Internal: "internal",
  Server: "server",
  Client: "client",
  Producer: "producer",
  Consumer: "consumer",
} as const satisfies { readonly [kind: string]: Span["kind"] };
const statuses = { Unset: "unset", Ok: "ok", Error: "error" } as const satisfies {
  readonly [status: string]: Span["status"];
};

export const kindOf = (stored: string): Span["kind"] =>
  kinds[stored as keyof typeof kinds] ?? "unspecified";
export const statusOf = (stored: string): Span["status"] =>
  statuses[stored as keyof typeof statuses] ?? "unset";

/** A millisecond or two of work, and no more pieces than needed. */
const PIECE_BYTES = 256 * 1024;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const END = 0x7d;

const parts = {
  spanId: jsonPart('{"spanId":'),
  parentSpanId: jsonPart(',"parentSpanId":'),
  name: jsonPart(',"name":'),
  service: jsonPart(',"service":'),
  statusMessage: jsonPart(',"statusMessage":'),
  offsetNs: jsonPart(',"offsetNs":'),
  durationNs: jsonPart(',"durationNs":'),
  skewNs: jsonPart(',"skewNs":'),
  attributes: jsonPart(',"attributes":['),
  resource: jsonPart('],"resource":'),
  scope: jsonPart(',"scope":'),
  noItems: jsonPart(',"events":[],"links":[]'),
  events: jsonPart(',"events":['),
  itemName: jsonPart('{"name":'),
  links: jsonPart('],"links":['),
  traceId: jsonPart('{"traceId":'),
  linkedSpanId: jsonPart(',"spanId":'),
  itemEnd: jsonPart("]}"),
  traceState: jsonPart('["w3c.tracestate","string",'),
} as const;

/** `times` are those of `spans.shapes()`; `info` is asked for last, when everything was read. */
export function* traceJson(
  traceId: string,
  { spans, times }: { readonly spans: StoredSpans; readonly times: TraceTimes },
  info: () => AnswerInfo,
): Generator<Uint8Array> {
  const out = new JsonBytes(PIECE_BYTES);
  const resources = new Resources();
  const scopes = new Interned<TraceAnswer["scopes"][number]>();
  const startNs = times.originNs;
  let durationNs = 0;
  let index = 0;
  out.raw(`{"traceId":${JSON.stringify(traceId)},"startNs":"${startNs}","spans":[`);
  for (const columns of spans.columns()) {
    const outcome = outcomeParts(columns, kindAndStatus);
    for (let row = 0; row < columns.rows; row++) {
      if (index > 0) out.byte(COMMA);
      const skewNs = times.shiftNs[index++] ?? 0;
      const originNs = skewNs === 0 ? startNs : startNs - BigInt(skewNs);
      const offsetNs = Number((columns.startNs[row] as bigint) - originNs);
      durationNs = Math.max(durationNs, offsetNs + columns.durationNs(row));
      writeHead(out, columns, row);
      out.part(outcome(row));
      out.part(parts.statusMessage);
      out.text(columns.statusMessage, row);
      out.part(parts.offsetNs);
      out.number(offsetNs);
      out.part(parts.durationNs);
      out.number(columns.durationNs(row));
      if (skewNs !== 0) {
        out.part(parts.skewNs);
        out.number(skewNs);
      }
      writeAttributes(out, columns, row);
      out.number(resources.of(columns.service.text(row), columns.resource(row)));
      out.part(parts.scope);
      const scopeName = columns.scopeName.text(row);
      const version = columns.scopeVersion.text(row);
      out.number(scopes.of(`${scopeName}\n${version}`, () => ({ name: scopeName, version })));
      writeItems(out, columns, { row, originNs });
      if (out.size >= PIECE_BYTES) yield out.take();
    }
  }
  const { rootMissing } = times;
  const rest = {
    durationNs,
    rootMissing,
    resources: resources.items,
    scopes: scopes.items,
    ...info(),
  };
  out.raw(`],${JSON.stringify(rest).slice(1)}`);
  yield out.take();
}

function writeHead(out: JsonBytes, columns: SpanColumns, row: number): void {
  out.part(parts.spanId);
  out.text(columns.spanId, row);
  out.part(parts.parentSpanId);
  out.text(columns.parentSpanId, row);
  out.part(parts.name);
  out.text(columns.name, row);
  out.part(parts.service);
  out.text(columns.service, row);
}

function kindAndStatus(kind: string, status: string): Uint8Array {
  return jsonPart(`,"kind":"${kindOf(kind)}","status":"${statusOf(status)}"`);
}

/** Up to and with the key of the resource. The W3C trace state has no field of its own; it is shown as an attribute, as Jaeger does. */
function writeAttributes(out: JsonBytes, columns: SpanColumns, row: number): void {
  const { attributes, traceState } = columns;
  out.part(parts.attributes);
  writeEntries(out, attributes, row);
  if (traceState.end(row) > traceState.start(row)) {
    if ((attributes.offsets[row + 1] as number) > (attributes.offsets[row] as number))
      out.byte(COMMA);
    out.part(parts.traceState);
    out.text(traceState, row);
    out.byte(CLOSE);
  }
  out.part(parts.resource);
}

const kindParts = new Map<AttributeKind, Uint8Array>();

function kindPart(kind: AttributeKind): Uint8Array {
  let part = kindParts.get(kind);
  if (part === undefined) {
    part = jsonPart(`,"${kind}",`);
    kindParts.set(kind, part);
  }
  return part;
}

function writeEntries(out: JsonBytes, attributes: AttributeBytes, row: number): void {
  const digits = attributes.kinds(row);
  const from = attributes.offsets[row] as number;
  const to = attributes.offsets[row + 1] as number;
  for (let i = from; i < to; i++) {
    if (i > from) out.byte(COMMA);
    out.byte(OPEN);
    out.text(attributes.keys, i);
    out.part(kindPart(kindAt(digits, i - from)));
    out.text(attributes.values, i);
    out.byte(CLOSE);
  }
}

/** Events, links and what was dropped, and the end of the span. */
function writeItems(
  out: JsonBytes,
  { events, links, dropped }: SpanColumns,
  { row, originNs }: { readonly row: number; readonly originNs: bigint },
): void {
  const eventsEnd = events.offsets[row + 1] as number;
  const linksEnd = links.offsets[row + 1] as number;
  if (events.offsets[row] === eventsEnd && links.offsets[row] === linksEnd) out.part(parts.noItems);
  else {
    out.part(parts.events);
    for (let i = events.offsets[row] as number; i < eventsEnd; i++) {
      if (i > (events.offsets[row] as number)) out.byte(COMMA);
      out.part(parts.itemName);
      out.text(events.names, i);
      out.part(parts.offsetNs);
      out.number(Number((events.timeNs[i] as bigint) - originNs));
      out.part(parts.attributes);
      writeEntries(out, events.attributes, i);
      out.part(parts.itemEnd);
    }
    out.part(parts.links);
    for (let i = links.offsets[row] as number; i < linksEnd; i++) {
      if (i > (links.offsets[row] as number)) out.byte(COMMA);
      out.part(parts.traceId);
      out.text(links.traceIds, i);
      out.part(parts.linkedSpanId);
      out.text(links.spanIds, i);
      out.part(parts.attributes);
      writeEntries(out, links.attributes, i);
      out.part(parts.itemEnd);
    }
    out.byte(CLOSE);
  }
  const [attributes = 0, lostEvents = 0, lostLinks = 0] = dropped(row);
  if (attributes > 0 || lostEvents > 0 || lostLinks > 0)
    out.raw(`,"dropped":${JSON.stringify({ attributes, events: lostEvents, links: lostLinks })}`);
  out.byte(END);
}

/** The resources of a trace in the order in which they come. Spans share the objects of their attributes. */
class Resources {
  private readonly interned = new Interned<{
    service: string;
    attributes: readonly Attribute[];
  }>();
  private readonly known = new Map<StoredAttributes, { service: string; index: number }>();

  get items(): readonly { service: string; attributes: readonly Attribute[] }[] {
    return this.interned.items;
  }

  of(service: string, attributes: StoredAttributes): number {
    const found = this.known.get(attributes);
    if (found?.service === service) return found.index;
    const { entries, kinds: digits } = attributes;
    const index = this.interned.of(`${service}\n${digits}\n${JSON.stringify(entries)}`, () => ({
      service,
      attributes: attributesOf(attributes),
    }));
    this.known.set(attributes, { service, index });
    return index;
  }
}

class Interned<T> {
  readonly items: T[] = [];
  private readonly byKey = new Map<string, number>();
  of(key: string, make: () => T): number {
    let index = this.byKey.get(key);
    if (index === undefined) {
      index = this.items.length;
      this.items.push(make());
      this.byKey.set(key, index);
    }
    return index;
  }
}
