/**
 * One span in the shape of the older tracing protocols (Zipkin's and Jaeger's), and how it becomes a row of a
 * `SpanBatch`. Their tags decide over kind, status, scope and links, wherever they stand in the message, so a span is
 * gathered as a whole before it is written; one draft lives at a time.
 */
import { type Limits, ValueKind } from "@triptych/model";
import type { AttributeWriter, ValueRules } from "../otlp/attribute-writer.ts";
import { SpanWriter } from "../otlp/span-writer.ts";
import { appendCut, cutEnd } from "../otlp/value-text.ts";

/** A value in its text form (see `ValueKind` of the model). */
export interface TagValue {
  readonly kind: ValueKind;
  readonly text: string;
}

/** Tags by key; of equal keys the last counts. */
export type Tags = Map<string, TagValue>;

export interface DraftEvent {
  readonly timeNs: bigint;
  readonly name: string;
  readonly tags: Tags;
  /** Attributes the sender, or the limit, left out. */
  readonly dropped: number;
}

export interface DraftLink {
  readonly traceHigh: bigint;
  readonly traceLow: bigint;
  readonly spanId: bigint;
  readonly traceState: string;
  readonly tags: Tags;
  readonly dropped: number;
}

/** Ids are unsigned; 0 stands for none. Times are nanoseconds since 1970. */
export interface SpanDraft {
  readonly traceHigh: bigint;
  readonly traceLow: bigint;
  readonly spanId: bigint;
  readonly parentId: bigint;
  readonly name: string;
  /** OTLP's SpanKind. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly traceState: string;
  /** W3C trace flags. */
  readonly flags: number;
  readonly tags: Tags;
  readonly events: readonly DraftEvent[];
  readonly links: readonly DraftLink[];
  readonly droppedTags: number;
  readonly droppedEvents: number;
}

/** Events of one span that are kept; the rest is counted. Real spans have a handful, long-lived ones thousands. */
export const EVENTS_PER_SPAN_MAX = 10_000;

/** A span costs as much as this many of its tags: what a `StepMeter` is told of one. */
export const SPAN_STEPS = 8;

/** Tags a draft gathers: those that become status, scope or links must find room besides the attributes. */
export function tagsPerDraftMax(limits: Limits): number {
  return limits.attributesPerItemMax * 2;
}

export const textTag = (text: string): TagValue => ({ kind: ValueKind.string, text });
export const intTag = (value: bigint | number): TagValue => ({
  kind: ValueKind.int,
  text: String(value),
});
export const booleanTag = (value: boolean): TagValue => ({
  kind: ValueKind.boolean,
  text: String(value),
});

