/** Log records into blocks of `otel_logs`. Column order and types are those of its block in `tables.ts`. */
import type { LogBatch } from "@triptych/model";
import { NativeWriter } from "@triptych/wire";
import {
  type AttributeSource,
  attributesColumn,
  dictionaryStringColumn,
  idColumn,
  kindsColumn,
  nameColumn,
  rowCount,
  stringColumn,
  textColumn,
  timeColumn,
  u8Column,
} from "./columns.ts";
import type { Segment } from "./rows.ts";

const COLUMNS = 22;

type Logs = readonly Segment<LogBatch>[];

/** `firstN`: the number of lines of the same record and partition that earlier blocks hold. */
export function encodeLogs(segments: Logs, firstN: number): Uint8Array<ArrayBuffer> {
  const rows = rowCount(segments);
  const writer = new NativeWriter(rows * 512 + 4096);
  writer.header(COLUMNS, rows);
  timeColumn(writer, { name: "b_Timestamp", of: (b) => b.timeWords }, segments);
  idColumn(writer, { name: "b_TraceId", width: 16, of: (b) => b.traceId }, segments);
  idColumn(writer, { name: "b_SpanId", width: 8, of: (b) => b.spanId }, segments);
  u8Column(
    writer,
    { name: "b_TraceFlags", of: (b) => (row) => (b.flags[row] as number) & 0xff },
    segments,
  );
  nameColumn(
    writer,
    { name: "b_SeverityText", of: (b) => named(b, (row) => b.severityText[row] as number) },
    segments,
  );
  u8Column(
    writer,
    { name: "b_SeverityNumber", of: (b) => (row) => b.severityNumber[row] as number },
    segments,
  );
  nameColumn(
    writer,
    {
      name: "b_ServiceName",
      of: (b) => named(b, (row) => b.resources.serviceName[b.resource[row] as number] as number),
    },
    segments,
  );
  stringColumn(writer, { name: "b_Body", of: (b) => b.body }, segments);
  textColumn(
    writer,
    {
      name: "b_ResourceSchemaUrl",
      of: (b) => cached((row) => b.resource[row] as number, b.resources.schemaUrl),
    },
    segments,
  );
  attributesColumn(writer, { name: "b_ResourceAttributes", of: resourceSource }, segments);
  textColumn(
    writer,
    {
      name: "b_ScopeSchemaUrl",
      of: (b) => cached((row) => b.scope[row] as number, b.scopes.schemaUrl),
    },
    segments,
  );
  dictionaryStringColumn(
    writer,
    {
      name: "b_ScopeName",
      of: (b) => named(b, (row) => b.scopes.name[b.scope[row] as number] as number),
    },
    segments,
  );
  nameColumn(
    writer,
    {
      name: "b_ScopeVersion",
      of: (b) => named(b, (row) => b.scopes.version[b.scope[row] as number] as number),
    },
    segments,
  );
  attributesColumn(writer, { name: "b_ScopeAttributes", of: scopeSource }, segments);
  attributesColumn(writer, { name: "b_LogAttributes", of: logSource }, segments);
  nameColumn(
    writer,
    { name: "b_EventName", of: (b) => named(b, (row) => b.eventName[row] as number) },
    segments,
  );
  timeColumn(writer, { name: "b_ObservedTimestamp", of: (b) => b.observedWords }, segments);
  u8Column(writer, { name: "b_BodyKind", of: (b) => (row) => b.bodyKind[row] as number }, segments);
  kindsColumn(writer, { name: "b_ResourceKinds", of: resourceSource }, segments);
  kindsColumn(writer, { name: "b_ScopeKinds", of: scopeSource }, segments);
  kindsColumn(writer, { name: "b_LogKinds", of: logSource }, segments);
  writer.column("b__n", "UInt32");
  for (let i = 0; i < rows; i++) writer.u32(firstN + i);
  return writer.take();
}

const named = (batch: LogBatch, id: (row: number) => number) => ({ dictionary: batch.strings, id });

/** Text of a resource's or scope's column, decoded once per resource or scope. */
function cached(
  item: (row: number) => number,
  column: { text(row: number): string },
): (row: number) => string {
  const known: string[] = [];
  return (row) => {
    const at = item(row);
    known[at] ??= column.text(at);
    return known[at] as string;
  };
}

const resourceSource = (batch: LogBatch): AttributeSource => ({
  attributes: batch.resources.attributes,
  keys: batch.keys,
  row: (row) => batch.resource[row] as number,
  shared: true,
});
const scopeSource = (batch: LogBatch): AttributeSource => ({
  attributes: batch.scopes.attributes,
  keys: batch.keys,
  row: (row) => batch.scope[row] as number,
  shared: true,
});
const logSource = (batch: LogBatch): AttributeSource => ({
  attributes: batch.attributes,
  keys: batch.keys,
  row: (row) => row,
  shared: false,
});
