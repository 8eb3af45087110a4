/** `compare()`: how often each value of each attribute occurs among the selected spans and among the others. */
import type { Intervals } from "@triptych/lang";
import { all, i64, type Sql, sql, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { numberCells, numbersCells, readRows, textCells } from "./rows.ts";
import { inIntervals, intervalSql } from "./traceql-metrics.ts";

export interface CompareQuery {
  readonly intervals: Intervals;
  readonly condition?: Sql | undefined;
  readonly selection: Sql;
  /** Spans outside of these nanoseconds belong to the baseline. */
  readonly window?: { readonly start: bigint; readonly end: bigint } | undefined;
  readonly topN: number;
  readonly rowsMax: number;
  /** Of each side one trace in so many is looked at, and counts for as many. */
  readonly oneIn: { readonly selected: number; readonly others: number };
}

export interface ComparedCell {
  readonly selected: boolean;
  /** `span.`, `resource.` or `instrumentation.` before an attribute; an intrinsic's own name. */
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
  ${pairsOf(sql`ScopeAttributes`, sql`ScopeKinds`, sql`'instrumentation.'`)},
  [('instrumentation:name', concat('1', ScopeName)), ('instrumentation:version', concat('1', ScopeVersion))],
  [('name', concat('1', SpanName)), ('kind', concat('k', SpanKind)), ('status', concat('s', StatusCode)), ('statusMessage', concat('1', StatusMessage))])`;

type Compared = Pick<CompareQuery, "intervals" | "condition" | "selection" | "window">;

const within = ({ intervals, condition }: Compared): Sql =>
  all([inIntervals(intervals), ...(condition === undefined ? [] : [condition])]);

function isSelected({ selection, window }: Compared): Sql {
  const start = sql`toUnixTimestamp64Nano(Timestamp)`;
  const inside =
    window === undefined
      ? sql``
      : sql` AND ${start} > ${i64(String(window.start))} AND ${start} <= ${i64(String(window.end))}`;
  return sql`CAST((${selection})${inside}, 'UInt8')`;
}

/** How many spans are on each side. */
export async function selectSides(
  reader: Reader,
  query: Compared,
): Promise<{ readonly selected: number; readonly others: number }> {
  const answer = await reader.select(
    sql`SELECT count() AS spans, countIf(${isSelected(query)} = 1) AS selected
        FROM otel_traces WHERE ${within(query)}`,
  );
  const [found] = readRows(answer, (block) => {
    const spans = numberCells(block, "spans");
    const selected = numberCells(block, "selected");
    return (row) => ({ selected: selected(row), others: spans(row) - selected(row) });
  });
  return found ?? { selected: 0, others: 0 };
}

function exploded(query: CompareQuery): Sql {
  const { selected, others } = query.oneIn;
  const sampled =
    selected === 1 && others === 1
      ? sql``
      : sql` AND cityHash64(TraceId) % if(${isSelected(query)} = 1, ${u64(selected)}, ${u64(others)}) = 0`;
  return sql`(SELECT ${intervalSql(query.intervals)} AS interval, ${isSelected(query)} AS selected, arrayJoin(${pairs}) AS pair,
      CAST(pair.1, 'String') AS key, CAST(pair.2, 'String') AS value
    FROM otel_traces WHERE ${within(query)}${sampled})`;
}

/** The most frequent values of each attribute, and the totals of each attribute. */
export async function selectCompared(
  reader: Reader,
  query: CompareQuery,
): Promise<{ readonly values: readonly ComparedCell[]; readonly totals: readonly ComparedCell[] }> {
  const spans = exploded(query);
  const [values, totals] = await Promise.all([
    reader.select(sql`SELECT selected, key, value, groupArray(interval) AS intervals, groupArray(n) AS counts
      FROM (SELECT selected, key, value, interval, count() AS n FROM ${spans} GROUP BY selected, key, value, interval)
      GROUP BY selected, key, value ORDER BY sum(n) DESC, value LIMIT ${u64(query.topN)} BY selected, key
      LIMIT ${u64(query.rowsMax)}`),
    reader.select(sql`SELECT selected, key, groupArray(interval) AS intervals, groupArray(n) AS counts
      FROM (SELECT selected, key, interval, count() AS n FROM ${spans} GROUP BY selected, key, interval)
      GROUP BY selected, key LIMIT ${u64(query.rowsMax)}`),
  ]);
  const weight = (selected: boolean): number =>
    selected ? query.oneIn.selected : query.oneIn.others;
  const cells = (answer: typeof values, withValue: boolean): ComparedCell[] =>
    readRows(answer, (block) => {
      const side = numberCells(block, "selected");
      const key = textCells(block, "key");
      const value = withValue ? textCells(block, "value") : undefined;
      const intervals = numbersCells(block, "intervals");
      const counts = numbersCells(block, "counts");
      return (row): ComparedCell[] => {
        const selected = side(row) === 1;
        const one = {
          selected,
          key: key(row),
          ...(value === undefined ? {} : { value: value(row) }),
        };
        const found = counts(row);
        return intervals(row).map((interval, i) => ({
          ...one,
          interval,
          count: (found[i] ?? 0) * weight(selected),
        }));
      };
    }).flat();
  return { values: cells(values, true), totals: cells(totals, false) };
}
