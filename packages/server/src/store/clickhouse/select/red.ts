/** Requests, errors and durations of services or operations over time, from stored spans. */
import { i64, sql, text, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { numberCells, numbersCells, readRows, textCells } from "./rows.ts";
import { isRequest } from "./services.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

export interface RedQuery {
  readonly range: NsRange;
  readonly stepNs: bigint;
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  readonly by: "service" | "operation";
  /** Services or operations at most, the busiest. */
  readonly limit: number;
}

export interface RedRow {
  readonly service: string;
  /** "" when asked by service. */
  readonly operation: string;
  readonly step: number;
  readonly requests: number;
  readonly errors: number;
  /** Nanoseconds at 50, 95 and 99 percent. */
  readonly durationsNs: readonly number[];
}

/** One row for each step with requests, in no order. */
export async function selectRed(reader: Reader, query: RedQuery): Promise<RedRow[]> {
  const { range, stepNs, by, limit } = query;
  const where = sql`${inRange(range)} AND ${isRequest}
    AND ${query.service === undefined ? sql`1` : sql`ServiceName = ${text(query.service)}`}
    AND ${query.operation === undefined ? sql`1` : sql`SpanName = ${text(query.operation)}`}`;
  const operation = by === "operation" ? sql`SpanName` : sql`''`;
  const group = by === "operation" ? sql`(ServiceName, SpanName)` : sql`tuple(ServiceName)`;
  const busiest = sql`SELECT ${group} FROM otel_traces WHERE ${where}
    GROUP BY ${group} ORDER BY count() DESC, ${group} LIMIT ${u64(limit)}`;
  const answer = await reader.select(
    sql`SELECT ServiceName AS service, ${operation} AS operation,
          intDiv(toUnixTimestamp64Nano(Timestamp) - ${i64(String(range.fromNs))}, ${i64(String(stepNs))}) AS step,
          count() AS requests, countIf(StatusCode = 'Error') AS errors,
          quantiles(0.5, 0.95, 0.99)(Duration) AS durations
        FROM otel_traces WHERE ${where} AND ${group} IN (${busiest})
        GROUP BY service, operation, step`,
  );
  return readRows(answer, (block) => {
    const service = textCells(block, "service");
    const name = textCells(block, "operation");
    const step = numberCells(block, "step");
    const requests = numberCells(block, "requests");
    const errors = numberCells(block, "errors");
    const durationsNs = numbersCells(block, "durations");
    return (row) => ({
      service: service(row),
      operation: name(row),
      step: step(row),
      requests: requests(row),
      errors: errors(row),
      durationsNs: durationsNs(row),
    });
  });
}
