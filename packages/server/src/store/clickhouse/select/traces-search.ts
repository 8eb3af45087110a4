/**
 * Searching traces: which ones have a span that matches, newest or slowest first, how many there are, and what the
 * listed ones are like. Ids are found first and summarised after, so that the wide columns are read for few traces.
 */
import { all, constant, f64s, i64, type Sql, sql, text, texts, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { bigintCells, numberCells, readRows, textCells } from "./rows.ts";
import { selectTraceTimes, traceIdIs } from "./traces.ts";
import {
  inRange,
  isSelective,
  type NsRange,
  type SpanFilter,
  spanCondition,
} from "./traces-filter.ts";

/** `otel_traces` restricted to the traces in which a span matches, within the range. */
export function matchingTraces(filter: SpanFilter): Sql {
  const range = inRange(filter.range);
  if (!isSelective(filter)) return range;
  const matching = sql`SELECT TraceId FROM otel_traces WHERE ${spanCondition(filter)}`;
  return all([range, sql`TraceId IN (${matching})`]);
}

const startNs = constant("toUnixTimestamp64Nano(Timestamp)");
/** Last end minus first start. Durations beyond what Int64 holds are a sender's mistake; they count as its largest. */
export const traceDuration = sql`toUInt64(max(${startNs} + toInt64(least(Duration, 4611686018427387904))) - min(${startNs}))`;

/** The newest part of the range that is looked at first, and by how much the next one is larger. */
const FIRST_SLICE = 1440n;
/** What came in the last seconds may not be there yet. */
const SLICE_NS_MIN = 15_000_000_000n;
const SLICE_GROWTH = 8n;
const FIRST_SLICE_NS_MAX = 6n * 3_600_000_000_000n;

/** Ids of the traces with the newest matching spans, newest first. Looks at ever larger parts of the range. */
export async function selectNewestTraceIds(
  reader: Reader,
  filter: SpanFilter,
  limit: number,
): Promise<string[]> {
  const found = new Set<string>();
  for (const range of slices(filter.range, () => found.size / limit)) {
    const answer = await reader.select(
      sql`SELECT TraceId, max(Timestamp) AS newest FROM otel_traces
          WHERE ${spanCondition({ ...filter, range })}
          GROUP BY TraceId ORDER BY newest DESC, TraceId LIMIT ${u64(limit + found.size)}`,
    );
    for (const id of readRows(answer, (block) => textCells(block, "TraceId"))) {
      if (found.size < limit) found.add(id);
    }
    if (found.size >= limit) break;
  }
  return [...found];
}

/** By how much more is looked at than should be enough for what is still wanted: things are not spread evenly. */
const SPARE = 1.5;

/**
 * Parts of the range, the newest first, each larger than the one before. `foundShare` is how much of what is wanted was
 * found so far: where that says that a smaller part will do, the next one is smaller.
 */
export function* slices(
  { fromNs, toNs }: NsRange,
  foundShare: () => number = () => 0,
): Generator<NsRange> {
  let end = toNs;
  let size = (toNs - fromNs) / FIRST_SLICE;
  if (size < SLICE_NS_MIN) size = SLICE_NS_MIN;
  // Of a very long range the first part would hold everything that is stored.
  if (size > FIRST_SLICE_NS_MAX) size = FIRST_SLICE_NS_MAX;
  while (end > fromNs) {
    const start = end - size > fromNs ? end - size : fromNs;
    yield { fromNs: start, toNs: end };
    end = start;
    size *= SLICE_GROWTH;
    const share = foundShare();
    if (share <= 0 || share >= 1) continue;
    const enough = BigInt(Math.ceil(Number(toNs - end) * (1 / share - 1) * SPARE));
    if (enough < size) size = enough > SLICE_NS_MIN ? enough : SLICE_NS_MIN;
  }
}

/** Ids of the matching traces that took longest, in no order. */
export async function selectSlowestTraceIds(
  reader: Reader,
  filter: SpanFilter,
  limit: number,
): Promise<string[]> {
  // Grouping by a hash of the id is three times as fast as by the id; a second look finds the ids of the few.
  const answer = await reader.select(
    sql`SELECT DISTINCT TraceId FROM otel_traces WHERE ${inRange(filter.range)} AND cityHash64(TraceId) IN (
          SELECT trace FROM (
            SELECT cityHash64(TraceId) AS trace, ${traceDuration} AS duration FROM otel_traces
            WHERE ${matchingTraces(filter)} GROUP BY trace ORDER BY duration DESC, max(Timestamp) DESC LIMIT ${u64(limit)}
          )
        )`,
  );
  return readRows(answer, (block) => textCells(block, "TraceId"));
}

/** `uniq` counts exactly up to this many and estimates beyond. */
export const TRACES_COUNTED_EXACTLY = 65_536;

export async function selectTraceCount(reader: Reader, filter: SpanFilter): Promise<number> {
  const answer = await reader.select(
    sql`SELECT uniq(TraceId) AS traces FROM otel_traces WHERE ${spanCondition(filter)}`,
  );
  return readRows(answer, (block) => numberCells(block, "traces"))[0] ?? 0;
}

/** Sorts roots before other spans, then by start time. */
const rootFirst = sql`(ParentSpanId != '', Timestamp)`;

export interface TraceTotals {
  readonly traceId: string;
  readonly rootService: string;
  readonly rootName: string;
  /** No span without a parent is stored: root fields are those of the earliest span. */
  readonly rootMissing: boolean;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly spans: number;
  readonly errors: number;
  readonly errorMessage: string;
}

/** In the order of `traceIds`; ids of which nothing is stored are left out. */
export async function selectTraceTotals(
  reader: Reader,
  traceIds: readonly string[],
): Promise<TraceTotals[]> {
  const range = await selectTraceTimes(reader, traceIds);
  if (range === undefined) return [];
  const answer = await reader.select(
    sql`SELECT TraceId,
          argMin(ServiceName, ${rootFirst}) AS rootService, argMin(SpanName, ${rootFirst}) AS rootName,
          countIf(ParentSpanId = '') = 0 AS rootMissing,
          toUnixTimestamp64Nano(min(Timestamp)) AS start, ${traceDuration} AS duration,
          count() AS spans, countIf(StatusCode = 'Error') AS errors,
          argMinIf(StatusMessage, Timestamp, StatusCode = 'Error' AND StatusMessage != '') AS errorMessage
        FROM otel_traces WHERE ${traceIdIs(traceIds)} AND ${inRange(range)} GROUP BY TraceId`,
  );
  const totals = readRows<TraceTotals>(answer, (block) => {
    const traceId = textCells(block, "TraceId");
    const rootService = textCells(block, "rootService");
    const rootName = textCells(block, "rootName");
    const rootMissing = numberCells(block, "rootMissing");
    const start = bigintCells(block, "start");
    const durationNs = numberCells(block, "duration");
    const spans = numberCells(block, "spans");
    const errors = numberCells(block, "errors");
    const errorMessage = textCells(block, "errorMessage");
    return (row) => ({
      traceId: traceId(row),
      rootService: rootService(row),
      rootName: rootName(row),
      rootMissing: rootMissing(row) === 1,
      startNs: start(row),
      durationNs: durationNs(row),
      spans: spans(row),
      errors: errors(row),
      errorMessage: errorMessage(row),
    });
  });
  const byId = new Map(totals.map((total) => [total.traceId, total]));
  return traceIds.flatMap((id) => byId.get(id) ?? []);
}

/** What is needed of a span to see where a trace spends its time. */
export interface SpanTimes {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly service: string;
  readonly kind: string;
  readonly startNs: bigint;
  readonly durationNs: number;
}

export async function selectSpanTimes(
  reader: Reader,
  traceIds: readonly string[],
  bounds: { readonly perTraceMax: number; readonly spansMax: number },
): Promise<SpanTimes[]> {
  const range = traceIds.length === 0 ? undefined : await selectTraceTimes(reader, traceIds);
  if (range === undefined) return [];
  const answer = await reader.select(
    sql`SELECT TraceId, SpanId, ParentSpanId, ServiceName, SpanKind,
          ${startNs} AS start, Duration
        FROM otel_traces WHERE ${traceIdIs(traceIds)} AND ${inRange(range)}
        LIMIT ${u64(bounds.perTraceMax)} BY TraceId LIMIT ${u64(bounds.spansMax)}`,
  );
  return readRows(answer, (block) => {
    const traceId = textCells(block, "TraceId");
    const spanId = textCells(block, "SpanId");
    const parentSpanId = textCells(block, "ParentSpanId");
    const service = textCells(block, "ServiceName");
    const kind = textCells(block, "SpanKind");
    const start = bigintCells(block, "start");
    const durationNs = numberCells(block, "Duration");
    return (row) => ({
      traceId: traceId(row),
      spanId: spanId(row),
      parentSpanId: parentSpanId(row),
      service: service(row),
      kind: kind(row),
      startNs: start(row),
      durationNs: durationNs(row),
    });
  });
}

export interface HeatCell {
  readonly column: number;
  readonly row: number;
  readonly count: number;
  readonly errors: number;
}

/** Matching traces by start time and duration. `boundsNs` are ascending lower bounds, the first one 0. */
export async function selectTraceHeat(
  reader: Reader,
  filter: SpanFilter,
  grid: { readonly stepNs: bigint; readonly boundsNs: readonly number[] },
): Promise<HeatCell[]> {
  const answer = await reader.select(
    sql`SELECT toUInt32(intDiv(start - ${i64(String(filter.range.fromNs))}, ${i64(String(grid.stepNs))})) AS column,
          toUInt32(arrayCount(b -> b <= duration, ${f64s(grid.boundsNs)}) - 1) AS row,
          count() AS traces, sum(failed) AS errors
        FROM (
          SELECT toUnixTimestamp64Nano(min(Timestamp)) AS start, ${traceDuration} AS duration,
            max(StatusCode = 'Error') AS failed
          FROM otel_traces WHERE ${matchingTraces(filter)} GROUP BY cityHash64(TraceId)
        ) GROUP BY column, row ORDER BY column, row`,
  );
  return readRows(answer, (block) => {
    const column = numberCells(block, "column");
    const row = numberCells(block, "row");
    const count = numberCells(block, "traces");
    const errors = numberCells(block, "errors");
    return (at) => ({ column: column(at), row: row(at), count: count(at), errors: errors(at) });
  });
}

export interface TraceBox {
  readonly range: NsRange;
  readonly minDurationNs: bigint;
  readonly maxDurationNs: bigint;
}
/** Spans of any of these traces. */
export function traceIdsCondition(traceIds: readonly string[]): Sql {
  return sql`TraceId IN ${texts(traceIds)}`;
}

export interface UsualDurations {
  readonly spans: number;
  readonly p50Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
  /** Power of two times `stepsPerDoubling` whose bucket holds so many spans, ascending. */
  readonly buckets: readonly { readonly exponent: number; readonly count: number }[];
}

/** How long spans of an operation take; buckets are `stepsPerDoubling` to each doubling of the duration. */
export async function selectUsualDurations(
  reader: Reader,
  operation: { readonly service: string; readonly name: string; readonly range: NsRange },
  stepsPerDoubling: number,
): Promise<UsualDurations> {
  const where = sql`ServiceName = ${text(operation.service)} AND SpanName = ${text(operation.name)}
    AND ${inRange(operation.range)}`;
  const [totals, buckets] = await Promise.all([
    reader.select(
      sql`SELECT count() AS spans, quantile(0.5)(Duration) AS p50, quantile(0.95)(Duration) AS p95,
            quantile(0.99)(Duration) AS p99 FROM otel_traces WHERE ${where}`,
    ),
    reader.select(
      sql`SELECT toInt32(floor(log2(greatest(Duration, 1)) * ${u64(stepsPerDoubling)})) AS exponent, count() AS spans
          FROM otel_traces WHERE ${where} GROUP BY exponent ORDER BY exponent`,
    ),
  ]);
  const [total] = readRows(totals, (block) => {
    const spans = numberCells(block, "spans");
    const p50Ns = numberCells(block, "p50");
    const p95Ns = numberCells(block, "p95");
    const p99Ns = numberCells(block, "p99");
    return (row) => ({
      spans: spans(row),
      p50Ns: p50Ns(row),
      p95Ns: p95Ns(row),
      p99Ns: p99Ns(row),
    });
  });
  return {
    ...(total === undefined || total.spans === 0
      ? { spans: 0, p50Ns: 0, p95Ns: 0, p99Ns: 0 }
      : total),
    buckets: readRows(buckets, (block) => {
      const exponent = numberCells(block, "exponent");
      const count = numberCells(block, "spans");
      return (row) => ({ exponent: exponent(row), count: count(row) });
    }),
  };
}
