/** Metrics queries that are answered in the store alone: spans counted by interval and group. */
import { type Intervals, isServiceName, type Static, type Traceql } from "@triptych/lang";
import { all, constant, empty, f64, i64, join, type Sql, sql, texts, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { bigintCells, type Cell, numberCells, readRows, textCells } from "./rows.ts";
import { anyDoubt } from "./traceql-condition.ts";
import { attributeReading } from "./traceql-place.ts";
import { hasDoubtfulSpans } from "./traceql-search.ts";
import { decodeValue } from "./traceql-table.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

/** Spans that start within the intervals. */
export const inIntervals = (intervals: Intervals): Sql => inRange(rangeOf(intervals));

/** The range of span starts that the intervals cover. */
export function rangeOf({ startNs, endNs, instant }: Intervals): NsRange {
  return { fromNs: instant ? startNs : startNs + 1n, toNs: endNs + 1n };
}

const startNs = sql`toUnixTimestamp64Nano(Timestamp)`;

export function intervalSql(intervals: Intervals): Sql {
  if (intervals.instant) return sql`toUInt32(0)`;
  return sql`toUInt32(intDiv(${startNs} - ${i64(String(intervals.startNs + 1n))}, ${i64(String(intervals.stepNs))}))`;
}

/** `resource.service.name` by the column of services, which takes a tenth of the time that the map of attributes takes. */
export const SERVICE_GROUP = sql`concat('1', ServiceName)`;

/**
 * Whether the column of services does not say what `resource.service.name` is: where it is missing, and where the text
 * may be that of a number, a truth value or a list.
 */
export async function isServiceUnsure(reader: Reader, intervals: Intervals): Promise<boolean> {
  const answer = await reader.select(
    sql`SELECT count() AS found FROM (SELECT 1 FROM otel_traces WHERE ${inIntervals(intervals)}
        AND (ServiceName IN ('', 'unknown_service', 'true', 'false') OR match(ServiceName, '^[-+.0-9NI{[]')) LIMIT 1)`,
  );
  return (readRows(answer, (block) => numberCells(block, "found"))[0] ?? 0) > 0;
}

/** An attribute as text that `decodeGroup` reads; `undefined` when it must be left to the evaluator. */
export function groupSql(attribute: Traceql.Attribute): Sql | undefined {
  if (attribute.parent) return undefined;
  switch (attribute.intrinsic) {
    case undefined: {
      if (attribute.scope === "event" || attribute.scope === "link") return undefined;
      const { sql: read } = attributeReading(attribute);
      return isServiceName(attribute) ? sql`if((${read} AS service) = '', '1', service)` : read;
    }
    case "name":
      return sql`concat('1', SpanName)`;
    case "statusMessage":
      return sql`concat('1', StatusMessage)`;
    case "instrumentation:name":
      return sql`concat('1', ScopeName)`;
    case "instrumentation:version":
      return sql`concat('1', ScopeVersion)`;
    case "status":
      return sql`concat('s', StatusCode)`;
    case "kind":
      return sql`concat('k', SpanKind)`;
    default:
      return undefined;
  }
}

export function decodeGroup(text: string): Static {
  if (text.startsWith("s"))
    return {
      type: "status",
      value: text === "s" ? "unset" : (text.slice(1).toLowerCase() as "ok"),
    };
  if (text.startsWith("k")) return { type: "kind", value: text.slice(1).toLowerCase() as "server" };
  return decodeValue(text);
}

/** The number that is aggregated, NaN where there is none; durations in seconds. */
export interface NumberSql {
  readonly value: Sql;
  /** The number in the unit in which buckets are powers of two, and how many of it make one of the result's. */
  readonly whole: Sql;
  readonly divisor: number;
}

export function numberSql(attribute: Traceql.Attribute): NumberSql | undefined {
  if (attribute.intrinsic === "duration")
    return { value: sql`Duration / 1e9`, whole: sql`toFloat64(Duration)`, divisor: 1e9 };
  const group = attribute.intrinsic === undefined ? groupSql(attribute) : undefined;
  if (group === undefined) return undefined;
  // A list of one item is that item.
  const digits = sql`if(startsWith(${group} AS enc, '6['), substring(enc, 3, length(enc) - 3), substring(enc, 2))`;
  const value = sql`if(substring(${group} AS enc, 1, 1) IN ('3', '4', '6'), toFloat64OrNull(${digits}), NULL)`;
  return {
    value: sql`ifNull(${value}, nan)`,
    whole: sql`if(match(${group} AS enc, '^(3|6\\\\[)-?[0-9]+\\\\]?$'), toFloat64OrZero(${digits}), 0)`,
    divisor: 1,
  };
}

export interface CountQuery {
  readonly intervals: Intervals;
  readonly condition?: Sql | undefined;
  /** Where one of these holds the count is not to be trusted. */
  readonly doubtful: readonly Sql[];
  readonly groups: readonly Sql[];
  readonly number?: NumberSql | undefined;
  readonly buckets: boolean;
  readonly rowsMax: number;
}

export interface CountedCell {
  readonly groups: readonly string[];
  readonly interval: number;
  readonly count: number;
  readonly values: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly bucket: number;
}

/** `undefined` when a span is doubtful: then the evaluator must count. One row more than `rowsMax` may come. */
export async function selectCounts(
  reader: Reader,
  query: CountQuery,
): Promise<CountedCell[] | undefined> {
  if (query.doubtful.length > 0 && (await anyDoubtful(reader, query))) return undefined;
  const names = query.groups.map((_, i) => constant(`g${i}`));
  const groups = query.groups.reduce(
    (out, group, i) => sql`${out}, ${group} AS ${names[i] ?? empty}`,
    empty,
  );
  const { number, buckets } = query;
  const inner = sql`SELECT ${intervalSql(query.intervals)} AS interval${groups},
      ${number === undefined ? sql`nan` : number.value} AS v,
      ${number === undefined || !buckets ? sql`toFloat64(0)` : bucketSql(number)} AS bucket
    FROM otel_traces WHERE ${all([inIntervals(query.intervals), ...(query.condition === undefined ? [] : [query.condition])])}`;
  const by = join([sql`interval`, ...names, sql`bucket`], ", ");
  const answer = await reader.select(
    sql`SELECT ${by}, count() AS spans, countIf(NOT isNaN(v)) AS known, sumIf(v, NOT isNaN(v)) AS total,
          minIf(v, NOT isNaN(v)) AS least, maxIf(v, NOT isNaN(v)) AS largest
        FROM (${inner}) GROUP BY ${by} LIMIT ${u64(query.rowsMax + 1)}`,
  );
  return readRows(answer, (block) => {
    const group = query.groups.map((_, i) => textCells(block, `g${i}`));
    const cells = ["interval", "spans", "known", "total", "least", "largest", "bucket"].map(
      (name) => numberCells(block, name),
    );
    const [interval, count, values, sum, min, max, bucket] = cells as [
      Cell<number>,
      Cell<number>,
      Cell<number>,
      Cell<number>,
      Cell<number>,
      Cell<number>,
      Cell<number>,
    ];
    return (row) => ({
      groups: group.map((cell) => cell(row)),
      interval: interval(row),
      count: count(row),
      values: values(row),
      sum: sum(row),
      min: min(row),
      max: max(row),
      bucket: bucket(row),
    });
  });
}

/** The next power of two, in the result's unit; 0 where there is none. */
function bucketSql({ whole, divisor }: NumberSql): Sql {
  const power = sql`pow(2, ceil(log2(floor(${whole}))))`;
  return sql`if(${whole} >= 2, ${power} / ${f64(divisor)}, 0)`;
}

async function anyDoubtful(reader: Reader, query: CountQuery): Promise<boolean> {
  if (!(await hasDoubtfulSpans(reader, rangeOf(query.intervals)))) return false;
  const answer = await reader.select(
    sql`SELECT count() AS found FROM (SELECT 1 FROM otel_traces
        WHERE ${inIntervals(query.intervals)} AND ${anyDoubt(query.doubtful)} LIMIT 1)`,
  );
  return (readRows(answer, (block) => numberCells(block, "found"))[0] ?? 0) > 0;
}

export interface StoredExemplar {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly service: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly value: number;
  readonly groups: readonly string[];
}

/**
 * Some of the spans, spread over the intervals: for each interval up to `perInterval`. They are picked by their times
 * alone, so that the wide columns are read of few minutes.
 */
export async function selectExemplars(
  reader: Reader,
  query: Pick<CountQuery, "intervals" | "condition" | "groups" | "number"> & {
    readonly perInterval: number;
    readonly max: number;
  },
): Promise<StoredExemplar[]> {
  const where = all([
    inIntervals(query.intervals),
    ...(query.condition === undefined ? [] : [query.condition]),
  ]);
  const picked = await reader.select(
    sql`SELECT toString(toUnixTimestamp64Nano(time)) AS at, toString(toUInt32(toStartOfMinute(time))) AS minute FROM (
          SELECT arrayJoin(groupArraySorted(${u64(query.perInterval)})((cityHash64(Timestamp), Timestamp))) AS one,
            one.2 AS time FROM otel_traces WHERE ${where} GROUP BY ${intervalSql(query.intervals)}
        ) ORDER BY one.1 LIMIT ${u64(query.max)}`,
  );
  const times = readRows(picked, (block) => textCells(block, "at"));
  // As queries, because the table's order is used for those and not for lists.
  const minutes = new Set(readRows(picked, (block) => textCells(block, "minute")));
  if (times.length === 0) return [];
  const groups = query.groups.reduce(
    (out, group, i) => sql`${out}, ${group} AS ${constant(`g${i}`)}`,
    empty,
  );
  const answer = await reader.select(
    sql`SELECT TraceId, SpanId, SpanName, ServiceName, Timestamp AS start, Duration,
          ${query.number === undefined ? sql`nan` : query.number.value} AS v${groups}
        FROM otel_traces WHERE ${where}
          AND toStartOfMinute(Timestamp) IN (SELECT toDateTime(toUInt32(arrayJoin(${texts([...minutes])}))))
          AND Timestamp IN (SELECT fromUnixTimestamp64Nano(toInt64(arrayJoin(${texts(times)}))))
        ORDER BY cityHash64(Timestamp), SpanId LIMIT ${u64(query.perInterval)} BY ${intervalSql(query.intervals)}
        LIMIT ${u64(query.max)}`,
  );
  return readRows(answer, (block) => {
    const group = query.groups.map((_, i) => textCells(block, `g${i}`));
    const traceId = textCells(block, "TraceId");
    const spanId = textCells(block, "SpanId");
    const name = textCells(block, "SpanName");
    const service = textCells(block, "ServiceName");
    const start = bigintCells(block, "start");
    const duration = numberCells(block, "Duration");
    const value = numberCells(block, "v");
    return (row) => ({
      traceId: traceId(row),
      spanId: spanId(row),
      name: name(row),
      service: service(row),
      startNs: start(row),
      durationNs: duration(row),
      value: value(row),
      groups: group.map((cell) => cell(row)),
    });
  });
}
