/** The shape of traces: of each span who called it, when it ran, where, and whether it failed. No attributes. */
import { type Sql, sql, text, u64 } from "../sql.ts";
import type { NativeBlock } from "@triptych/wire";
import type { Reader } from "./reader.ts";
import { bigintCells, type Cell, numberCells, readRows, textCells } from "./rows.ts";
import { selectTraceTimes, traceIdIs } from "./traces.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

export interface SpanShape {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly service: string;
  /** `Server`, `Client`, …; `Unspecified`. */
  readonly kind: string;
  /** `Unset`, `Ok`, `Error`. */
  readonly status: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  /** What tells its host from others; "" when its resource does not say. */
  readonly host: string;
}

const resource = (key: string): Sql => sql`ResourceAttributes[${text(key)}]`;

/**
 * Jaeger's key of a host (`host.id`, then the first `host.ip`, then `host.name`), then what Jaeger's own clients send.
 * An array is stored as its JSON.
 */
export const hostOfSpan: Sql = sql`multiIf(
  ${resource("host.id")} != '', ${resource("host.id")},
  startsWith(${resource("host.ip")}, '['), JSONExtractString(${resource("host.ip")}, 1),
  ${resource("host.ip")} != '', ${resource("host.ip")},
  ${resource("host.name")} != '', ${resource("host.name")},
  ${resource("ip")} != '', ${resource("ip")},
  ${resource("hostname")})`;

export function shapeCells(block: NativeBlock): Cell<SpanShape> {
  const traceId = textCells(block, "TraceId");
  const spanId = textCells(block, "SpanId");
  const parentSpanId = textCells(block, "ParentSpanId");
  const name = textCells(block, "SpanName");
  const service = textCells(block, "ServiceName");
  const kind = textCells(block, "SpanKind");
  const status = textCells(block, "StatusCode");
  const startNs = bigintCells(block, "Timestamp");
  const durationNs = numberCells(block, "Duration");
  const host = textCells(block, "Host");
  return (row) => ({
    traceId: traceId(row),
    spanId: spanId(row),
    parentSpanId: parentSpanId(row),
    name: name(row),
    service: service(row),
    kind: kind(row),
    status: status(row),
    startNs: startNs(row),
    durationNs: durationNs(row),
    host: host(row),
  });
}

/** By trace and start time; a span stored twice comes once. `cut` when there were more than `spansMax`. */
export async function selectTraceShapes(
  reader: Reader,
  traceIds: readonly string[],
  spansMax: number,
): Promise<{ readonly spans: readonly SpanShape[]; readonly cut: boolean }> {
  const range = traceIds.length === 0 ? undefined : await selectTraceTimes(reader, traceIds);
  if (range === undefined) return { spans: [], cut: false };
  const answer = await reader.select(
    sql`SELECT TraceId, SpanId, ParentSpanId, SpanName, ServiceName, SpanKind, StatusCode, Timestamp, Duration,
          ${hostOfSpan} AS Host
        FROM otel_traces WHERE ${traceIdIs(traceIds)} AND ${inRange(range)}
        ORDER BY TraceId, Timestamp, SpanId
        LIMIT 1 BY TraceId, SpanId, Timestamp, Duration, SpanName, ServiceName, SpanKind
        LIMIT ${u64(spansMax + 1)}`,
  );
  const spans = readRows(answer, shapeCells);
  return spans.length > spansMax
    ? { spans: spans.slice(0, spansMax), cut: true }
    : { spans, cut: false };
}

/** Ids of some other traces in which this operation is the root (or is there at all), picked evenly. */
export async function selectAlikeTraceIds(
  reader: Reader,
  query: {
    readonly service: string;
    readonly name: string;
    readonly asRoot: boolean;
    readonly range: NsRange;
    readonly except: string;
    readonly limit: number;
  },
): Promise<string[]> {
  const root = query.asRoot ? sql` AND ParentSpanId = ''` : sql``;
  const answer = await reader.select(
    sql`SELECT TraceId FROM otel_traces
        WHERE ServiceName = ${text(query.service)} AND SpanName = ${text(query.name)} AND ${inRange(query.range)}
          AND TraceId != ${text(query.except)}${root}
        GROUP BY TraceId ORDER BY cityHash64(TraceId) LIMIT ${u64(query.limit)}`,
  );
  return readRows(answer, (block) => textCells(block, "TraceId"));
}
