/** Rows taken out in place leave what a batch without them would have been. */
import { expect, test } from "vitest";
import { keepRows } from "./keep-rows.ts";
import { LogBatch } from "./log-batch.ts";
import { SpanBatch } from "./span-batch.ts";

const text = (n: number): string => "x".repeat(n % 7) + n;

function addText(columns: SpanBatch["attributes"], count: number, n: number): void {
  for (let i = 0; i < count; i++) {
    columns.addEntry(n + i, i % 7);
    columns.values.appendText(text(n * 10 + i));
  }
  columns.endRow();
}

function spans(numbers: readonly number[]): SpanBatch {
  const batch = new SpanBatch();
  for (const n of numbers) {
    const row = batch.addRow();
    batch.traceId.fill(n, row * 16, row * 16 + 16);
    batch.spanId.fill(n, row * 8, row * 8 + 8);
    batch.parentSpanId.fill(n + 1, row * 8, row * 8 + 8);
    batch.startNs[row] = BigInt(n) << 33n;
    batch.endNs[row] = BigInt(n) << 34n;
    for (const column of [batch.name, batch.flags, batch.droppedAttributes, batch.droppedEvents])
      column[row] = n;
    for (const column of [batch.droppedLinks, batch.resource, batch.scope]) column[row] = n * 2;
    batch.kind[row] = n % 6;
    batch.statusCode[row] = n % 3;
    batch.statusMessage.appendText(text(n));
    batch.traceState.appendText(text(n + 1));
    addText(batch.attributes, n % 4, n);
    for (let i = 0; i < n % 3; i++) {
      const event = batch.events.addRow();
      batch.events.timeNs[event] = BigInt(n * 100 + i);
      batch.events.name[event] = n;
      batch.events.dropped[event] = i;
      addText(batch.events.attributes, (n + i) % 3, n + i);
    }
    batch.events.endSpan(row);
    for (let i = 0; i < n % 2; i++) {
      const link = batch.links.addRow();
      batch.links.traceId.fill(n, link * 16, link * 16 + 16);
      batch.links.spanId.fill(n, link * 8, link * 8 + 8);
      batch.links.flags[link] = n;
      batch.links.dropped[link] = i;
      batch.links.traceState.appendText(text(n));
      addText(batch.links.attributes, n % 3, n);
    }
    batch.links.endSpan(row);
  }
  return batch;
}

function logs(numbers: readonly number[]): LogBatch {
  const batch = new LogBatch();
  for (const n of numbers) {
    const row = batch.addRow();
    batch.timeNs[row] = BigInt(n) << 40n;
    batch.observedNs[row] = BigInt(n);
    batch.severityNumber[row] = n % 25;
    batch.bodyKind[row] = n % 8;
    for (const column of [batch.severityText, batch.eventName, batch.flags]) column[row] = n;
    for (const column of [batch.droppedAttributes, batch.resource, batch.scope]) column[row] = n;
    batch.traceId.fill(n, row * 16, row * 16 + 16);
    batch.spanId.fill(n, row * 8, row * 8 + 8);
    batch.body.appendText(text(n));
    addText(batch.attributes, n % 5, n);
  }
  return batch;
}

/** Arrays cut to what is used; byte columns and attributes as lists. */
function plain(value: object, rows: number): unknown {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !["keys", "strings", "resources", "scopes"].includes(name))
      .map(([name, column]) => [name, plainColumn(name, column, rows)]),
  );
}

function plainColumn(name: string, column: unknown, rows: number): unknown {
  if (typeof column !== "object" || column === null) return column;
  if (ArrayBuffer.isView(column)) {
    const wide = /traceId/i.test(name) ? 16 : /spanId/i.test(name) ? 8 : 1;
    const words = name.endsWith("Words") ? 2 : name === "offsets" ? 1 : wide;
    const length = name === "offsets" ? rows + 1 : rows * words;
    return [...(column as Uint8Array).slice(0, length)].map(String);
  }
  if ("bytesUsed" in column && "rows" in column)
    return Array.from({ length: column.rows as number }, (_, row) =>
      (column as SpanBatch["traceState"]).text(row),
    );
  if ("entries" in column) {
    const {
      offsets,
      keys,
      kinds,
      values,
      rows: items,
      entries,
    } = column as SpanBatch["attributes"];
    return [
      [...offsets.slice(0, items + 1)],
      [...keys.slice(0, entries)],
      [...kinds.slice(0, entries)],
      plainColumn("values", values, entries),
    ];
  }
  const children = column as SpanBatch["events"];
  return {
    ...(plain(children, children.rows) as object),
    offsets: [...children.offsets.slice(0, rows + 1)],
  };
}

const numbers = Array.from({ length: 200 }, (_, i) => (i * 37) % 101);
const check = (name: string, keep: (n: number) => boolean) =>
  test(name, () => {
    const kept = numbers.filter(keep);
    for (const make of [spans, logs]) {
      const batch = make(numbers);
      expect(keepRows(batch, (row) => keep(numbers[row] as number))).toBe(
        numbers.length - kept.length,
      );
      const want = make(kept);
      expect(plain(batch, batch.rows)).toEqual(plain(want, want.rows));
    }
  });

check("all", () => true);
check("none", () => false);
check("every third", (n) => n % 3 === 0);
check("all but a few", (n) => n > 4);
