/** Reads spans of some traces as a table for the evaluator: of attributes only those that a query names. */
import {
  arrayStatic,
  isServiceName,
  NIL_STATIC,
  type SpanColumn,
  type SpanTable,
  type Static,
  shownParentId,
  type Traceql,
  traceqlInteger,
} from "@triptych/lang";
import { assert } from "@triptych/model";
import type { NativeBlock } from "@triptych/wire";
import { constant, empty, type Sql, sql, texts, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { bigintCells, type Cell, numberCells, textCells, textsCells } from "./rows.ts";
import { attributeReading } from "./traceql-place.ts";
import { traceIdIs } from "./traces.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

/** What a trace is as a whole; of the trace, not of the spans that were read. */
export interface TraceFacts {
  readonly rootName: string;
  readonly rootServiceName: string;
  readonly durationNs: number;
}

export interface StoredTable extends SpanTable {
  readonly traceIds: readonly string[];
  traceId(row: number): string;
  startNs(row: number): bigint;
  durationNs(row: number): number;
  /** Whether there were more spans than were asked for. */
  readonly cut: boolean;
}

export interface TableQuery {
  readonly traceIds: readonly string[];
  /** When their spans are. */
  readonly range: NsRange;
  /** Which of their spans are read; all when absent. */
  readonly condition?: Sql | undefined;
  readonly attributes: ReadonlyMap<string, Traceql.Attribute>;
  readonly facts: ReadonlyMap<string, TraceFacts>;
  readonly rowsMax: number;
}

/** What each intrinsic is read from. Those that are missing here follow from the tree or the trace. */
const intrinsicSql: ReadonlyMap<string, { readonly sql: Sql; readonly many?: true }> = new Map([
  ["name", { sql: sql`SpanName` }],
  ["status", { sql: sql`StatusCode` }],
  ["statusMessage", { sql: sql`StatusMessage` }],
  ["kind", { sql: sql`SpanKind` }],
  ["instrumentation:name", { sql: sql`ScopeName` }],
  ["instrumentation:version", { sql: sql`ScopeVersion` }],
  ["event:name", { sql: sql`\`Events.Name\``, many: true }],
  [
    "event:timeSinceStart",
    {
      sql: sql`arrayMap(t -> toString(toUnixTimestamp64Nano(t) - toUnixTimestamp64Nano(Timestamp)), \`Events.Timestamp\`)`,
      many: true,
    },
  ],
  ["link:traceID", { sql: sql`\`Links.TraceId\``, many: true }],
  ["link:spanID", { sql: sql`\`Links.SpanId\``, many: true }],
] as const);

const columnName = (index: number): string => `c${index}`;

/** Spans in the order of the ids and then of time. A span that is stored twice comes once. */
export async function selectSpanTable(reader: Reader, query: TableQuery): Promise<StoredTable> {
  const keys = [...query.attributes.keys()];
  const columns = keys.reduce((out, key, i) => {
    const attribute = query.attributes.get(key);
    const reading = attribute === undefined ? undefined : readingOf(attribute);
    if (reading === undefined) return out;
    return sql`${out}, ${reading.sql} AS ${constant(columnName(i))}`;
  }, empty);
  const condition = query.condition === undefined ? empty : sql` AND ${query.condition}`;
  const answer = await reader.select(
    sql`SELECT toLowCardinality(TraceId) AS trace, SpanId, ParentSpanId, Timestamp AS start, Duration AS duration, SpanKind AS kind${columns}
        FROM otel_traces WHERE ${traceIdIs(query.traceIds)} AND ${inRange(query.range)}${condition}
        ORDER BY indexOf(${texts(query.traceIds)}, TraceId), Timestamp, SpanId
        LIMIT 1 BY TraceId, SpanId, Timestamp, Duration, SpanName, ServiceName, SpanKind
        LIMIT ${u64(query.rowsMax + 1)}`,
  );
  return storedTable(answer.blocks, query, keys);
}

function readingOf(
  attribute: Traceql.Attribute,
): { readonly sql: Sql; readonly many?: boolean } | undefined {
  return attribute.intrinsic === undefined
    ? attributeReading(attribute)
    : intrinsicSql.get(attribute.intrinsic);
}

/** A column over all blocks of an answer. */
function overBlocks<T>(
  blocks: readonly NativeBlock[],
  make: (block: NativeBlock) => Cell<T>,
): Cell<T> {
  const starts: number[] = [];
  const cells: Cell<T>[] = [];
  let rows = 0;
  for (const block of blocks) {
    if (block.rows === 0) continue;
    starts.push(rows);
    cells.push(make(block));
    rows += block.rows;
  }
  if (cells.length === 1) return cells[0] as Cell<T>;
  let last = 0;
  return (row) => {
    // Rows are mostly asked for in order, so the block of the last one is tried first.
    if (row < (starts[last] as number)) last = 0;
    while (last + 1 < starts.length && row >= (starts[last + 1] as number)) last++;
    return (cells[last] as Cell<T>)(row - (starts[last] as number));
  };
}

function storedTable(
  blocks: readonly NativeBlock[],
  query: TableQuery,
  keys: readonly string[],
): StoredTable {
  const found = blocks.reduce((sum, block) => sum + block.rows, 0);
  const rows = Math.min(found, query.rowsMax);
  const traceId = overBlocks(blocks, (block) => textCells(block, "trace"));
  const traceStarts: number[] = [];
  const traceIds: string[] = [];
  for (let row = 0; row < rows; row++) {
    const id = traceId(row);
    if (id === traceIds.at(-1)) continue;
    traceIds.push(id);
    traceStarts.push(row);
  }
  traceStarts.push(rows);
  const spanId = overBlocks(blocks, (block) => textCells(block, "SpanId"));
  const parentId = overBlocks(blocks, (block) => textCells(block, "ParentSpanId"));
  const durationNs = overBlocks(blocks, (block) => numberCells(block, "duration"));
  const basics: { readonly [intrinsic: string]: SpanColumn } = {
    "span:id": (row) => ({ type: "string", value: spanId(row) }),
    "span:parentID": (row) => ({ type: "string", value: shownParentId(parentId(row)) }),
    "trace:id": (row) => ({ type: "string", value: traceId(row) }),
    duration: (row) => ({ type: "duration", value: durationNs(row) }),
    traceDuration: fromFacts((facts) => ({ type: "duration", value: facts.durationNs })),
    rootName: fromFacts((facts) => ({ type: "string", value: facts.rootName })),
    rootServiceName: fromFacts((facts) => ({ type: "string", value: facts.rootServiceName })),
    kind: textual("kind", (value) => ({ type: "kind", value: value.toLowerCase() as "server" })),
  };
  function fromFacts(value: (facts: TraceFacts) => Static): SpanColumn {
    return (row) => {
      const facts = query.facts.get(traceId(row));
      return facts === undefined ? NIL_STATIC : value(facts);
    };
  }
  function textual(name: string, value: (text: string) => Static): SpanColumn {
    const cell = overBlocks(blocks, (block) => textCells(block, name));
    return (row) => value(cell(row));
  }
  function nameOf(attribute: Traceql.Attribute): string {
    const index = keys.findIndex((key) => sameAttribute(query.attributes.get(key), attribute));
    assert(index >= 0, `the attribute ${attribute.name} was read`);
    return columnName(index);
  }
  return {
    rows,
    cut: found > query.rowsMax,
    traceStarts,
    traceIds,
    traceId,
    spanId,
    parentId,
    durationNs,
    startNs: overBlocks(blocks, (block) => bigintCells(block, "start")),
    column(attribute) {
      const basic = attribute.intrinsic === undefined ? undefined : basics[attribute.intrinsic];
      return basic ?? storedColumn(blocks, nameOf(attribute), attribute);
    },
    items: (attribute) => storedItems(blocks, nameOf(attribute), attribute),
  };
}

function sameAttribute(a: Traceql.Attribute | undefined, b: Traceql.Attribute): boolean {
  return a !== undefined && a.scope === b.scope && a.name === b.name && a.intrinsic === b.intrinsic;
}

function storedColumn(
  blocks: readonly NativeBlock[],
  name: string,
  attribute: Traceql.Attribute,
): SpanColumn {
  const reading = readingOf(attribute);
  if (reading === undefined) return () => NIL_STATIC;
  if (reading.many !== true) {
    const decode = decoderOf(attribute);
    const cell = overBlocks(blocks, (block) => textCells(block, name));
    if (!isServiceName(attribute)) return (row) => decode(cell(row));
    return (row) => decode(cell(row) || "1");
  }
  const items = storedItems(blocks, name, attribute);
  return (row) => arrayStatic(items(row));
}

/** Of each event or link. */
function storedItems(
  blocks: readonly NativeBlock[],
  name: string,
  attribute: Traceql.Attribute,
): (row: number) => readonly Static[] {
  const decode = decoderOf(attribute);
  const cell = overBlocks(blocks, (block) => textsCells(block, name));
  return (row) => cell(row).map(decode);
}

function decoderOf({ intrinsic }: Traceql.Attribute): (text: string) => Static {
  if (intrinsic === undefined) return decodeValue;
  if (intrinsic === "status")
    return (text) => ({
      type: "status",
      value: text === "" ? "unset" : (text.toLowerCase() as "ok"),
    });
  if (intrinsic === "event:timeSinceStart")
    return (text) => ({ type: "duration", value: traceqlInteger(text) });
  return (text) => ({ type: "string", value: text });
}

/** A value as `attributeReading` reads it. */
export function decodeValue(encoded: string): Static {
  const text = encoded.slice(1);
  switch (encoded[0]) {
    case "1":
    case "5":
      return { type: "string", value: text };
    case "2":
      return { type: "bool", value: text === "true" };
    case "3":
      return /^-?\d{1,20}$/.test(text) ? { type: "int", value: traceqlInteger(text) } : NIL_STATIC;
    case "4":
      return { type: "float", value: Number(text) };
    case "6":
      return decodeArray(text);
    default:
      return NIL_STATIC;
  }
}

/** Arrays are kept as JSON; in it floats have a point or an exponent, and integers have none. One item is itself. */
function decodeArray(text: string): Static {
  let items: unknown;
  try {
    items = JSON.parse(
      text.replace(NUMBERS, (token, string?: string) =>
        string === undefined ? `"${token}"` : `"s${string}"`,
      ),
    );
  } catch {
    return { type: "string", value: text };
  }
  if (!Array.isArray(items)) return NIL_STATIC;
  const values = items.flatMap((item): Static[] => {
    if (typeof item === "boolean") return [{ type: "bool", value: item }];
    if (typeof item !== "string") return [];
    if (item.startsWith("s")) return [{ type: "string", value: item.slice(1) }];
    return [
      /^-?\d+$/.test(item)
        ? { type: "int", value: traceqlInteger(item) }
        : { type: "float", value: Number(item) },
    ];
  });
  const [first] = values;
  if (first === undefined) return NIL_STATIC;
  if (values.length === 1) return first;
  const of =
    first.type === "int" || first.type === "float" || first.type === "bool" ? first.type : "string";
  return { type: "array", of, items: values };
}
const NUMBERS = /"((?:[^"\\]|\\.)*)"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
