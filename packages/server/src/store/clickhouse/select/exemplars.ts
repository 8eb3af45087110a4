/** Selects over `exemplars`: all that some series have, with their labels. */
import { i64, type Sql, sql, u64, u64s } from "../sql.ts";

/** Milliseconds, both inclusive. */
export interface ExemplarRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Columns `id`, `time`, `value`, `trace`, `span`, `attributes`; sorted by series and time, each once. */
export function allExemplarsSql(
  ids: readonly bigint[],
  { fromMs, toMs }: ExemplarRange,
  limit: number,
): Sql {
  return sql`SELECT Id AS id, Time AS time, Value AS value, TraceId AS trace, SpanId AS span, Attributes AS attributes
    FROM exemplars WHERE Id IN (SELECT arrayJoin(${u64s(ids.map(String))}))
      AND Time >= ${i64(Math.floor(fromMs))} AND Time <= ${i64(Math.floor(toMs))}
    ORDER BY Id, Time, _seq LIMIT 1 BY Id, Time, Value, TraceId, SpanId LIMIT ${u64(limit)}`;
}
