/** Spans into blocks of `otel_traces`. Column order and types are those of its block in `tables.ts`. */
import type { SpanBatch } from "@triptych/model";
import { DictionaryUse, NativeWriter } from "@triptych/wire";
import {
  type AttributeSource,
  attributesColumn,
  dictionaryStringColumn,
  idColumn,
  kindsColumn,
  kindsOf,
  nameColumn,
  rowCount,
  stringColumn,
  textColumn,
  timeColumn,
  u32Column,
} from "./columns.ts";
import type { Segment } from "./rows.ts";

const KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"] as const;
const STATUSES = ["Unset", "Ok", "Error"] as const;
const COLUMNS = 31;

type Spans = readonly Segment<SpanBatch>[];

export function encodeSpans(segments: Spans): Uint8Array<ArrayBuffer> {
  const rows = rowCount(segments);
  const writer = new NativeWriter(rows * 512 + 4096);
  writer.header(COLUMNS, rows);
  timeColumn(writer, { name: "b_Timestamp", of: (b) => b.startWords }, segments);
  idColumn(writer, { name: "b_TraceId", width: 16, of: (b) => b.traceId }, segments);
  idColumn(writer, { name: "b_SpanId", width: 8, of: (b) => b.spanId }, segments);
  idColumn(writer, { name: "b_ParentSpanId", width: 8, of: (b) => b.parentSpanId }, segments);
  stringColumn(writer, { name: "b_TraceState", of: (b) => b.traceState }, segments);
  nameColumn(
    writer,
    { name: "b_SpanName", of: (b) => named(b, (row) => b.name[row] as number) },
    segments,
  );
  textColumn(
    writer,
    { name: "b_SpanKind", of: (b) => (row) => KINDS[b.kind[row] as number] ?? KINDS[0] },
    segments,
  );
  nameColumn(writer, { name: "b_ServiceName", of: serviceName }, segments);
  attributesColumn(writer, { name: "b_ResourceAttributes", of: resourceSource }, segments);
  dictionaryStringColumn(
    writer,
    {
      name: "b_ScopeName",
      of: (b) => named(b, (row) => b.scopes.name[b.scope[row] as number] as number),
    },
    segments,
  );
  dictionaryStringColumn(
    writer,
    {
      name: "b_ScopeVersion",
      of: (b) => named(b, (row) => b.scopes.version[b.scope[row] as number] as number),
    },
    segments,
  );
  attributesColumn(writer, { name: "b_SpanAttributes", of: spanSource }, segments);
  durations(writer, segments);
  textColumn(
    writer,
    {
      name: "b_StatusCode",
      of: (b) => (row) => STATUSES[b.statusCode[row] as number] ?? STATUSES[0],
    },
    segments,
  );
  stringColumn(writer, { name: "b_StatusMessage", of: (b) => b.statusMessage }, segments);
  events(writer, segments);
  links(writer, segments);
  kindsColumn(writer, { name: "b_ResourceKinds", of: resourceSource }, segments);
  kindsColumn(writer, { name: "b_SpanKinds", of: spanSource }, segments);
  itemKinds(writer, "b_EventKinds", segments, (b) => b.events);
  itemKinds(writer, "b_LinkKinds", segments, (b) => b.links);
  attributesColumn(writer, { name: "b_ScopeAttributes", of: scopeSource }, segments);
  kindsColumn(writer, { name: "b_ScopeKinds", of: scopeSource }, segments);
  u32Column(writer, { name: "b_Flags", of: (b) => b.flags }, segments);
  dropped(writer, segments);
  textColumn(writer, { name: "b_SchemaUrls", of: schemaUrls }, segments);
  return writer.take();
}

const named = (batch: SpanBatch, id: (row: number) => number) => ({
  dictionary: batch.strings,
  id,
});

const serviceName = (batch: SpanBatch) =>
  named(batch, (row) => batch.resources.serviceName[batch.resource[row] as number] as number);

const resourceSource = (batch: SpanBatch): AttributeSource => ({
  attributes: batch.resources.attributes,
  keys: batch.keys,
  row: (row) => batch.resource[row] as number,
  shared: true,
});
const scopeSource = (batch: SpanBatch): AttributeSource => ({
  attributes: batch.scopes.attributes,
  keys: batch.keys,
  row: (row) => batch.scope[row] as number,
  shared: true,
});
const spanSource = (batch: SpanBatch): AttributeSource => ({
  attributes: batch.attributes,
  keys: batch.keys,
  row: (row) => row,
  shared: false,
});

/** Resource and scope schema URL in one text, apart by a space; URLs hold none. */
function schemaUrls(batch: SpanBatch): (row: number) => string {
  return (row) => {
    const resource = batch.resource[row] as number;
    const scope = batch.scope[row] as number;
    if (
      batch.resources.schemaUrl.sizeOf(resource) === 0 &&
      batch.scopes.schemaUrl.sizeOf(scope) === 0
    )
      return "";
    return `${batch.resources.schemaUrl.text(resource)} ${batch.scopes.schemaUrl.text(scope)}`;
  };
}

/** End minus start, at least zero: a sender whose clock stepped back gives a duration of nothing, not of 580 years. */
function durations(writer: NativeWriter, segments: Spans): void {
  writer.column("b_Duration", "UInt64");
  for (const { batch, rows } of segments) {
    const { startWords, endWords } = batch;
    for (const row of rows) {
      let low = (endWords[row * 2] as number) - (startWords[row * 2] as number);
      let high = (endWords[row * 2 + 1] as number) - (startWords[row * 2 + 1] as number);
      if (low < 0) {
        low += 0x1_0000_0000;
        high--;
      }
      if (high < 0) writer.words64(0, 0);
      else writer.words64(low, high);
    }
  }
}

