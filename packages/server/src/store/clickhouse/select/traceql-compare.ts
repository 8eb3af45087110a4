/** `compare()`: how often each value of each attribute occurs among the selected spans and among the others. */
import type { Intervals } from "@triptych/lang";
import { all, i64, type Sql, sql, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { numberCells, readRows, textCells } from "./rows.ts";
import { inIntervals, intervalSql } from "./traceql-metrics.ts";

export interface CompareQuery {
  readonly intervals: Intervals;
  readonly condition?: Sql | undefined;
  readonly selection: Sql;
  /** Spans outside of these nanoseconds belong to the baseline. */
  readonly window?: { readonly start: bigint; readonly end: bigint } | undefined;
  readonly topN: number;
  readonly rowsMax: number;
}

export interface ComparedCell {
  readonly selected: boolean;
  /** `span.` or `resource.` before an attribute; an intrinsic's own name. */
  readonly key: string;
  /** As `decodeGroup` reads it; absent in totals. */
  readonly value?: string;
  readonly interval: number;
  readonly count: number;
}

const pairsOf = (map: Sql, kinds: Sql, prefix: Sql): Sql =>
  sql`arrayMap((k, v, i) -> (concat(${prefix}, k), concat(if(${kinds} = '', '1', substring(${kinds}, i, 1)), v)), mapKeys(${map}), mapValues(${map}), arrayEnumerate(mapKeys(${map})))`;

const pairs = sql`arrayConcat(
  ${pairsOf(sql`SpanAttributes`, sql`SpanKinds`, sql`'span.'`)},
  ${pairsOf(sql`ResourceAttributes`, sql`ResourceKinds`, sql`'resource.'`)},
  [('name', concat('1', SpanName)), ('kind', concat('k', SpanKind)), ('status', concat('s', StatusCode)), ('statusMessage', concat('1', StatusMessage))])`;

function exploded({ intervals, condition, selection, window }: CompareQuery): Sql {
  const start = sql`toUnixTimestamp64Nano(Timestamp)`;
  const inside =
    window === undefined
      ? sql``
      : sql` AND ${start} > ${i64(String(window.start))} AND ${start} <= ${i64(String(window.end))}`;
  return sql`(SELECT ${intervalSql(intervals)} AS interval, CAST((${selection})${inside}, 'UInt8') AS selected, arrayJoin(${pairs}) AS pair,
      CAST(pair.1, 'String') AS key, CAST(pair.2, 'String') AS value
    FROM otel_traces WHERE ${all([inIntervals(intervals), ...(condition === undefined ? [] : [condition])])})`;
}

/** The most frequent values of each attribute, and the totals of each attribute. */
export async function selectCompared(
  reader: Reader,
  query: CompareQuery,
): Promise<{ readonly values: readonly ComparedCell[]; readonly totals: readonly ComparedCell[] }> {
  const spans = exploded(query);
  const top = sql`SELECT selected, key, value FROM (SELECT selected, key, value, count() AS n FROM ${spans}
    GROUP BY selected, key, value ORDER BY n DESC, value LIMIT ${u64(query.topN)} BY selected, key)`;
  const [values, totals] = await Promise.all([
    reader.select(sql`SELECT selected, key, value, interval, count() AS n FROM ${spans}
      WHERE (selected, key, value) IN (${top}) GROUP BY selected, key, value, interval
      ORDER BY selected, key, value, interval LIMIT ${u64(query.rowsMax)}`),
    reader.select(sql`SELECT selected, key, '' AS value, interval, count() AS n FROM ${spans}
      GROUP BY selected, key, interval ORDER BY selected, key, interval LIMIT ${u64(query.rowsMax)}`),
  ]);
  const cells = (answer: typeof values, withValue: boolean): ComparedCell[] =>
    readRows(answer, (block) => {
      const selected = numberCells(block, "selected");
      const key = textCells(block, "key");
      const value = textCells(block, "value");
      const interval = numberCells(block, "interval");
      const count = numberCells(block, "n");
      return (row) => ({
        selected: selected(row) === 1,
        key: key(row),
        ...(withValue ? { value: value(row) } : {}),
        interval: interval(row),
        count: count(row),
      });
    });
  return { values: cells(values, true), totals: cells(totals, false) };
}
