/**
 * Counting for "what is different": two sides of spans or traces, and on each side how many have which value of which
 * attribute. Every pass reads one group of columns and explodes as little as it can: resources and names are grouped
 * before they are taken apart, because there are few of them.
 */
import { constant, empty, join, type Sql, sql, text, texts, u64, u64s } from "../sql.ts";
import type { Reader } from "./reader.ts";
import {
  bigintCells,
  bigintsCells,
  numberCells,
  numbersCells,
  readRows,
  textCells,
  textsCells,
} from "./rows.ts";
import { inRange, type NsRange, type SpanFilter, spanCondition } from "./traces-filter.ts";
import { matchingTraces, type TraceBox, traceDuration } from "./traces-search.ts";

export type Unit = "spans" | "traces";

/** The spans that are looked at, and which of them are inside. */
export interface Sides {
  readonly unit: Unit;
  readonly where: Sql;
  /** 1 for a span inside, 0 for one outside. */
  readonly inside: Sql;
}

const trace = constant("cityHash64(TraceId)");

/** How many of each side are in a group of spans. */
function countsOf({ unit, inside }: Sides): Sql {
  return unit === "spans"
    ? sql`countIf(${inside}) AS ins, countIf(NOT ${inside}) AS outs`
    : sql`uniqExactIf(${trace}, ${inside}) AS ins, uniqExactIf(${trace}, NOT ${inside}) AS outs`;
}

/** The same where `inside` and `trace` are columns of a subquery. */
const countsOfColumns = (unit: Unit): Sql =>
  unit === "spans"
    ? sql`countIf(inside) AS ins, countIf(NOT inside) AS outs`
    : sql`uniqExactIf(trace, inside) AS ins, uniqExactIf(trace, NOT inside) AS outs`;

export interface SideCounts {
  readonly inside: number;
  readonly outside: number;
}

export async function selectSideCounts(reader: Reader, sides: Sides): Promise<SideCounts> {
  const answer = await reader.select(
    sql`SELECT ${countsOf(sides)} FROM otel_traces WHERE ${sides.where}`,
  );
  const found = readRows(answer, (block) => {
    const ins = numberCells(block, "ins");
    const outs = numberCells(block, "outs");
    return (row) => ({ inside: ins(row), outside: outs(row) });
  });
  return found[0] ?? { inside: 0, outside: 0 };
}

/** One span of so many on each side, the same ones each time. */
export function sampledSpans(
  sides: Sides,
  oneIn: { readonly inside: number; readonly outside: number },
): Sql {
  if (oneIn.inside === 1 && oneIn.outside === 1) return sides.where;
  const rest = sql`cityHash64(SpanId) % if(${sides.inside}, ${u64(oneIn.inside)}, ${u64(oneIn.outside)}) = 0`;
  return sql`(${sides.where}) AND ${rest}`;
}

/** Where the slowest spans or traces begin, nanoseconds. */
export async function selectDurationQuantile(
  reader: Reader,
  filter: SpanFilter,
  { unit, quantile }: { readonly unit: Unit; readonly quantile: number },
): Promise<number> {
  // The quantile is a constant of the aggregate function, which cannot be bound.
  const level = constant(`(${quantile.toFixed(6)})`);
  const answer = await reader.select(
    unit === "spans"
      ? sql`SELECT toFloat64(quantile${level}(Duration)) AS edge FROM otel_traces WHERE ${spanCondition(filter)}`
      : sql`SELECT toFloat64(quantile${level}(duration)) AS edge FROM (
              SELECT ${traceDuration} AS duration FROM otel_traces WHERE ${matchingTraces(filter)} GROUP BY ${trace})`,
  );
  const [edge = Number.NaN] = readRows(answer, (block) => numberCells(block, "edge"));
  return edge;
}