/** Takes a tag out; undefined when there is none. */
export function takeTag(tags: Tags, key: string): TagValue | undefined {
  const value = tags.get(key);
  if (value !== undefined) tags.delete(key);
  return value;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of `bytes[start .. end)`, cut to `max` bytes; what is not UTF-8 becomes U+FFFD. */
export function textOf(
  bytes: Uint8Array,
  range: { start: number; end: number },
  max: number,
): string {
  return decoder.decode(bytes.subarray(range.start, cutEnd(bytes, range, max)));
}

const NO_BYTES = new Uint8Array(0);
const WORD = 0xffff_ffffn;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

export class DraftWriter {
  readonly spans: SpanWriter;
  private readonly rules: ValueRules;
  private readonly resources = new Map<string, number>();
  private readonly scopes = new Map<string, number>();
  /** Ids of keys by text: senders repeat a few dozen of them in every span. */
  private readonly keyIds = new Map<string, number>();

  constructor(limits: Limits, rules: ValueRules, rowsHint: number) {
    this.spans = new SpanWriter(limits, rules, rowsHint);
    this.rules = rules;
  }

  /** The spans that follow belong to the resource with these attributes. */
  useResource(tags: Tags): void {
    const { entities } = this.spans;
    const key = JSON.stringify([...tags].map(([name, { kind, text }]) => [name, kind, text]));
    const known = this.resources.get(key);
    if (known !== undefined) {
      entities.resource = known;
      return;
    }
    entities.beginResource();
    this.putTags(entities.resourceAttributes, tags);
    entities.endResource(NO_BYTES, 0, 0);
    this.resources.set(key, entities.resource);
  }

  useScope(name: string, version: string): void {
    const { entities } = this.spans;
    const key = JSON.stringify([name, version]);
    const known = this.scopes.get(key);
    if (known !== undefined) {
      entities.scope = known;
      return;
    }
    const nameBytes = encoder.encode(name);
    const versionBytes = encoder.encode(version);
    entities.beginScope();
    entities.setScopeName(nameBytes, 0, nameBytes.length);
    entities.setScopeVersion(versionBytes, 0, versionBytes.length);
    entities.endScope(NO_BYTES, 0, 0);
    this.scopes.set(key, entities.scope);
  }

  /** Adds the span as a row; `offset` is where it stands in the request. Throws `wire_too_many_items`. */
  write(draft: SpanDraft, offset: number): void {
    const { spans } = this;
    spans.begin(offset);
    const { batch, row } = spans;
    putId(batch.traceId, row * 16, draft.traceHigh);
    putId(batch.traceId, row * 16 + 8, draft.traceLow);
    putId(batch.spanId, row * 8, draft.spanId);
    spans.traceIdSize = 16;
    spans.spanIdSize = 8;
    if (draft.parentId !== 0n) {
      putId(batch.parentSpanId, row * 8, draft.parentId);
      spans.parentSize = 8;
    }
    spans.name = batch.strings.internText(draft.name);
    spans.kind = draft.kind;
    spans.flags = draft.flags;
    spans.statusCode = draft.statusCode;
    spans.droppedAttributes = draft.droppedTags;
    spans.droppedEvents = draft.droppedEvents;
    const start = bounded(draft.startNs);
    const end = bounded(draft.endNs);
    spans.setStart(Number(start & WORD), Number(start >> 32n));
    spans.setEnd(Number(end & WORD), Number(end >> 32n));
    if (draft.statusMessage !== "") {
      const message = encoder.encode(draft.statusMessage);
      spans.setStatusMessage(message, 0, message.length);
    }
    if (draft.traceState !== "") {
      const state = encoder.encode(draft.traceState);
      spans.setTraceState(state, 0, state.length);
    }
    this.putTags(spans.attributes, draft.tags);
    for (const event of draft.events) this.writeEvent(event, offset);
    for (const link of draft.links) this.writeLink(link, offset);
    spans.commit();
  }

  private writeEvent(draft: DraftEvent, offset: number): void {
    const { spans } = this;
    const event = spans.beginEvent(offset);
    const { events, strings } = spans.batch;
    const time = bounded(draft.timeNs);
    events.timeWords[event * 2] = Number(time & WORD);
    events.timeWords[event * 2 + 1] = Number(time >> 32n);
    events.name[event] = strings.internText(draft.name);
    events.dropped[event] = draft.dropped;
    this.putTags(spans.eventAttributes, draft.tags);
    spans.endEvent(event);
  }

  private writeLink(draft: DraftLink, offset: number): void {
    const { spans } = this;
    const link = spans.beginLink(offset);
    const { links } = spans.batch;
    putId(links.traceId, link * 16, draft.traceHigh);
    putId(links.traceId, link * 16 + 8, draft.traceLow);
    putId(links.spanId, link * 8, draft.spanId);
    spans.linkTraceIdSize = 16;
    spans.linkSpanIdSize = 8;
    links.dropped[link] = draft.dropped;
    if (draft.traceState !== "") {
      const state = encoder.encode(draft.traceState);
      spans.setLinkTraceState(link, state, { start: 0, end: state.length });
    }
    this.putTags(spans.linkAttributes, draft.tags);
    spans.endLink(link);
  }

  private putTags(writer: AttributeWriter, tags: Tags): void {
    const { values } = writer.columns;
    const { valueBytesMax } = this.rules;
    for (const [key, { kind, text }] of tags) {
      if (writer.full) {
        writer.dropped++;
        continue;
      }
      if (text.length * 3 <= valueBytesMax) values.appendText(text);
      else {
        const bytes = encoder.encode(text);
        appendCut(values, bytes, { start: 0, end: bytes.length }, valueBytesMax);
      }
      writer.addKey(kind, this.keyId(writer, key));
    }
  }

  private keyId(writer: AttributeWriter, key: string): number {
    let id = this.keyIds.get(key);
    if (id === undefined) {
      id = writer.keys.internText(key);
      this.keyIds.set(key, id);
    }
    return id;
  }
}

/** Writes eight bytes, highest first. */
function putId(target: Uint8Array, at: number, id: bigint): void {
  let high = Number(id >> 32n);
  let low = Number(id & WORD);
  for (let i = 3; i >= 0; i--) {
    target[at + i] = high & 0xff;
    target[at + 4 + i] = low & 0xff;
    high >>>= 8;
    low >>>= 8;
  }
}

/** Times before 1970 and beyond 2554 do not fit the column; the nearest that does is kept. */
function bounded(timeNs: bigint): bigint {
  if (timeNs < 0n) return 0n;
  return timeNs > U64_MAX ? U64_MAX : timeNs;
}
