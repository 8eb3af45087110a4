/** Selects over `samples`, `histograms` and `exemplars` by series id, sorted by series and time. */
import type { Tier } from "./tiers.ts";
import { constant, i64, join, type Sql, sql, text, texts, u64 } from "../sql.ts";

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

/** Beyond this there are no times, and numbers may not fit the engine's. */
const TIME_MS_MAX = 2 ** 53;
const whole = (ms: number): number => Math.floor(Math.min(Math.max(ms, -TIME_MS_MAX), TIME_MS_MAX));

function within({ afterMs, toMs }: SampleRange): Sql {
  return sql`Time > ${i64(whole(afterMs))} AND Time <= ${i64(whole(toMs))}`;
}

/** Of downsampled rows: the last sample, or what the row says of all of them. Samples are all four themselves; each counts one. */
export type SampleColumn = "Value" | "Min" | "Max" | "Sum" | "Count";

const STALE_BITS = "9218868437227405314";

const columns: { readonly [column in SampleColumn]: Sql } = {
  Value: constant("Value"),
  Min: constant("Min"),
  Max: constant("Max"),
  Sum: constant("Sum"),
  Count: constant("toFloat64(Count)"),
};

const tierTables: { readonly [tier in Tier]: Sql } = {
  samples: constant("samples"),
  samples_5m: constant("samples_5m"),
  samples_1h: constant("samples_1h"),
};

const NUMBER = constant("Number");

/** Markers of a series' end stay what they are. */
function rawColumn(column: SampleColumn): Sql {
  if (column !== "Count") return NUMBER;
  return sql`if(reinterpretAsUInt64(Number) = ${u64(STALE_BITS)}, Number, 1.)`;
}

/** A range of time and where its samples are kept. */
export interface TierRange extends SampleRange {
  readonly tier: Tier;
}

/** Columns `Id`, `Time`, `value`, `seq`. */
function rowsOf(
  ids: readonly bigint[],
  pieces: readonly TierRange[],
  column: SampleColumn = "Value",
): Sql {
  return join(
    pieces.map(({ tier, ...range }) => {
      const table = tierTables[tier];
      const isRaw = tier === "samples";
      const value = isRaw ? rawColumn(column) : columns[column];
      const seq = constant(isRaw ? "_seq" : "toUInt64(0)");
      return sql`SELECT Id, Time, ${value} AS value, ${seq} AS seq FROM ${table} WHERE ${among(ids)} AND ${within(range)}`;
    }),
    " UNION ALL ",
  );
}

/** Columns `id`, `time`, `value`. Of samples with the same id and time the first one counts. */
export function samplesSql(
  ids: readonly bigint[],
  pieces: readonly TierRange[],
  { limit, column }: { readonly limit: number; readonly column: SampleColumn },
): Sql {
  const [only] = pieces;
  if (pieces.length === 1 && only?.tier === "samples")
    return sql`SELECT Id AS id, Time AS time, ${rawColumn(column)} AS value FROM samples
      WHERE ${among(ids)} AND ${within(only)} ORDER BY Id, Time, _seq LIMIT ${u64(limit)}`;
  return sql`SELECT Id AS id, Time AS time, value FROM (${rowsOf(ids, pieces, column)})
    ORDER BY Id, Time, seq LIMIT ${u64(limit)}`;
}

/** Column `samples`: how many rows `samplesSql` would give. */
export function countSql(ids: readonly bigint[], pieces: readonly TierRange[]): Sql {
  return sql`SELECT count() AS samples FROM (${rowsOf(ids, pieces)})`;
}

/** Functions of the engine that compute a value for each step of a grid from the samples of a window before it. */
const gridFunctions = {
  last: constant("timeSeriesLastToGrid"),
  rate: constant("timeSeriesRateToGrid"),
  increase: constant("timeSeriesIncreaseToGrid"),
  delta: constant("timeSeriesDeltaToGrid"),
  irate: constant("timeSeriesInstantRateToGrid"),
  idelta: constant("timeSeriesInstantDeltaToGrid"),
};