/** What makes a trace one of the inside; all that is given must hold. */
export interface TracePick {
  readonly box?: TraceBox | undefined;
  readonly minDurationNs?: bigint | undefined;
  readonly maxDurationNs?: bigint | undefined;
  readonly traceIds?: readonly string[] | undefined;
  /** One of its spans is like this. */
  readonly spans?: Sql | undefined;
}

export interface TraceSide {
  readonly inside: boolean;
  readonly traces: number;
  /** Hashes of the ids of some of them: those nearest in time to `middleNs`, so that they lie together. */
  readonly sample: readonly bigint[];
  /** When the spans of the sample were. */
  readonly range: NsRange;
}

/** The traces that match, told apart by the pick. */
export async function selectTraceSides(
  reader: Reader,
  filter: SpanFilter,
  query: { readonly pick: TracePick; readonly middleNs: bigint; readonly sampleMax: number },
): Promise<TraceSide[]> {
  const { pick } = query;
  const middle = sql`toInt64(${text(String(query.middleNs))})`;
  const answer = await reader.select(
    sql`SELECT inside, traces, arrayMap(item -> item.2, nearest) AS sample,
          arrayMin(item -> item.3, nearest) AS first, arrayMax(item -> item.3 + toInt64(item.4), nearest) AS last
        FROM (
          SELECT inside, count() AS traces,
            groupArraySorted(${constant(String(query.sampleMax))})((abs(start - ${middle}), trace, start, duration)) AS nearest
          FROM (
            SELECT ${trace} AS trace, toUnixTimestamp64Nano(min(Timestamp)) AS start, ${traceDuration} AS duration,
              (${pickCondition(pick)}) AS inside
            FROM otel_traces WHERE ${matchingTraces(filter)} GROUP BY trace
          ) GROUP BY inside
        )`,
  );
  return readRows(answer, (block) => {
    const inside = numberCells(block, "inside");
    const traces = numberCells(block, "traces");
    const sample = bigintsCells(block, "sample");
    const first = bigintCells(block, "first");
    const last = bigintCells(block, "last");
    return (row) => ({
      inside: inside(row) === 1,
      traces: traces(row),
      sample: sample(row),
      range: { fromNs: first(row), toNs: last(row) + 1n },
    });
  });
}

function pickCondition(pick: TracePick): Sql {
  const tests: Sql[] = [];
  const ns = (value: bigint): Sql => sql`toInt64(${text(String(value))})`;
  if (pick.box !== undefined) {
    const { range, minDurationNs, maxDurationNs } = pick.box;
    tests.push(
      sql`start >= ${ns(range.fromNs)} AND start < ${ns(range.toNs)}
        AND duration >= ${u64(String(minDurationNs))} AND duration < ${u64(String(maxDurationNs))}`,
    );
  }
  if (pick.minDurationNs !== undefined)
    tests.push(sql`duration >= ${u64(String(pick.minDurationNs))}`);
  if (pick.maxDurationNs !== undefined)
    tests.push(sql`duration <= ${u64(String(pick.maxDurationNs))}`);
  if (pick.traceIds !== undefined)
    tests.push(sql`trace IN (SELECT cityHash64(arrayJoin(${texts(pick.traceIds)})))`);
  if (pick.spans !== undefined) tests.push(sql`countIf(${pick.spans}) > 0`);
  return tests.length === 0 ? sql`1` : join(tests, " AND ");
}

/** The spans of sampled traces as sides that count traces. */
export function sidesOfTraces(
  inside: Pick<TraceSide, "sample" | "range">,
  outside: Pick<TraceSide, "sample" | "range">,
): Sides {
  const hashes = (list: readonly bigint[]): Sql =>
    sql`(SELECT arrayJoin(${u64s(list.map(String))}))`;
  return {
    unit: "traces",
    inside: sql`(${trace} IN ${hashes(inside.sample)})`,
    where: sql`((${inRange(inside.range)} AND ${trace} IN ${hashes(inside.sample)})
      OR (${inRange(outside.range)} AND ${trace} IN ${hashes(outside.sample)}))`,
  };
}

