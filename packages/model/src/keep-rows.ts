/** Takes rows out of batches of spans and logs, in place. */
import type { AttributeColumns } from "./attributes.ts";
import type { ByteColumn } from "./byte-column.ts";
import type { LogBatch } from "./log-batch.ts";
import type { EventColumns, LinkColumns, SpanBatch } from "./span-batch.ts";

/**
 * Keeps the rows for which `keep` is true, in their order, with their attributes, events and links. Dictionaries,
 * resources and scopes stay as they are. Returns how many rows were taken out.
 */
export function keepRows(batch: SpanBatch | LogBatch, keep: (row: number) => boolean): number {
  const kept = keptRows(batch.rows, keep);
  const gone = batch.rows - kept.length;
  if (gone === 0) return 0;
  for (const [array, width] of fixedColumns(batch)) moveFixed(array, width, kept);
  keepAttributes(batch.attributes, kept);
  if (batch.signal === "logs") keepBytes(batch.body, kept);
  else {
    keepBytes(batch.statusMessage, kept);
    keepBytes(batch.traceState, kept);
    keepEvents(batch.events, kept);
    keepLinks(batch.links, kept);
  }
  batch.rows = kept.length;
  return gone;
}

type Fixed = Uint8Array | Uint32Array | BigUint64Array;

/** Columns with so many entries a row. */
function fixedColumns(batch: SpanBatch | LogBatch): readonly (readonly [Fixed, number])[] {
  const common = [
    [batch.traceId, 16],
    [batch.spanId, 8],
    [batch.flags, 1],
    [batch.droppedAttributes, 1],
    [batch.resource, 1],
    [batch.scope, 1],
  ] as const;
  if (batch.signal === "logs")
    return [
      ...common,
      [batch.timeNs, 1],
      [batch.observedNs, 1],
      [batch.severityNumber, 1],
      [batch.severityText, 1],
      [batch.eventName, 1],
      [batch.bodyKind, 1],
    ];
  return [
    ...common,
    [batch.parentSpanId, 8],
    [batch.startNs, 1],
    [batch.endNs, 1],
    [batch.name, 1],
    [batch.kind, 1],
    [batch.statusCode, 1],
    [batch.droppedEvents, 1],
    [batch.droppedLinks, 1],
  ];
}

function keptRows(rows: number, keep: (row: number) => boolean): Uint32Array {
  const kept = new Uint32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) if (keep(row)) kept[count++] = row;
  return kept.subarray(0, count);
}

/** The entries that belong to the kept rows; writes where each row's begin and end then. */
function keepOffsets(offsets: Uint32Array, kept: Uint32Array): Uint32Array {
  const entries: number[] = [];
  const ends: number[] = [];
  for (const row of kept) {
    for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++) entries.push(i);
    ends.push(entries.length);
  }
  offsets.set(ends, 1);
  return Uint32Array.from(entries);
}

function moveFixed(array: Fixed, width: number, kept: Uint32Array): void {
  kept.forEach((from, to) => {
    array.copyWithin(to * width, from * width, (from + 1) * width);
  });
}

function keepBytes(column: ByteColumn, kept: Uint32Array): void {
  const { bytes, offsets } = column;
  let at = 0;
  kept.forEach((from, to) => {
    const start = offsets[from] as number;
    const end = offsets[from + 1] as number;
    bytes.copyWithin(at, start, end);
    at += end - start;
    offsets[to + 1] = at;
  });
  column.rows = kept.length;
}

function keepAttributes(columns: AttributeColumns, kept: Uint32Array): void {
  const entries = keepOffsets(columns.offsets, kept);
  moveFixed(columns.keys, 1, entries);
  moveFixed(columns.kinds, 1, entries);
  keepBytes(columns.values, entries);
  columns.rows = kept.length;
  columns.entries = entries.length;
}

function keepEvents(events: EventColumns, kept: Uint32Array): void {
  const rows = keepOffsets(events.offsets, kept);
  moveFixed(events.timeNs, 1, rows);
  moveFixed(events.name, 1, rows);
  moveFixed(events.dropped, 1, rows);
  keepAttributes(events.attributes, rows);
  events.rows = rows.length;
}

function keepLinks(links: LinkColumns, kept: Uint32Array): void {
  const rows = keepOffsets(links.offsets, kept);
  moveFixed(links.traceId, 16, rows);
  moveFixed(links.spanId, 8, rows);
  moveFixed(links.flags, 1, rows);
  moveFixed(links.dropped, 1, rows);
  keepBytes(links.traceState, rows);
  keepAttributes(links.attributes, rows);
  links.rows = rows.length;
}