interface Items {
  readonly offsets: Uint32Array;
}

/** The offsets of an array column whose items belong to spans. */
function itemOffsets(
  writer: NativeWriter,
  segments: Spans,
  items: (batch: SpanBatch) => Items,
): number {
  let total = 0;
  for (const { batch, rows } of segments) {
    const { offsets } = items(batch);
    for (const row of rows) {
      total += (offsets[row + 1] as number) - (offsets[row] as number);
      writer.u64(total);
    }
  }
  return total;
}

/** Calls `each` for every item of every row, in order. */
function eachItem(
  segments: Spans,
  items: (batch: SpanBatch) => Items,
  each: (batch: SpanBatch, item: number) => void,
): void {
  for (const { batch, rows } of segments) {
    const { offsets } = items(batch);
    for (const row of rows) {
      const end = offsets[row + 1] as number;
      for (let item = offsets[row] as number; item < end; item++) each(batch, item);
    }
  }
}

const eventsOf = (batch: SpanBatch) => batch.events;
const linksOf = (batch: SpanBatch) => batch.links;

function events(writer: NativeWriter, segments: Spans): void {
  writer.column("b_Events_Timestamp", "Array(DateTime64(9))");
  itemOffsets(writer, segments, eventsOf);
  eachItem(segments, eventsOf, (batch, item) => {
    const { timeWords } = batch.events;
    writer.words64(timeWords[item * 2] as number, timeWords[item * 2 + 1] as number);
  });
  writer.column("b_Events_Name", "Array(LowCardinality(String))");
  writer.lowCardinalityPrefix();
  const total = itemOffsets(writer, segments, eventsOf);
  const names = new DictionaryUse(total);
  eachItem(segments, eventsOf, (batch, item) => {
    names.from(batch.strings);
    names.add(batch.events.name[item] as number);
  });
  writer.lowCardinality(names, total);
  itemAttributes(writer, "b_Events_Attributes", segments, (b) => b.events);
}

function links(writer: NativeWriter, segments: Spans): void {
  writer.column("b_Links_TraceId", "Array(FixedString(16))");
  itemOffsets(writer, segments, linksOf);
  eachItem(segments, linksOf, (batch, item) => {
    writer.raw(batch.links.traceId.subarray(item * 16, item * 16 + 16));
  });
  writer.column("b_Links_SpanId", "Array(FixedString(8))");
  itemOffsets(writer, segments, linksOf);
  eachItem(segments, linksOf, (batch, item) =>
    writer.raw(batch.links.spanId.subarray(item * 8, item * 8 + 8)),
  );
  writer.column("b_Links_TraceState", "Array(String)");
  itemOffsets(writer, segments, linksOf);
  eachItem(segments, linksOf, (batch, item) => writer.stringOf(batch.links.traceState, item));
  itemAttributes(writer, "b_Links_Attributes", segments, (b) => b.links);
}

type ItemsWithAttributes = (batch: SpanBatch) => SpanBatch["events"] | SpanBatch["links"];

/** `Array(Map(LowCardinality(String), String))`: offsets of items, then offsets of entries, then keys and values. */
function itemAttributes(
  writer: NativeWriter,
  name: string,
  segments: Spans,
  items: ItemsWithAttributes,
): void {
  writer.column(name, "Array(Map(LowCardinality(String), String))");
  writer.lowCardinalityPrefix();
  const count = itemOffsets(writer, segments, items);
  const keys = new DictionaryUse(count * 2);
  let total = 0;
  eachItem(segments, items, (batch, item) => {
    const { offsets, keys: ids } = items(batch).attributes;
    keys.from(batch.keys);
    const end = offsets[item + 1] as number;
    for (let entry = offsets[item] as number; entry < end; entry++) keys.add(ids[entry] as number);
    total += end - (offsets[item] as number);
    writer.u64(total);
  });
  writer.lowCardinality(keys, total);
  eachItem(segments, items, (batch, item) => {
    const { offsets, values } = items(batch).attributes;
    const end = offsets[item + 1] as number;
    for (let entry = offsets[item] as number; entry < end; entry++) writer.stringOf(values, entry);
  });
}

function itemKinds(
  writer: NativeWriter,
  name: string,
  segments: Spans,
  items: ItemsWithAttributes,
): void {
  writer.column(name, "Array(String)");
  itemOffsets(writer, segments, items);
  eachItem(segments, items, (batch, item) => writer.text(kindsOf(items(batch).attributes, item)));
}

/** Nothing where nothing was dropped, else the three counts. */
function dropped(writer: NativeWriter, segments: Spans): void {
  writer.column("b_Dropped", "Array(UInt32)");
  const values: number[] = [];
  for (const { batch, rows } of segments) {
    for (const row of rows) {
      const counts = [
        batch.droppedAttributes[row] ?? 0,
        batch.droppedEvents[row] ?? 0,
        batch.droppedLinks[row] ?? 0,
      ];
      if (counts.some((count) => count > 0)) values.push(...counts);
      writer.u64(values.length);
    }
  }
  for (const value of values) writer.u32(value);
}
