/** Selects over `otel_logs`: lines in order with paging, counts, labels, and what arrived since a look before. */
import type { NativeBlock } from "@triptych/wire";
import { all, constant, i64, join, type Sql, sql, texts, u64 } from "../sql.ts";
import { levelSql } from "./logs-level.ts";
import {
  clampedNs,
  fieldSql,
  fromLokiSql,
  type LogCondition,
  type LogField,
  type LogRange,
  logConditions,
  logRange,
} from "./logs-filter.ts";
import { bigintCells, type Cell, type Entry, mapCells, numberCells, textCells } from "./rows.ts";

/** The place of a line in the order of time: lines of one instant are ordered by where they came from. */
export interface LinePlace {
  readonly timeNs: bigint;
  readonly writer: number;
  readonly seq: bigint;
  readonly n: number;
}

export interface StoredLine extends LinePlace {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly severityText: string;
  readonly severityNumber: number;
  readonly service: string;
  readonly body: string;
  readonly observedNs: bigint;
  readonly resource: readonly Entry[];
  readonly resourceKinds: string;
  /** Tells lines of Loki's push. */
  readonly resourceSchema: string;
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly scope: readonly Entry[];
  readonly attributes: readonly Entry[];
  readonly kinds: string;
}

const lineColumns = constant(
  "Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, ObservedTimestamp, " +
    "ResourceAttributes, ResourceKinds, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, LogAttributes, LogKinds, _n, _seq, _w",
);

export interface LinesQuery {
  readonly range: LogRange;
  readonly conditions: readonly LogCondition[];
  readonly order: "newest" | "oldest";
  readonly limit: number;
  /** Only lines that come later in the order than this one. */
  readonly after?: LinePlace | undefined;
}

/** What a page of lines has in common, whatever columns are read. */
export function linesPage(query: LinesQuery): { readonly where: Sql; readonly order: Sql } {
  const newest = query.order === "newest";
  const conditions = [logRange(query.range), logConditions(query.conditions)];
  if (query.after !== undefined) conditions.push(beyond(query.after, newest));
  const order = newest
    ? sql`Timestamp DESC, _w DESC, _seq DESC, _n DESC`
    : sql`Timestamp, _w, _seq, _n`;
  return { where: all(conditions), order };
}

export function linesSql(query: LinesQuery): Sql {
  const { where, order } = linesPage(query);
  return sql`SELECT ${lineColumns} FROM otel_logs WHERE ${where}
    ORDER BY ${order} LIMIT ${u64(query.limit)}`;
}

function beyond(place: LinePlace, newest: boolean): Sql {
  const time = sql`fromUnixTimestamp64Nano(${i64(clampedNs(place.timeNs))})`;
  const here = sql`(${u64(place.writer)}, ${u64(String(place.seq))}, ${u64(place.n)})`;
  return newest
    ? sql`Timestamp <= ${time} AND (Timestamp < ${time} OR (_w, _seq, _n) < ${here})`
    : sql`Timestamp >= ${time} AND (Timestamp > ${time} OR (_w, _seq, _n) > ${here})`;
}

/** Reads the rows of `linesSql`. */
export function lineCells(block: NativeBlock): Cell<StoredLine> {
  const time = bigintCells(block, "Timestamp");
  const traceId = textCells(block, "TraceId");
  const spanId = textCells(block, "SpanId");
  const traceFlags = numberCells(block, "TraceFlags");
  const severityText = textCells(block, "SeverityText");
  const severityNumber = numberCells(block, "SeverityNumber");
  const service = textCells(block, "ServiceName");
  const body = textCells(block, "Body");
  const observed = bigintCells(block, "ObservedTimestamp");
  const resource = mapCells(block, "ResourceAttributes");
  const resourceKinds = textCells(block, "ResourceKinds");
  const resourceSchema = textCells(block, "ResourceSchemaUrl");
  const scopeName = textCells(block, "ScopeName");
  const scopeVersion = textCells(block, "ScopeVersion");
  const scope = mapCells(block, "ScopeAttributes");
  const attributes = mapCells(block, "LogAttributes");
  const kinds = textCells(block, "LogKinds");
  const n = numberCells(block, "_n");
  const seq = bigintCells(block, "_seq");
  const writer = numberCells(block, "_w");
  return (row) => ({
    timeNs: time(row),
    writer: writer(row),
    seq: seq(row),
    n: n(row),
    traceId: traceId(row),
    spanId: spanId(row),
    traceFlags: traceFlags(row),
    severityText: severityText(row),
    severityNumber: severityNumber(row),
    service: service(row),
    body: body(row),
    observedNs: observed(row),
    resource: resource(row),
    resourceKinds: resourceKinds(row),
    resourceSchema: resourceSchema(row),
    scopeName: scopeName(row),
    scopeVersion: scopeVersion(row),
    scope: scope(row),
    attributes: attributes(row),
    kinds: kinds(row),
  });
}

interface Filter {
  readonly range: LogRange;
  readonly conditions: readonly LogCondition[];
}

const where = (filter: Filter): Sql =>
  sql`${logRange(filter.range)} AND ${logConditions(filter.conditions)}`;

/**
 * Lines per step and level: columns `step`, `level`, `lines`. Of most lines the number says the level, and to group by
 * texts takes twice as long: other lines are counted apart.
 */