/** A key of span attributes as some of the spans have it. */
export interface KeyProfile {
  readonly key: string;
  /** Spans (or traces) that have it, and how many values it has among them. */
  readonly having: number;
  readonly distinct: number;
  /** The share that the sender gave as numbers. */
  readonly numbers: number;
}

/** Longer values are not compared: nobody can tell them apart in a list. */
const VALUE_BYTES_MAX = 1_024;
const KEYS_MAX = 5_000;

export async function selectKeyProfile(
  reader: Reader,
  { unit, where }: Pick<Sides, "unit" | "where">,
): Promise<KeyProfile[]> {
  const having = unit === "spans" ? sql`least(count(), uniqExact(trace))` : sql`uniqExact(trace)`;
  const answer = await reader.select(
    sql`SELECT key, ${having} AS having, uniqExact(cityHash64(value)) AS distinct,
          countIf(kind IN ('3', '4')) / count() AS numbers
        FROM (
          SELECT ${trace} AS trace, SpanKinds, keys, values, number FROM (
            SELECT TraceId, SpanKinds, mapKeys(SpanAttributes) AS keys, mapValues(SpanAttributes) AS values,
              arrayEnumerate(mapKeys(SpanAttributes)) AS number FROM otel_traces WHERE ${where})
        ) ARRAY JOIN keys AS key, values AS value, number AS at, arrayMap(i -> substring(SpanKinds, i, 1), number) AS kind
        GROUP BY key ORDER BY having DESC, key LIMIT ${u64(KEYS_MAX)}`,
  );
  return readRows(answer, (block) => {
    const key = textCells(block, "key");
    const spans = numberCells(block, "having");
    const distinct = numberCells(block, "distinct");
    const numbers = numberCells(block, "numbers");
    return (row) => ({
      key: key(row),
      having: spans(row),
      distinct: distinct(row),
      numbers: numbers(row),
    });
  });
}

export interface CountedKey {
  readonly key: string;
  /** How many values it has on both sides. */
  readonly distinct: number;
  /** Those whose shares differ most. */
  readonly values: readonly {
    readonly value: string;
    readonly inside: number;
    readonly outside: number;
  }[];
}

export interface CountedQuery {
  readonly sides: Sides;
  readonly totals: SideCounts;
  readonly valuesMax: number;
}

/** `counted` gives `key`, `value`, `ins` and `outs`, each pair once. */
async function countedKeys(
  reader: Reader,
  { totals, valuesMax }: CountedQuery,
  counted: Sql,
): Promise<CountedKey[]> {
  const per = (column: Sql, total: number): Sql => sql`${column} / ${u64(Math.max(1, total))}`;
  const gap = sql`-abs(${per(sql`ins`, totals.inside)} - ${per(sql`outs`, totals.outside)})`;
  const answer = await reader.select(
    sql`SELECT CAST(key, 'String') AS name, distinct, arrayMap(item -> CAST(item.2, 'String'), best) AS values,
          arrayMap(item -> item.3, best) AS ins, arrayMap(item -> item.4, best) AS outs
        FROM (
          SELECT key, count() AS distinct,
            groupArraySorted(${constant(String(valuesMax))})((${gap}, value, ins, outs)) AS best
          FROM (${counted}) GROUP BY key
        ) ORDER BY name LIMIT ${u64(KEYS_MAX)}`,
  );
  return readRows(answer, (block) => {
    const key = textCells(block, "name");
    const distinct = numberCells(block, "distinct");
    const values = textsCells(block, "values");
    const ins = numbersCells(block, "ins");
    const outs = numbersCells(block, "outs");
    return (row) => {
      const [inside, outside] = [ins(row), outs(row)];
      return {
        key: key(row),
        distinct: distinct(row),
        values: values(row).map((value, i) => ({
          value,
          inside: inside[i] ?? 0,
          outside: outside[i] ?? 0,
        })),
      };
    };
  });
}

