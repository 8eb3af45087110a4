/** Selects that tell what the series cost: by name, by label, by hour, and in bytes. */
import { constant, i64, type Sql, sql, u64 } from "../sql.ts";

/** Milliseconds, both inclusive. Series are known by the day, so a range counts as the days it touches. */
export interface CardinalityRange {
  readonly fromMs: number;
  readonly toMs: number;
}

const DAY_MS = 86_400_000;

function daysOf({ fromMs, toMs }: CardinalityRange): Sql {
  const first = Math.floor(fromMs / DAY_MS) * DAY_MS;
  const end = (Math.floor(toMs / DAY_MS) + 1) * DAY_MS;
  return sql`FirstSeen >= ${i64(first)} AND FirstSeen < ${i64(end)}`;
}

/** Each series once, whatever the number of days and processes that wrote its labels. */
const once = (range: CardinalityRange): Sql =>
  sql`(SELECT Id, any(Name) AS Name, any(Labels) AS Labels, min(FirstSeen) AS FirstSeen FROM series
    WHERE ${daysOf(range)} GROUP BY Id)`;

/** Columns `name`, `count`: series a metric name has. */
export function seriesByNameSql(range: CardinalityRange, limit: number): Sql {
  return sql`SELECT toString(Name) AS name, uniqExact(Id) AS count FROM series WHERE ${daysOf(range)}
    GROUP BY name ORDER BY count DESC, name LIMIT ${u64(limit)}`;
}

/** One row: `series`, `names`, `pairs` (distinct pairs of label and value), `labels` (distinct label names). */
export function totalsSql(range: CardinalityRange): Sql {
  return sql`SELECT uniqExact(Id) AS series, uniqExact(Name) AS names,
      (SELECT uniq(entry) FROM (SELECT arrayJoin(arrayZip(mapKeys(Labels), mapValues(Labels))) AS entry FROM series WHERE ${daysOf(range)})) AS pairs,
      (SELECT uniqExact(label) FROM (SELECT arrayJoin(mapKeys(Labels)) AS label FROM series WHERE ${daysOf(range)})) AS labels
    FROM series WHERE ${daysOf(range)}`;
}

/** Columns `name`, `count` (distinct values), `bytes` (their lengths together), `series` that have the label. */
export function valuesByLabelSql(range: CardinalityRange, limit: number): Sql {
  return sql`SELECT label AS name, uniqExact(value) AS count, sum(length(value)) AS bytes, sum(n) AS series FROM (
      SELECT toString(entry.1) AS label, entry.2 AS value, count() AS n FROM (
        SELECT arrayJoin(arrayZip(mapKeys(Labels), mapValues(Labels))) AS entry FROM ${once(range)}
      ) GROUP BY label, value
    ) GROUP BY name ORDER BY count DESC, name LIMIT ${u64(limit)}`;
}

/** Columns `label`, `value`, `count`: series that have the pair. */
export function seriesByPairSql(range: CardinalityRange, limit: number): Sql {
  return sql`SELECT toString(entry.1) AS label, entry.2 AS value, count() AS count FROM (
      SELECT arrayJoin(arrayZip(mapKeys(Labels), mapValues(Labels))) AS entry FROM ${once(range)}
    ) GROUP BY label, value ORDER BY count DESC, label, value LIMIT ${u64(limit)}`;
}

/** What is new in a range was not seen on the day before it either. */
function newSeries(range: CardinalityRange): Sql {
  const before = { fromMs: range.fromMs - DAY_MS, toMs: range.toMs };
  return sql`(SELECT Id, any(Name) AS Name, min(FirstSeen) AS first FROM series WHERE ${daysOf(before)}
    GROUP BY Id HAVING first >= ${i64(Math.floor(range.fromMs))} AND first <= ${i64(Math.floor(range.toMs))})`;
}

/** Columns `name`, `count`: names with the most new series. */
export function newByNameSql(range: CardinalityRange, limit: number): Sql {
  return sql`SELECT toString(Name) AS name, count() AS count FROM ${newSeries(range)}
    GROUP BY name ORDER BY count DESC, name LIMIT ${u64(limit)}`;
}

/** Columns `step` (number of the step from `fromMs`), `count`: new series over time. */
export function newByTimeSql(range: CardinalityRange, stepMs: number): Sql {
  return sql`SELECT intDiv(first - ${i64(Math.floor(range.fromMs))}, ${i64(stepMs)}) AS step, count() AS count
    FROM ${newSeries(range)} GROUP BY step ORDER BY step`;
}

/** Columns `name`, `count`: samples in the range, native histograms among them. */
export function samplesByNameSql(range: CardinalityRange, limit: number): Sql {
  const within = sql`Time >= ${i64(Math.floor(range.fromMs))} AND Time <= ${i64(Math.floor(range.toMs))}`;
  return sql`SELECT toString(name) AS name, sum(n) AS count FROM (
      SELECT Id, sum(rows) AS n FROM (
        SELECT Id, count() AS rows FROM samples WHERE ${within} GROUP BY Id
        UNION ALL SELECT Id, count() AS rows FROM histograms WHERE ${within} GROUP BY Id
      ) GROUP BY Id
    ) AS counted ANY INNER JOIN (SELECT Id, any(Name) AS name FROM series WHERE ${daysOf(range)} GROUP BY Id) AS named USING Id
    GROUP BY name ORDER BY count DESC, name LIMIT ${u64(limit)}`;
}

/** Columns `table_name`, `bytes_all`, `rows_all`: what the tables of metrics take on disk, exactly. */
export function metricBytesSql(): Sql {
  return sql`SELECT toString(table) AS table_name, sum(bytes_on_disk) AS bytes_all, sum(rows) AS rows_all FROM system.parts
    WHERE database = currentDatabase() AND active
      AND table IN ('series', 'samples', 'samples_5m', 'samples_1h', 'histograms', 'histograms_5m',
        'histograms_1h', 'exemplars', 'metric_metadata')
    GROUP BY table_name ORDER BY bytes_all DESC`;
}

/** One row: `first` and `last`, milliseconds of the oldest and newest sample; 0 without any. */
export function sampleTimesSql(): Sql {
  return sql`SELECT min(Time) AS first, max(Time) AS last FROM ${constant("samples")}`;
}

/** Columns of each part of `samples`: `name`, `level`, `rows`, `bytes`, `day`. */
export function samplePartsSql(limit: number): Sql {
  return sql`SELECT toString(name) AS name, level AS level, rows AS rows, bytes_on_disk AS bytes, toString(partition_id) AS day
    FROM system.parts WHERE database = currentDatabase() AND active AND table = 'samples'
    ORDER BY partition_id, name LIMIT ${u64(limit)}`;
}