export type GridFunction = keyof typeof gridFunctions;

export interface GridSpec {
  readonly startMs: number;
  readonly stepMs: number;
  readonly steps: number;
  readonly windowMs: number;
  /** Whether markers of a series' end are among the samples; otherwise they are left out. */
  readonly withStale: boolean;
}

/**
 * Columns `id`, `value` and `has` (1 where there is a value), one row a series that has any sample. Of samples with the
 * same time the first counts.
 */
export function gridSql(
  fn: GridFunction,
  {
    ids,
    grid,
    pieces,
  }: {
    readonly ids: readonly bigint[];
    readonly grid: GridSpec;
    readonly pieces: readonly TierRange[];
  },
): Sql {
  const endMs = grid.startMs + (grid.steps - 1) * grid.stepMs;
  const stale = grid.withStale
    ? constant("1")
    : sql`reinterpretAsUInt64(value) != ${u64(STALE_BITS)}`;
  const seconds = (ms: number): Sql => sql`toDecimal64(${text((ms / 1000).toFixed(3))}, 3)`;
  return sql`SELECT id, arrayMap(x -> ifNull(x, 0), grid) AS value,
      arrayMap(x -> toUInt8(isNotNull(x)), grid) AS has
    FROM (
      SELECT Id AS id, ${gridFunctions[fn]}(fromUnixTimestamp64Milli(${i64(grid.startMs)}),
        fromUnixTimestamp64Milli(${i64(endMs)}), ${seconds(grid.stepMs)}, ${seconds(grid.windowMs)})(
        fromUnixTimestamp64Milli(Time), first) AS grid
      FROM (
        SELECT Id, Time, argMin(value, seq) AS first FROM (${rowsOf(ids, pieces)})
        WHERE ${stale} GROUP BY Id, Time
      )
      GROUP BY Id
    )`;
}

const histogramTables: { readonly [tier in Tier]: Sql } = {
  samples: constant("histograms"),
  samples_5m: constant("histograms_5m"),
  samples_1h: constant("histograms_1h"),
};
const HISTOGRAM_COLUMNS = sql`Schema, ResetHint, ZeroThreshold, ZeroCount, Count, Sum, PositiveGaps, PositiveLengths,
      PositiveCounts, NegativeGaps, NegativeLengths, NegativeCounts, CustomValues`;

/** The columns of `histograms`, with `id` and `time`. */
export function histogramsSql(
  ids: readonly bigint[],
  pieces: readonly TierRange[],
  limit: number,
): Sql {
  const parts = pieces.map(({ tier, ...range }) => {
    const seq = constant(tier === "samples" ? "_seq" : "toUInt64(0)");
    return sql`SELECT Id AS id, Time AS time, ${HISTOGRAM_COLUMNS}, ${seq} AS seq
      FROM ${histogramTables[tier]} WHERE ${among(ids)} AND ${within(range)}`;
  });
  return sql`SELECT id, time, ${HISTOGRAM_COLUMNS} FROM (${join(parts, " UNION ALL ")})
    ORDER BY id, time, seq LIMIT ${u64(limit)}`;
}

/** Column `id`: those that have a histogram in the range. */
export function histogramIdsSql(ids: readonly bigint[], pieces: readonly TierRange[]): Sql {
  const parts = pieces.map(
    ({ tier, ...range }) =>
      sql`SELECT Id AS id FROM ${histogramTables[tier]} WHERE ${among(ids)} AND ${within(range)}`,
  );
  return sql`SELECT DISTINCT id FROM (${join(parts, " UNION ALL ")}) ORDER BY id`;
}

/** Columns `id` and `time`: the newest histogram of each series that has one in the range. */
export function newestHistogramsSql(range: SampleRange, limit: number): Sql {
  const parts = Object.values(histogramTables).map(
    (table) => sql`SELECT Id, Time FROM ${table} WHERE ${within(range)}`,
  );
  return sql`SELECT Id AS id, max(Time) AS time FROM (${join(parts, " UNION ALL ")})
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
