/**
 * Spans as columns whose texts stay bytes: what writes large traces copies these bytes into its answer. In: blocks of
 * the store, or spans that something else has made. Rows mean the same span in every column.
 */
import { assert } from "@triptych/model";
import type { BigColumn, NativeBlock, NativeData, TextColumn } from "@triptych/wire";
import {
  type Cell,
  type Entry,
  numberCells,
  numbersCells,
  sharedMapCells,
  textCells,
} from "./rows.ts";
import type { StoredAttributes, StoredSpan } from "./stored-span.ts";

/** Texts as UTF-8: row `i` is `all[start(i)] .. all[end(i)]`. */
export type TextBytes = Pick<TextColumn, "all" | "start" | "end" | "text">;

/** Row `i` owns entries `offsets[i] .. offsets[i + 1]`; `kinds` of a row are as in `StoredAttributes`. */
export interface AttributeBytes {
  readonly offsets: Uint32Array;
  readonly keys: TextBytes;
  readonly values: TextBytes;
  readonly kinds: Cell<string>;
}

/** Events or links of spans: span `i` owns items `offsets[i] .. offsets[i + 1]`. */
export interface ItemColumns {
  readonly offsets: Uint32Array;
  readonly attributes: AttributeBytes;
}

export interface SpanColumns {
  readonly rows: number;
  readonly traceId: Cell<string>;
  readonly spanId: TextBytes;
  readonly parentSpanId: TextBytes;
  readonly traceState: TextBytes;
  readonly name: TextBytes;
  readonly kind: Cell<string>;
  readonly service: TextBytes;
  readonly startNs: BigColumn["values"];
  readonly durationNs: Cell<number>;
  readonly status: Cell<string>;
  readonly statusMessage: TextBytes;
  readonly scopeName: TextBytes;
  readonly scopeVersion: TextBytes;
  /** Spans that have the same resource share one object. */
  readonly resource: Cell<StoredAttributes>;
  readonly attributes: AttributeBytes;
  readonly events: ItemColumns & {
    readonly timeNs: BigColumn["values"];
    readonly names: TextBytes;
  };
  readonly links: ItemColumns & { readonly traceIds: TextBytes; readonly spanIds: TextBytes };
  /** Attributes, events and links that are missing; [] for none. */
  readonly dropped: Cell<readonly number[]>;
}

/** The columns of one block of `selectTraces`. */
export function spanColumns(block: NativeBlock): SpanColumns {
  const text = (name: string): TextColumn => textOf(dataOf(block, name), name);
  const times = arrayOf(dataOf(block, "Events.Timestamp"), "Events.Timestamp");
  const linked = arrayOf(dataOf(block, "Links.TraceId"), "Links.TraceId");
  const itemTexts = (name: string): TextColumn =>
    textOf(arrayOf(dataOf(block, name), name).items, name);
  const itemAttributes = (name: string, kinds: string): AttributeBytes => {
    const digits = itemTexts(kinds);
    return attributesOf(arrayOf(dataOf(block, name), name).items, name, digits.text);
  };
  return {
    rows: block.rows,
    traceId: textCells(block, "TraceId"),
    spanId: text("SpanId"),
    parentSpanId: text("ParentSpanId"),
    traceState: text("TraceState"),
    name: text("SpanName"),
    kind: textCells(block, "SpanKind"),
    service: text("ServiceName"),
    startNs: bigOf(dataOf(block, "Timestamp"), "Timestamp"),
    durationNs: numberCells(block, "Duration"),
    status: textCells(block, "StatusCode"),
    statusMessage: text("StatusMessage"),
    scopeName: text("ScopeName"),
    scopeVersion: text("ScopeVersion"),
    resource: sharedAttributeCells(block, "ResourceAttributes", "ResourceKinds"),
    attributes: attributesOf(
      dataOf(block, "SpanAttributes"),
      "SpanAttributes",
      textCells(block, "SpanKinds"),
    ),
    events: {
      offsets: times.offsets,
      timeNs: bigOf(times.items, "Events.Timestamp"),
      names: itemTexts("Events.Name"),
      attributes: itemAttributes("Events.Attributes", "EventKinds"),
    },
    links: {
      offsets: linked.offsets,
      traceIds: textOf(linked.items, "Links.TraceId"),
      spanIds: itemTexts("Links.SpanId"),
      attributes: itemAttributes("Links.Attributes", "LinkKinds"),
    },
    dropped: numbersCells(block, "Dropped"),
  };
}

