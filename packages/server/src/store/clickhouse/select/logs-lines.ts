/**
 * Lines for LogQL: many of them, in order of time, in columns. Resource and scope of a line are given as a hash, so
 * that a reader decodes each of them once.
 */
import type { NativeBlock } from "@triptych/wire";
import { constant, type Sql, sql, u64 } from "../sql.ts";
import { type LinePlace, type LinesQuery, linesPage } from "./logs.ts";
import { bigintCells, type Cell, type Entry, mapCells, numberCells, textCells } from "./rows.ts";

export function logqlLinesSql(query: LinesQuery): Sql {
  const { where, order } = linesPage(query);
  const columns = constant(
    "Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, ObservedTimestamp, " +
      "ResourceAttributes, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, LogAttributes, _n, _seq, _w",
  );
  return sql`SELECT ${columns}, cityHash64(ServiceName, ResourceSchemaUrl, ResourceAttributes) AS resource_hash,
      cityHash64(ScopeName, ScopeVersion, ScopeAttributes) AS scope_hash
    FROM otel_logs WHERE ${where} ORDER BY ${order} LIMIT ${u64(query.limit)}`;
}

/** Readers of the columns of `logqlLinesSql`. */
export interface LogqlCells {
  readonly timeNs: Cell<bigint>;
  readonly traceId: Cell<string>;
  readonly spanId: Cell<string>;
  readonly traceFlags: Cell<number>;
  readonly severityText: Cell<string>;
  readonly severityNumber: Cell<number>;
  readonly service: Cell<string>;
  readonly body: Cell<string>;
  readonly observedNs: Cell<bigint>;
  readonly resourceHash: Cell<bigint>;
  readonly resource: Cell<Entry[]>;
  readonly schema: Cell<string>;
  readonly scopeHash: Cell<bigint>;
  readonly scopeName: Cell<string>;
  readonly scopeVersion: Cell<string>;
  readonly scope: Cell<Entry[]>;
  readonly attributes: Cell<Entry[]>;
  readonly place: Cell<LinePlace>;
}

export function logqlCells(block: NativeBlock): LogqlCells {
  const timeNs = bigintCells(block, "Timestamp");
  const writer = numberCells(block, "_w");
  const seq = bigintCells(block, "_seq");
  const n = numberCells(block, "_n");
  return {
    timeNs,
    traceId: textCells(block, "TraceId"),
    spanId: textCells(block, "SpanId"),
    traceFlags: numberCells(block, "TraceFlags"),
    severityText: textCells(block, "SeverityText"),
    severityNumber: numberCells(block, "SeverityNumber"),
    service: textCells(block, "ServiceName"),
    body: textCells(block, "Body"),
    observedNs: bigintCells(block, "ObservedTimestamp"),
    resourceHash: bigintCells(block, "resource_hash"),
    resource: mapCells(block, "ResourceAttributes"),
    schema: textCells(block, "ResourceSchemaUrl"),
    scopeHash: bigintCells(block, "scope_hash"),
    scopeName: textCells(block, "ScopeName"),
    scopeVersion: textCells(block, "ScopeVersion"),
    scope: mapCells(block, "ScopeAttributes"),
    attributes: mapCells(block, "LogAttributes"),
    place: (row) => ({ timeNs: timeNs(row), writer: writer(row), seq: seq(row), n: n(row) }),
  };
}
