/** A trace for its waterfall: of each span what is drawn, and no attributes. Beside it what is looked for within it. */
import { sql, text, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { type Cell, numberCells, numbersCells, readRows, textCells } from "./rows.ts";
import { hostOfSpan, shapeCells, type SpanShape } from "./span-shape.ts";
import { selectTraceTimes, traceIdIs } from "./traces.ts";
import { inRange, type NsRange } from "./traces-filter.ts";
import type { NativeBlock } from "@triptych/wire";

export interface OutlineSpan extends SpanShape {
  readonly statusMessage: string;
  /** Attributes, events and links that are missing; [] for none. */
  readonly dropped: readonly number[];
}

/** When the spans of a trace were, and how many rows it has; `undefined` when nothing is known of it. */
export async function selectTraceSize(
  reader: Reader,
  traceId: string,
): Promise<{ readonly range: NsRange; readonly rows: number } | undefined> {
  const range = await selectTraceTimes(reader, [traceId]);
  if (range === undefined) return undefined;
  const answer = await reader.select(
    sql`SELECT count() AS found FROM otel_traces WHERE ${traceIdIs([traceId])} AND ${inRange(range)}`,
  );
  const [rows = 0] = readRows(answer, (block) => numberCells(block, "found"));
  return { range, rows };
}

/** By start time; a span stored twice comes once, as in `selectTraces`. */
export async function selectTraceOutline(
  reader: Reader,
  traceId: string,
  { range, spansMax }: { readonly range: NsRange; readonly spansMax: number },
): Promise<{
  readonly count: number;
  readonly cut: boolean;
  shapes(): Iterable<OutlineSpan>;
}> {
  const { blocks } = await reader.select(
    sql`SELECT toLowCardinality(TraceId) AS TraceId, SpanId, ParentSpanId, SpanName, ServiceName, SpanKind, StatusCode,
          StatusMessage, Timestamp, Duration, Dropped, toLowCardinality(${hostOfSpan}) AS Host
        FROM otel_traces WHERE ${traceIdIs([traceId])} AND ${inRange(range)}
        ORDER BY Timestamp, SpanId
        LIMIT 1 BY SpanId, Timestamp, Duration, SpanName, ServiceName, SpanKind
        LIMIT ${u64(spansMax + 1)}`,
  );
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
  const count = Math.min(rows, spansMax);
  return {
    count,
    cut: rows > spansMax,
    shapes: function* () {
      let left = count;
      for (const block of blocks) {
        if (block.rows === 0) continue;
        const cell = outlineCells(block);
        for (let row = 0; row < block.rows && left > 0; row++, left--) yield cell(row);
      }
    },
  };
}

function outlineCells(block: NativeBlock): Cell<OutlineSpan> {
  const shape = shapeCells(block);
  const statusMessage = textCells(block, "StatusMessage");
  const dropped = numbersCells(block, "Dropped");
  return (row) =>
    Object.assign(shape(row), { statusMessage: statusMessage(row), dropped: dropped(row) });
}

/** Ids of spans of the trace that have the text in an attribute or the name of an event, in any case. */
export async function selectSpansWithText(
  reader: Reader,
  traceId: string,
  wanted: string,
): Promise<string[]> {
  const range = await selectTraceTimes(reader, [traceId]);
  if (range === undefined) return [];
  const has = sql`x -> positionCaseInsensitiveUTF8(x, ${text(wanted)}) > 0`;
  const answer = await reader.select(
    sql`SELECT SpanId FROM otel_traces WHERE ${traceIdIs([traceId])} AND ${inRange(range)}
          AND (arrayExists(${has}, mapValues(SpanAttributes)) OR arrayExists(${has}, mapKeys(SpanAttributes))
            OR arrayExists(${has}, \`Events.Name\`))
        GROUP BY SpanId`,
  );
  return readRows(answer, (block) => textCells(block, "SpanId"));
}