/** Of resources and scopes: spans that have the same attributes share one object. */
export function sharedAttributeCells(
  block: NativeBlock,
  name: string,
  kinds: string,
): Cell<StoredAttributes> {
  const entriesAt = sharedMapCells(block, name);
  const digitsAt = textCells(block, kinds);
  const known = new Map<readonly Entry[], StoredAttributes>();
  return (row) => {
    const entries = entriesAt(row);
    const digits = digitsAt(row);
    const found = known.get(entries);
    if (found?.kinds === digits) return found;
    const made = { entries, kinds: digits };
    known.set(entries, made);
    return made;
  };
}

/** The columns of spans that do not come from the store. */
export function columnsOfSpans(spans: readonly StoredSpan[]): SpanColumns {
  const text = (of: (span: StoredSpan) => string): TextBytes => textBytes(spans.map(of));
  const events = spans.flatMap((span) => span.events);
  const links = spans.flatMap((span) => span.links);
  const each =
    <T>(of: (span: StoredSpan) => T): Cell<T> =>
    (row) =>
      of(spans[row] as StoredSpan);
  return {
    rows: spans.length,
    traceId: each((span) => span.traceId),
    spanId: text((span) => span.spanId),
    parentSpanId: text((span) => span.parentSpanId),
    traceState: text((span) => span.traceState),
    name: text((span) => span.name),
    kind: each((span) => span.kind),
    service: text((span) => span.service),
    startNs: BigInt64Array.from(spans, (span) => span.startNs),
    durationNs: each((span) => span.durationNs),
    status: each((span) => span.status),
    statusMessage: text((span) => span.statusMessage),
    scopeName: text((span) => span.scopeName),
    scopeVersion: text((span) => span.scopeVersion),
    resource: each((span) => span.resource),
    attributes: attributeBytes(spans.map((span) => span.attributes)),
    events: {
      offsets: offsetsOf(spans, (span) => span.events.length),
      timeNs: BigInt64Array.from(events, (event) => event.timeNs),
      names: textBytes(events.map((event) => event.name)),
      attributes: attributeBytes(events.map((event) => event.attributes)),
    },
    links: {
      offsets: offsetsOf(spans, (span) => span.links.length),
      traceIds: textBytes(links.map((link) => link.traceId)),
      spanIds: textBytes(links.map((link) => link.spanId)),
      attributes: attributeBytes(links.map((link) => link.attributes)),
    },
    dropped: each(({ dropped }) => [dropped.attributes, dropped.events, dropped.links]),
  };
}

function attributeBytes(list: readonly StoredAttributes[]): AttributeBytes {
  const entries = list.flatMap((attributes) => attributes.entries);
  return {
    offsets: offsetsOf(list, (attributes) => attributes.entries.length),
    keys: textBytes(entries.map(([key]) => key)),
    values: textBytes(entries.map(([, value]) => value)),
    kinds: (row) => list[row]?.kinds ?? "",
  };
}

function offsetsOf<T>(items: readonly T[], length: (item: T) => number): Uint32Array {
  const offsets = new Uint32Array(items.length + 1);
  items.forEach((item, i) => {
    offsets[i + 1] = (offsets[i] as number) + length(item);
  });
  return offsets;
}

const encoder = new TextEncoder();

export function textBytes(texts: readonly string[]): TextBytes {
  const parts = texts.map((text) => encoder.encode(text));
  const offsets = offsetsOf(parts, (part) => part.length);
  const all = new Uint8Array(offsets[texts.length] as number);
  for (const [i, part] of parts.entries()) all.set(part, offsets[i]);
  return {
    all,
    start: (row) => offsets[row] as number,
    end: (row) => offsets[row + 1] as number,
    text: (row) => texts[row] ?? "",
  };
}

function dataOf(block: NativeBlock, name: string): NativeData {
  const column = block.columns.find((candidate) => candidate.name === name);
  assert(column !== undefined, `the answer has a column "${name}"`);
  return column.data;
}

function textOf(data: NativeData, name: string): TextColumn {
  assert(data.kind === "text", `column "${name}" holds text, not ${data.kind}`);
  return data;
}

function bigOf(data: NativeData, name: string): BigColumn["values"] {
  assert(data.kind === "bigint", `column "${name}" holds 64-bit integers, not ${data.kind}`);
  return data.values;
}

function arrayOf(data: NativeData, name: string) {
  assert(data.kind === "array", `column "${name}" holds arrays, not ${data.kind}`);
  return data;
}

function attributesOf(data: NativeData, name: string, kinds: Cell<string>): AttributeBytes {
  assert(data.kind === "map", `column "${name}" holds maps, not ${data.kind}`);
  const { offsets, keys, values } = data;
  return { offsets, keys: textOf(keys, name), values: textOf(values, name), kinds };
}
