/** Selects over `samples`, `histograms` and `exemplars` by series id, sorted by series and time. */
import { i64, join, type Sql, sql, texts, u64 } from "../sql.ts";

/** Milliseconds; `afterMs` exclusive, `toMs` inclusive: the left-open windows of Prometheus. */
export interface SampleRange {
  readonly afterMs: number;
  readonly toMs: number;
}

/** A list of parameters is planned faster than a subquery, up to about this many. */
const IDS_AS_PARAMETERS_MAX = 50;

function among(ids: readonly bigint[]): Sql {
  if (ids.length > 0 && ids.length <= IDS_AS_PARAMETERS_MAX) {
    const list = ids.map((id) => sql`${u64(String(id))}`);
    return sql`Id IN (${join(list, ", ")})`;
  }
  // As text, because a parameter of 64-bit numbers is bound through doubles.
  return sql`Id IN (SELECT arrayJoin(arrayMap(x -> toUInt64(x), ${texts(ids.map(String))})))`;
}

function within({ afterMs, toMs }: SampleRange): Sql {
  return sql`Time > ${i64(Math.floor(afterMs))} AND Time <= ${i64(Math.floor(toMs))}`;
}

/** Columns `id`, `time`, `value`. Of samples with the same id and time the first one counts. */
export function samplesSql(ids: readonly bigint[], range: SampleRange, limit: number): Sql {
  return sql`SELECT Id AS id, Time AS time, Value AS value FROM samples
    WHERE ${among(ids)} AND ${within(range)} ORDER BY Id, Time, _seq LIMIT ${u64(limit)}`;
}

/** Column `samples`: how many rows `samplesSql` would give. */
export function countSql(ids: readonly bigint[], range: SampleRange): Sql {
  return sql`SELECT count() AS samples FROM samples WHERE ${among(ids)} AND ${within(range)}`;
}

/** The columns of `histograms`, with `id` and `time`. */
export function histogramsSql(ids: readonly bigint[], range: SampleRange, limit: number): Sql {
  return sql`SELECT Id AS id, Time AS time, Schema, ResetHint, ZeroThreshold, ZeroCount, Count, Sum,
      PositiveGaps, PositiveLengths, PositiveCounts, NegativeGaps, NegativeLengths, NegativeCounts, CustomValues
    FROM histograms WHERE ${among(ids)} AND ${within(range)} ORDER BY Id, Time, _seq LIMIT ${u64(limit)}`;
}

/** Columns `id` and `time`: the newest histogram of each series that has one in the range. */
export function newestHistogramsSql(range: SampleRange, limit: number): Sql {
  return sql`SELECT Id AS id, max(Time) AS time FROM histograms WHERE ${within(range)}
    GROUP BY Id LIMIT ${u64(limit)}`;
}

/** Exemplars with a trace, spread over the range: columns `id`, `time`, `value`, `trace`. */
export function exemplarsSql(
  ids: readonly bigint[],
  range: SampleRange,
  spread: { readonly stepMs: number; readonly perStep: number; readonly limit: number },
): Sql {
  return sql`SELECT Id AS id, Time AS time, Value AS value, TraceId AS trace,
      intDiv(Time - ${i64(Math.floor(range.afterMs))}, ${i64(spread.stepMs)}) AS step
    FROM exemplars WHERE ${among(ids)} AND ${within(range)} AND TraceId != ''
    ORDER BY step, value DESC LIMIT ${u64(spread.perStep)} BY step LIMIT ${u64(spread.limit)}`;
}
