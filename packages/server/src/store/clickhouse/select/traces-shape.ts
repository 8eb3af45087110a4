/** The shape of traces: of each span who called it, when it ran, where, and whether it failed. No attributes. */
import { sql, text, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { readRows, textCells } from "./rows.ts";
import { hostOfSpan, shapeCells, type SpanShape } from "./span-shape.ts";
import { selectTraceTimes, traceIdIs } from "./traces.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

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