export function levelCountsSql(filter: Filter, steps: { fromMs: number; stepMs: number }): Sql {
  const step = sql`intDiv(toUnixTimestamp64Milli(Timestamp) - ${i64(steps.fromMs)}, ${i64(steps.stepMs)})`;
  const numbered = sql`(SeverityNumber >= 1 AND SeverityNumber <= 24)`;
  return sql`SELECT step, ${levelSql} AS level, sum(n) AS lines FROM (
      SELECT ${step} AS step, SeverityNumber, '' AS SeverityText, count() AS n
      FROM otel_logs WHERE ${where(filter)} AND ${numbered} GROUP BY step, SeverityNumber
      UNION ALL
      SELECT ${step} AS step, SeverityNumber, SeverityText, count() AS n
      FROM otel_logs WHERE ${where(filter)} AND NOT ${numbered} GROUP BY step, SeverityNumber, SeverityText
    ) GROUP BY step, level`;
}

/** Lines per service, most first: columns `service`, `lines`, `errors`. */
export function serviceCountsSql(filter: Filter, limit: number): Sql {
  return sql`SELECT ServiceName AS service, count() AS lines, countIf(${levelSql} IN ('error', 'fatal')) AS errors
    FROM otel_logs WHERE ${where(filter)} GROUP BY service ORDER BY lines DESC, service LIMIT ${u64(limit)}`;
}

/**
 * Which of the resource attributes `keys` occur, all of them of lines from Loki's push, and whether any line is there
 * at all: `attribute`, one row each.
 */
export function resourceKeysSql(filter: Filter, keys: readonly string[]): Sql {
  return sql`SELECT DISTINCT arrayJoin(arrayConcat([''], if(${fromLokiSql}, mapKeys(ResourceAttributes),
      arrayIntersect(mapKeys(ResourceAttributes), ${texts(keys)})))) AS attribute
    FROM otel_logs WHERE ${where(filter)}`;
}

/** Distinct values of a field: column `value`. */
export function labelValuesSql(filter: Filter, field: LogField, limit: number): Sql {
  return sql`SELECT DISTINCT toString(${fieldSql(field)}) AS value FROM otel_logs
    WHERE ${where(filter)} LIMIT ${u64(limit)}`;
}

/** Distinct streams: `service`, `schema`, and of the resource what is among `keys`, or all of Loki's: `found`. */
export function streamsSql(filter: Filter, keys: readonly string[], limit: number): Sql {
  return sql`SELECT DISTINCT ServiceName AS service, ResourceSchemaUrl AS schema,
      if(${fromLokiSql}, ResourceAttributes, mapFilter((k, v) -> has(${texts(keys)}, k), ResourceAttributes)) AS found
    FROM otel_logs WHERE ${where(filter)} LIMIT ${u64(limit)}`;
}

/** The newest record of a writer and day that has been looked at. */
export interface Head {
  readonly writer: number;
  readonly day: number;
  readonly seq: bigint;
}

/** What was looked at: everything of a writer up to its floor, and of each day up to its head. */
export interface Seen {
  readonly floors: ReadonlyMap<number, bigint>;
  readonly heads: readonly Head[];
}

const day = constant("toYYYYMMDD(Timestamp, 'UTC')");

/** Rows that are not in `seen`: by arrival, not by time, so that late lines count too. */
function arrived(seen: Seen): Sql {
  const conditions = seen.heads.map(
    (head) =>
      sql`NOT (_w = ${u64(head.writer)} AND ${day} = ${u64(head.day)} AND _seq <= ${u64(String(head.seq))})`,
  );
  const floors = [...seen.floors].map(
    ([writer, seq]) => sql`_w = ${u64(writer)} AND _seq > ${u64(String(seq))}`,
  );
  const unknown = [...seen.floors].map(([writer]) => sql`_w != ${u64(writer)}`);
  const fresh = [...floors, all(unknown)].map((condition) => sql`(${condition})`);
  return sql`(${join(fresh, " OR ")}) AND ${all(conditions)}`;
}

/** Newest record of every writer: columns `writer`, `head`. `sinceNs` spares a look at everything. */
export function newestRecordsSql(sinceNs: bigint): Sql {
  return sql`SELECT _w AS writer, max(_seq) AS head FROM otel_logs
    WHERE Timestamp >= fromUnixTimestamp64Nano(${i64(clampedNs(sinceNs))}) GROUP BY writer`;
}

/** What arrived, by writer and day: columns `writer`, `day`, `head`, `matching`. */
export function arrivedHeadsSql(seen: Seen, conditions: readonly LogCondition[]): Sql {
  return sql`SELECT _w AS writer, ${day} AS day, max(_seq) AS head, countIf(${logConditions(conditions)}) AS matching
    FROM otel_logs WHERE ${arrived(seen)} GROUP BY writer, day`;
}

/** The newest lines among what arrived up to `heads`, which `arrivedHeadsSql` gave. */
export function arrivedLinesSql(
  seen: Seen,
  heads: readonly Head[],
  query: { readonly conditions: readonly LogCondition[]; readonly limit: number },
): Sql {
  const upTo = heads.map(
    (head) =>
      sql`(_w = ${u64(head.writer)} AND ${day} = ${u64(head.day)} AND _seq <= ${u64(String(head.seq))})`,
  );
  return sql`SELECT ${lineColumns} FROM otel_logs
    WHERE ${arrived(seen)} AND (${join(upTo, " OR ")}) AND ${logConditions(query.conditions)}
    ORDER BY Timestamp DESC, _w DESC, _seq DESC, _n DESC LIMIT ${u64(query.limit)}`;
}