/** Attributes of spans, without the keys that were found to be useless. */
export async function selectSpanAttributeCounts(
  reader: Reader,
  query: CountedQuery & { readonly skip: readonly string[] },
): Promise<CountedKey[]> {
  const { unit, inside, where } = query.sides;
  const skipped =
    query.skip.length === 0 ? empty : sql` AND NOT has(${texts(query.skip)}, CAST(key, 'String'))`;
  const traces = unit === "traces" ? sql`${trace} AS trace, ` : empty;
  return countedKeys(
    reader,
    query,
    sql`SELECT key, value, ${countsOfColumns(unit)} FROM (
          SELECT ${traces}${inside} AS inside, mapKeys(SpanAttributes) AS keys, mapValues(SpanAttributes) AS values
          FROM otel_traces WHERE ${where}
        ) ARRAY JOIN keys AS key, values AS value
        WHERE length(value) <= ${u64(VALUE_BYTES_MAX)}${skipped} GROUP BY key, value`,
  );
}

/** Columns grouped first, then taken apart: for what many spans share. */
function groupedCounts({ unit, inside, where }: Sides, group: Sql, pairs: Sql): Sql {
  const [states, sums] =
    unit === "spans"
      ? [
          sql`countIf(${inside}) AS i, countIf(NOT ${inside}) AS o`,
          sql`sum(i) AS ins, sum(o) AS outs`,
        ]
      : [
          sql`uniqExactIfState(${trace}, ${inside}) AS i, uniqExactIfState(${trace}, NOT ${inside}) AS o`,
          sql`uniqExactIfMerge(i) AS ins, uniqExactIfMerge(o) AS outs`,
        ];
  return sql`SELECT pair.1 AS key, pair.2 AS value, ${sums} FROM (
      SELECT ${group}, ${states} FROM otel_traces WHERE ${where} GROUP BY ALL
    ) ARRAY JOIN ${pairs} AS pair WHERE length(value) <= ${u64(VALUE_BYTES_MAX)} GROUP BY key, value`;
}

export async function selectResourceCounts(
  reader: Reader,
  query: CountedQuery,
): Promise<CountedKey[]> {
  return countedKeys(
    reader,
    query,
    groupedCounts(
      query.sides,
      sql`mapKeys(ResourceAttributes) AS keys, mapValues(ResourceAttributes) AS values`,
      sql`arrayZip(keys, values)`,
    ),
  );
}

/** `service`, `operation`, `kind`, `status` and `scope`: what every span has. */
export async function selectIntrinsicCounts(
  reader: Reader,
  query: CountedQuery,
): Promise<CountedKey[]> {
  return countedKeys(
    reader,
    query,
    groupedCounts(
      query.sides,
      sql`ServiceName, SpanName, SpanKind, StatusCode, ScopeName`,
      sql`[('service', CAST(ServiceName, 'String')), ('operation', CAST(SpanName, 'String')),
        ('kind', CAST(SpanKind, 'String')), ('status', CAST(StatusCode, 'String')), ('scope', ScopeName)]`,
    ),
  );
}

/** `statusMessage`, `event`, `exception.type` and `exception.message`: what only some spans have. */
export async function selectEventCounts(
  reader: Reader,
  query: CountedQuery,
): Promise<CountedKey[]> {
  const { unit, inside, where } = query.sides;
  const fromEvents = (key: "exception.type" | "exception.message"): Sql =>
    sql`arrayMap(m -> (${text(key)}, m[${text(key)}]), arrayFilter(m -> m[${text(key)}] != '', \`Events.Attributes\`))`;
  return countedKeys(
    reader,
    query,
    sql`SELECT pair.1 AS key, pair.2 AS value, ${countsOfColumns(unit)} FROM (
          SELECT ${trace} AS trace, ${inside} AS inside, arrayJoin(arrayDistinct(arrayConcat(
            if(StatusMessage = '', [], [('statusMessage', StatusMessage)]),
            arrayMap(name -> ('event', CAST(name, 'String')), \`Events.Name\`),
            ${fromEvents("exception.type")}, ${fromEvents("exception.message")}))) AS pair
          FROM otel_traces WHERE (${where}) AND (StatusMessage != '' OR notEmpty(\`Events.Name\`))
        ) WHERE length(value) <= ${u64(VALUE_BYTES_MAX)} GROUP BY key, value`,
  );
}

