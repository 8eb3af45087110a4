/**
 * Collects one span after another into a `SpanBatch`. A reader of either encoding calls `begin`, sets what it
 * finds and calls `commit`, which refuses a span without valid ids and leaves no trace of it.
 */
import { type ByteColumn, type Limits, SpanBatch, TriptychError } from "@triptych/model";
import { AttributeWriter, type ValueRules } from "./attribute-writer.ts";
import { EntityWriter } from "./entities.ts";

/** Events and links of a request, per span allowed: a 64 MiB body of real ones stays below. */
const CHILDREN_PER_SPAN = 5;

export class SpanWriter {
  readonly batch: SpanBatch;
  readonly entities: EntityWriter;
  readonly attributes: AttributeWriter;
  readonly eventAttributes: AttributeWriter;
  readonly linkAttributes: AttributeWriter;
  rejected = 0;
  reason = "";

  /** The open span. Sizes are those the sender gave, in bytes; only 16 and 8 are right. */
  row = 0;
  traceIdSize = 0;
  spanIdSize = 0;
  parentSize = 0;
  name = 0;
  kind = 0;
  statusCode = 0;
  flags = 0;
  droppedAttributes = 0;
  droppedEvents = 0;
  droppedLinks = 0;
  /** The open link. */
  linkTraceIdSize = 0;
  linkSpanIdSize = 0;

  private readonly limits: Limits;
  private readonly emptyName: number;
  private seen = 0;
  private children = 0;
  private firstEvent = 0;
  private firstLink = 0;

  constructor(limits: Limits, rules: ValueRules, rowsHint: number) {
    this.limits = limits;
    this.batch = new SpanBatch(rowsHint);
    const { batch } = this;
    this.entities = new EntityWriter(batch, rules);
    this.attributes = new AttributeWriter(batch.attributes, batch.keys, rules);
    this.eventAttributes = new AttributeWriter(batch.events.attributes, batch.keys, rules);
    this.linkAttributes = new AttributeWriter(batch.links.attributes, batch.keys, rules);
    this.emptyName = batch.strings.internText("");
  }

  begin(offset: number): void {
    if (++this.seen > this.limits.spansPerRequestMax)
      tooMany(`more than ${this.limits.spansPerRequestMax} spans`, offset);
    const { batch } = this;
    const row = batch.addRow();
    this.row = row;
    // The row may have been that of a refused span, so nothing in it can be relied on.
    for (let i = row * 8; i < row * 8 + 8; i++) batch.parentSpanId[i] = 0;
    this.setStart(0, 0);
    this.setEnd(0, 0);
    this.traceIdSize = 0;
    this.spanIdSize = 0;
    this.parentSize = 0;
    this.name = this.emptyName;
    this.kind = 0;
    this.statusCode = 0;
    this.flags = 0;
    this.droppedAttributes = 0;
    this.droppedEvents = 0;
    this.droppedLinks = 0;
    this.firstEvent = batch.events.rows;
    this.firstLink = batch.links.rows;
    this.attributes.begin();
  }

  setStart(low: number, high: number): void {
    this.batch.startWords[this.row * 2] = low;
    this.batch.startWords[this.row * 2 + 1] = high;
  }

  setEnd(low: number, high: number): void {
    this.batch.endWords[this.row * 2] = low;
    this.batch.endWords[this.row * 2 + 1] = high;
  }

  setTraceState(source: Uint8Array, start: number, end: number): void {
    setText(this.batch.traceState, this.row, { source, start, end });
  }

  setStatusMessage(source: Uint8Array, start: number, end: number): void {
    setText(this.batch.statusMessage, this.row, { source, start, end });
  }

  /** Opens an event; its attributes go to `eventAttributes`. */
  beginEvent(offset: number): number {
    this.countChild(offset);
    const { events } = this.batch;
    const event = events.addRow();
    events.timeWords[event * 2] = 0;
    events.timeWords[event * 2 + 1] = 0;
    events.name[event] = this.emptyName;
    events.dropped[event] = 0;
    this.eventAttributes.begin();
    return event;
  }

  endEvent(event: number): void {
    const { events } = this.batch;
    events.dropped[event] = (events.dropped[event] as number) + this.eventAttributes.dropped;
    this.eventAttributes.end();
  }

