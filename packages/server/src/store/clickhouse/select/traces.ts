/**
 * One trace with everything that is stored of it. The lookup table says when its spans were, also those that came
 * late, so that the span table is read only there.
 */
import type { NativeBlock } from "@triptych/wire";
import { constant, empty, join, type Sql, sql, text, texts, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import {
  bigintCells,
  bigintsCells,
  type Cell,
  mapCells,
  mapsCells,
  numberCells,
  numbersCells,
  readRows,
  textCells,
  textsCells,
} from "./rows.ts";
import { type SpanColumns, sharedAttributeCells, spanColumns } from "./span-columns.ts";
import { hostOfSpan, shapeCells, type SpanShape } from "./span-shape.ts";
import type { StoredAttributes, StoredSpan } from "./stored-span.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

export type { StoredAttributes, StoredSpan } from "./stored-span.ts";

/** Spans of one or several traces; each span is made when it is asked for. */
export interface StoredSpans {
  readonly count: number;
  /** Whether `spansMax` cut them. */
  readonly cut: boolean;
  [Symbol.iterator](): Iterator<StoredSpan>;
  /** The same spans without attributes, in the same order. */
  shapes(): Iterable<SpanShape>;
  /** The same spans in the same order as columns: nothing is made of a span but what is written of it. */
  columns(): Iterable<SpanColumns>;
}

const SECOND_NS = 1_000_000_000n;
/** The lookup table keeps seconds in 32 bits: it knows nothing of spans after this (2106). */
const LOOKUP_END_NS = 2n ** 32n * SECOND_NS;
const INT64_MAX = 2n ** 63n - 1n;

/** When the spans of these traces started, to the second; `undefined` when none is known. */
export async function selectTraceTimes(
  reader: Reader,
  traceIds: readonly string[],
): Promise<NsRange | undefined> {
  const answer = await reader.select(
    sql`SELECT toInt64(min(Start)) AS first, toInt64(max(End)) AS last, count() AS found,
          (SELECT count() FROM otel_traces
            WHERE ${inRange({ fromNs: LOOKUP_END_NS, toNs: INT64_MAX })} AND TraceId IN ${texts(traceIds)}) AS late
        FROM otel_traces_trace_id_ts WHERE TraceId IN ${texts(traceIds)}`,
  );
  const [times] = readRows(answer, (block) => {
    const first = bigintCells(block, "first");
    const last = bigintCells(block, "last");
    const found = numberCells(block, "found");
    const late = numberCells(block, "late");
    return (row) => ({ first: first(row), last: last(row), found: found(row), late: late(row) });
  });
  if (times === undefined || times.found === 0) return undefined;
  const toNs = times.late > 0 ? INT64_MAX : (times.last + 1n) * SECOND_NS;
  return { fromNs: times.first * SECOND_NS, toNs };
}

const columns = constant(
  [
    // What repeats comes once.
    "toLowCardinality(TraceId) AS TraceId",
    "SpanId",
    "ParentSpanId",
    "TraceState",
    "SpanName",
    "SpanKind",
    "ServiceName",
    "Timestamp",
    "Duration",
    "StatusCode",
    "StatusMessage",
    "Flags",
    "Dropped",
    "toLowCardinality(ScopeName) AS ScopeName",
    "toLowCardinality(ScopeVersion) AS ScopeVersion",
    "ResourceAttributes",
    "ResourceKinds",
    "ScopeAttributes",
    "ScopeKinds",
    "SpanAttributes",
    "SpanKinds",
    "`Events.Timestamp`",
    "`Events.Name`",
    "`Events.Attributes`",
    "EventKinds",
    "`Links.TraceId`",
    "`Links.SpanId`",
    "`Links.Attributes`",
    "LinkKinds",
  ].join(", "),
);

export interface TraceQuery {
  readonly traceIds: readonly string[];
  /** Narrows by start time. */
  readonly range?: NsRange | undefined;
  /** Only spans with this id. */
  readonly spanId?: string | undefined;
  readonly spansMax: number;
}

/**
 * All spans of the traces, in the order of the ids and then by start time. A span that is stored twice (its sender repeated it in
 * another batch) comes once.
 */
export async function selectTraces(reader: Reader, query: TraceQuery): Promise<StoredSpans> {
  const known =
    query.traceIds.length === 0 ? undefined : await selectTraceTimes(reader, query.traceIds);
  const range = known === undefined ? undefined : overlap(known, query.range);
  if (range === undefined) return storedSpans([], query.spansMax);
  const order =
    query.traceIds.length === 1 ? empty : sql`indexOf(${texts(query.traceIds)}, TraceId), `;
  const spanIs = query.spanId === undefined ? empty : sql` AND SpanId = ${text(query.spanId)}`;
  const answer = await reader.select(
    sql`SELECT ${columns}, toLowCardinality(${hostOfSpan}) AS Host FROM otel_traces
        WHERE ${traceIdIs(query.traceIds)} AND ${inRange(range)}${spanIs}
        ORDER BY ${order}Timestamp, SpanId
        LIMIT 1 BY TraceId, SpanId, Timestamp, Duration, SpanName, ServiceName, SpanKind
        LIMIT ${u64(query.spansMax + 1)}`,
  );
  return storedSpans(answer.blocks, query.spansMax);
}

/** One id as an equality: the bloom filter answers that faster than a set of one. */
export function traceIdIs(traceIds: readonly string[]): Sql {
  if (traceIds.length > 16) return sql`TraceId IN ${texts(traceIds)}`;
  return sql`(${join(
    traceIds.map((id) => sql`TraceId = ${text(id)}`),
    " OR ",
  )})`;
}

function overlap(known: NsRange, wanted: NsRange | undefined): NsRange | undefined {
  if (wanted === undefined) return known;
  // biome-ignore lint/complexity/useMathMinMax: these are bigints
  const fromNs = known.fromNs > wanted.fromNs ? known.fromNs : wanted.fromNs;
  // biome-ignore lint/complexity/useMathMinMax: these are bigints
  const toNs = known.toNs < wanted.toNs ? known.toNs : wanted.toNs;
  return fromNs < toNs ? { fromNs, toNs } : undefined;
}

function storedSpans(blocks: readonly NativeBlock[], spansMax: number): StoredSpans {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
  const count = Math.min(rows, spansMax);
  const each = function* <T>(cells: (block: NativeBlock) => Cell<T>): Generator<T> {
    let left = count;
    for (const block of blocks) {
      if (block.rows === 0) continue;
      const cell = cells(block);
      for (let row = 0; row < block.rows && left > 0; row++, left--) yield cell(row);
    }
  };
  return {
    count,
    cut: rows > spansMax,
    [Symbol.iterator]: () => each(spanCells),
    shapes: () => each(shapeCells),
    columns: function* () {
      let left = count;
      for (const block of blocks) {
        if (left === 0) return;
        if (block.rows === 0) continue;
        const columns = spanColumns(block);
        yield { ...columns, rows: Math.min(left, block.rows) };
        left -= Math.min(left, block.rows);
      }
    },
  };
}

function attributeCells(block: NativeBlock, name: string, kinds: string): Cell<StoredAttributes> {
  const entries = mapCells(block, name);
  const digits = textCells(block, kinds);
  return (row) => ({ entries: entries(row), kinds: digits(row) });
}

function eventCells(block: NativeBlock): Cell<StoredSpan["events"]> {
  const times = bigintsCells(block, "Events.Timestamp");
  const names = textsCells(block, "Events.Name");
  const attributes = mapsCells(block, "Events.Attributes");
  const kinds = textsCells(block, "EventKinds");
  return (row) => {
    const at = times(row);
    if (at.length === 0) return [];
    const name = names(row);
    const entries = attributes(row);
    const digits = kinds(row);
    return at.map((timeNs, i) => ({
      timeNs,
      name: name[i] ?? "",
      attributes: { entries: entries[i] ?? [], kinds: digits[i] ?? "" },
    }));
  };
}

function linkCells(block: NativeBlock): Cell<StoredSpan["links"]> {
  const traceIds = textsCells(block, "Links.TraceId");
  const spanIds = textsCells(block, "Links.SpanId");
  const attributes = mapsCells(block, "Links.Attributes");
  const kinds = textsCells(block, "LinkKinds");
  return (row) => {
    const traces = traceIds(row);
    if (traces.length === 0) return [];
    const spans = spanIds(row);
    const entries = attributes(row);
    const digits = kinds(row);
    return traces.map((traceId, i) => ({
      traceId,
      spanId: spans[i] ?? "",
      attributes: { entries: entries[i] ?? [], kinds: digits[i] ?? "" },
    }));
  };
}

function spanCells(block: NativeBlock): Cell<StoredSpan> {
  const traceId = textCells(block, "TraceId");
  const spanId = textCells(block, "SpanId");
  const parentSpanId = textCells(block, "ParentSpanId");
  const traceState = textCells(block, "TraceState");
  const name = textCells(block, "SpanName");
  const kind = textCells(block, "SpanKind");
  const service = textCells(block, "ServiceName");
  const startNs = bigintCells(block, "Timestamp");
  const durationNs = numberCells(block, "Duration");
  const status = textCells(block, "StatusCode");
  const statusMessage = textCells(block, "StatusMessage");
  const flags = numberCells(block, "Flags");
  const scopeName = textCells(block, "ScopeName");
  const scopeVersion = textCells(block, "ScopeVersion");
  const resource = sharedAttributeCells(block, "ResourceAttributes", "ResourceKinds");
  const scope = sharedAttributeCells(block, "ScopeAttributes", "ScopeKinds");
  const attributes = attributeCells(block, "SpanAttributes", "SpanKinds");
  const events = eventCells(block);
  const links = linkCells(block);
  const droppedAt = numbersCells(block, "Dropped");
  const dropped = (row: number): StoredSpan["dropped"] => {
    const [lostAttributes = 0, lostEvents = 0, lostLinks = 0] = droppedAt(row);
    return { attributes: lostAttributes, events: lostEvents, links: lostLinks };
  };
  return (row) => ({
    traceId: traceId(row),
    spanId: spanId(row),
    parentSpanId: parentSpanId(row),
    traceState: traceState(row),
    name: name(row),
    kind: kind(row),
    service: service(row),
    startNs: startNs(row),
    durationNs: durationNs(row),
    status: status(row),
    statusMessage: statusMessage(row),
    flags: flags(row),
    scopeName: scopeName(row),
    scopeVersion: scopeVersion(row),
    resource: resource(row),
    scope: scope(row),
    attributes: attributes(row),
    events: events(row),
    links: links(row),
    dropped: dropped(row),
  });
}
