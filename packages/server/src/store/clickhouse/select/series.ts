/** Selects over `series` and `metric_metadata`: which series match, their labels, names, values and families. */
import { unreachable } from "@triptych/model";
import { all, constant, i64, type Sql, sql, text, texts, u64 } from "../sql.ts";

/** Patterns are RE2, already checked, and must contain their own anchors. */
export interface SeriesMatcher {
  readonly name: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

/** Milliseconds, both inclusive. Series are known by the day, so a range counts as the days it touches. */
export interface SeriesRange {
  readonly fromMs: number;
  readonly toMs: number;
}

const DAY_MS = 86_400_000;

/** Beyond this there are no times, and numbers may not fit the engine's. */
const TIME_MS_MAX = 2 ** 52;

function daysOf(range: SeriesRange): Sql {
  const fromMs = Math.max(range.fromMs, -TIME_MS_MAX);
  const toMs = Math.min(range.toMs, TIME_MS_MAX);
  const first = Math.floor(fromMs / DAY_MS) * DAY_MS;
  const end = (Math.floor(toMs / DAY_MS) + 1) * DAY_MS;
  return sql`FirstSeen >= ${i64(first)} AND FirstSeen < ${i64(end)}`;
}

function matcherCondition({ name, op, value }: SeriesMatcher): Sql {
  // A label that is not there is the empty text: that is what a map gives for a missing key.
  const column = name === "__name__" ? constant("Name") : sql`Labels[${text(name)}]`;
  switch (op) {
    case "=":
      return sql`${column} = ${text(value)}`;
    case "!=":
      return sql`${column} != ${text(value)}`;
    case "=~":
      return sql`match(${column}, ${text(value)})`;
    case "!~":
      return sql`NOT match(${column}, ${text(value)})`;
    default:
      return unreachable(op);
  }
}

function where(matchers: readonly SeriesMatcher[], range: SeriesRange): Sql {
  return all([daysOf(range), ...matchers.map(matcherCondition)]);
}

/** Columns `id` and `labels`, one row a series. */
export function seriesSql(
  matchers: readonly SeriesMatcher[],
  range: SeriesRange,
  limit: number,
): Sql {
  return sql`SELECT Id AS id, any(Labels) AS labels FROM series WHERE ${where(matchers, range)}
    GROUP BY id LIMIT ${u64(limit)}`;
}

/** Column `label`. */
export function labelNamesSql(
  matchers: readonly SeriesMatcher[],
  range: SeriesRange,
  limit: number,
): Sql {
  return sql`SELECT DISTINCT arrayJoin(mapKeys(Labels)) AS label FROM series WHERE ${where(matchers, range)}
    ORDER BY label LIMIT ${u64(limit)}`;
}

/** Column `value`. */
export function labelValuesSql(
  name: string,
  matchers: readonly SeriesMatcher[],
  options: { readonly range: SeriesRange; readonly limit: number },
): Sql {
  const column = name === "__name__" ? constant("Name") : sql`Labels[${text(name)}]`;
  return sql`SELECT DISTINCT toString(${column}) AS value FROM series
    WHERE ${where(matchers, options.range)} AND value != '' ORDER BY value LIMIT ${u64(options.limit)}`;
}

/** Series per metric name: columns `metric`, `series`, and the hash of the ids for families of several names. */
export function metricNamesSql(search: string, range: SeriesRange, limit: number): Sql {
  return sql`SELECT toString(Name) AS metric, uniqExact(Id) AS series FROM series
    WHERE ${daysOf(range)} AND positionCaseInsensitiveUTF8(Name, ${text(search)}) > 0
    GROUP BY metric ORDER BY metric LIMIT ${u64(limit)}`;
}

/** Label values of some metrics: columns `label`, `value`, `series`, `total` (distinct values of the label). */
export function metricLabelsSql(
  names: readonly string[],
  range: SeriesRange,
  valuesMax: number,
): Sql {
  return sql`SELECT label, value, series, count() OVER (PARTITION BY label) AS total FROM (
      SELECT entry.1 AS label, entry.2 AS value, uniqExact(Id) AS series FROM (
        SELECT Id, arrayJoin(arrayZip(mapKeys(Labels), mapValues(Labels))) AS entry FROM series
        WHERE ${daysOf(range)} AND Name IN ${texts(names)}
      ) GROUP BY label, value
    ) ORDER BY total DESC, label, series DESC, value LIMIT ${u64(valuesMax)} BY label`;
}

/** Columns `family`, `type`, `unit`, `help`; of all families when `families` is empty. */
export function metadataSql(families: readonly string[], limit: number): Sql {
  const only = families.length === 0 ? constant("1") : sql`Family IN ${texts(families)}`;
  return sql`SELECT Family AS family, toString(argMax(Type, Version)) AS type,
      toString(argMax(Unit, Version)) AS unit, argMax(Help, Version) AS help
    FROM metric_metadata WHERE ${only} GROUP BY family ORDER BY family LIMIT ${u64(limit)}`;
}