  /** Opens a link; its attributes go to `linkAttributes`, the sizes of its ids to `linkTraceIdSize` and `linkSpanIdSize`. */
  beginLink(offset: number): number {
    this.countChild(offset);
    const { links } = this.batch;
    const link = links.addRow();
    links.flags[link] = 0;
    links.dropped[link] = 0;
    this.linkTraceIdSize = 0;
    this.linkSpanIdSize = 0;
    this.linkAttributes.begin();
    return link;
  }

  setLinkTraceState(link: number, source: Uint8Array, range: { start: number; end: number }): void {
    setText(this.batch.links.traceState, link, { source, ...range });
  }

  /** Closes the link; one that points nowhere is dropped and counted. */
  endLink(link: number): void {
    const { links } = this.batch;
    const valid =
      this.linkTraceIdSize === 16 &&
      this.linkSpanIdSize === 8 &&
      !isZero(links.traceId, link * 16, 16) &&
      !isZero(links.spanId, link * 8, 8);
    if (!valid) {
      links.rows = link;
      links.traceState.rows = link;
      this.linkAttributes.undo();
      this.droppedLinks++;
      return;
    }
    links.dropped[link] = (links.dropped[link] as number) + this.linkAttributes.dropped;
    if (links.traceState.rows === link) links.traceState.appendEmpty();
    this.linkAttributes.end();
  }

  /** Keeps the open span, or refuses it when it cannot be told apart from others. */
  commit(): void {
    const { batch, row } = this;
    const problem = this.problem();
    if (problem !== "") {
      this.refuse(problem);
      return;
    }
    batch.name[row] = this.name;
    // Values of enums that this version does not know count as unspecified.
    batch.kind[row] = this.kind > 5 ? 0 : this.kind;
    batch.statusCode[row] = this.statusCode > 2 ? 0 : this.statusCode;
    batch.flags[row] = this.flags;
    batch.droppedAttributes[row] = this.droppedAttributes + this.attributes.dropped;
    batch.droppedEvents[row] = this.droppedEvents;
    batch.droppedLinks[row] = this.droppedLinks;
    batch.resource[row] = this.entities.resource;
    batch.scope[row] = this.entities.scope;
    if (batch.statusMessage.rows === row) batch.statusMessage.appendEmpty();
    if (batch.traceState.rows === row) batch.traceState.appendEmpty();
    this.attributes.end();
    batch.events.endSpan(row);
    batch.links.endSpan(row);
  }

  private problem(): string {
    const { batch, row } = this;
    if (this.traceIdSize !== 16) return "a span's trace_id is not 16 bytes long";
    if (this.spanIdSize !== 8) return "a span's span_id is not 8 bytes long";
    if (this.parentSize !== 0 && this.parentSize !== 8)
      return "a span's parent_span_id is neither empty nor 8 bytes long";
    if (isZero(batch.traceId, row * 16, 16)) return "a span's trace_id is all zero";
    if (isZero(batch.spanId, row * 8, 8)) return "a span's span_id is all zero";
    return "";
  }

  private refuse(problem: string): void {
    const { batch, row } = this;
    this.rejected++;
    if (this.reason === "") this.reason = problem;
    batch.rows = row;
    batch.statusMessage.rows = row;
    batch.traceState.rows = row;
    this.attributes.undo();
    undoRows(batch.events, this.firstEvent);
    undoRows(batch.links, this.firstLink);
    batch.links.traceState.rows = this.firstLink;
  }

  private countChild(offset: number): void {
    const max = this.limits.spansPerRequestMax * CHILDREN_PER_SPAN;
    if (++this.children > max) tooMany(`more than ${max} events and links`, offset);
  }
}

export function tooMany(what: string, offset: number): never {
  const text = `The request carries ${what}, at byte ${offset}; send smaller requests`;
  throw new TriptychError("wire_too_many_items", text, { offset });
}

function setText(
  column: ByteColumn,
  row: number,
  text: { source: Uint8Array; start: number; end: number },
): void {
  column.rows = row;
  column.append(text.source, text.start, text.end);
}

/** Takes events or links back to `rows`; their attributes have one closed item a row. */
function undoRows(
  children: { rows: number; attributes: AttributeWriter["columns"] },
  rows: number,
): void {
  const { attributes } = children;
  children.rows = rows;
  attributes.rows = rows;
  attributes.entries = attributes.offsets[rows] as number;
  attributes.values.rows = attributes.entries;
}

export function isZero(bytes: Uint8Array, start: number, size: number): boolean {
  for (let i = start; i < start + size; i++) if (bytes[i] !== 0) return false;
  return true;
}