export interface NumbersOfKey {
  readonly key: string;
  readonly inside: { readonly count: number; readonly sample: readonly number[] };
  readonly outside: { readonly count: number; readonly sample: readonly number[] };
}

/** Numbers of each side, at most `sampleMax` picked at random (the same ones each time). Of a trace its largest. */
export async function selectNumbers(
  reader: Reader,
  sides: Sides,
  query: { readonly keys: readonly string[]; readonly sampleMax: number },
): Promise<NumbersOfKey[]> {
  const { unit, inside, where } = sides;
  const numbers = sql`SELECT ${trace} AS trace, ${inside} AS inside, CAST(key, 'String') AS key, toFloat64OrNull(SpanAttributes[key]) AS x
    FROM otel_traces ARRAY JOIN ${texts(query.keys)} AS key WHERE (${where}) AND isFinite(x)`;
  const each =
    unit === "spans"
      ? numbers
      : sql`SELECT trace, any(inside) AS inside, key, max(x) AS x FROM (${numbers}) GROUP BY trace, key`;
  const size = constant(`(${query.sampleMax}, 1)`);
  const answer = await reader.select(
    sql`SELECT key, countIf(inside) AS insideCount, countIf(NOT inside) AS outsideCount,
          groupArraySampleIf${size}(assumeNotNull(x), inside) AS insideSample,
          groupArraySampleIf${size}(assumeNotNull(x), NOT inside) AS outsideSample
        FROM (${each}) GROUP BY key ORDER BY key`,
  );
  return readNumbers(answer);
}

/** The same for the duration of spans, under the key `duration`. */
export async function selectDurations(
  reader: Reader,
  { inside, where }: Sides,
  sampleMax: number,
): Promise<NumbersOfKey[]> {
  const size = constant(`(${sampleMax}, 1)`);
  const answer = await reader.select(
    sql`SELECT 'duration' AS key, countIf(${inside}) AS insideCount, countIf(NOT ${inside}) AS outsideCount,
          groupArraySampleIf${size}(toFloat64(Duration), ${inside}) AS insideSample,
          groupArraySampleIf${size}(toFloat64(Duration), NOT ${inside}) AS outsideSample
        FROM otel_traces WHERE ${where}`,
  );
  return readNumbers(answer);
}

function readNumbers(answer: Parameters<typeof readRows>[0]): NumbersOfKey[] {
  return readRows(answer, (block) => {
    const key = textCells(block, "key");
    const insideCount = numberCells(block, "insideCount");
    const outsideCount = numberCells(block, "outsideCount");
    const insideSample = numbersCells(block, "insideSample");
    const outsideSample = numbersCells(block, "outsideSample");
    return (row) => ({
      key: key(row),
      inside: { count: insideCount(row), sample: insideSample(row) },
      outside: { count: outsideCount(row), sample: outsideSample(row) },
    });
  });
}

/** One trace of each side, to look at. */
export async function selectExamples(
  reader: Reader,
  { inside, where }: Sides,
): Promise<{ readonly inside: string; readonly outside: string }> {
  const answer = await reader.select(
    sql`SELECT anyIf(TraceId, ${inside}) AS ins, anyIf(TraceId, NOT ${inside}) AS outs FROM otel_traces WHERE ${where}`,
  );
  const found = readRows(answer, (block) => {
    const ins = textCells(block, "ins");
    const outs = textCells(block, "outs");
    return (row) => ({ inside: ins(row), outside: outs(row) });
  });
  return found[0] ?? { inside: "", outside: "" };
}
