/**
 * Services, their operations and who calls whom, all from the span table: it is sorted by service and operation, so
 * that naming them reads little.
 */
import { constant, type Sql, sql, text, texts, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { bigintCells, numberCells, readRows, textCells } from "./rows.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

const NAMES_MAX = 10_000;

export interface ServiceTotals {
  readonly name: string;
  readonly requests: number;
  readonly errors: number;
  readonly p50Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
}

export const isRequest = sql`(SpanKind IN ('Server', 'Consumer') OR ParentSpanId = '')`;

/** Every service with a span in the range; the numbers are of the requests it handled. */
export async function selectServices(reader: Reader, range: NsRange): Promise<ServiceTotals[]> {
  const quantile = (q: string): Sql =>
    sql`ifNotFinite(quantileIf(${constant(q)})(Duration, ${isRequest}), 0)`;
  const answer = await reader.select(
    sql`SELECT ServiceName, countIf(${isRequest}) AS requests,
          countIf(${isRequest} AND StatusCode = 'Error') AS errors,
          ${quantile("0.5")} AS p50, ${quantile("0.95")} AS p95, ${quantile("0.99")} AS p99
        FROM otel_traces WHERE ${inRange(range)} GROUP BY ServiceName ORDER BY ServiceName LIMIT ${u64(NAMES_MAX)}`,
  );
  return readRows(answer, (block) => {
    const name = textCells(block, "ServiceName");
    const requests = numberCells(block, "requests");
    const errors = numberCells(block, "errors");
    const p50Ns = numberCells(block, "p50");
    const p95Ns = numberCells(block, "p95");
    const p99Ns = numberCells(block, "p99");
    return (row) => ({
      name: name(row),
      requests: requests(row),
      errors: errors(row),
      p50Ns: p50Ns(row),
      p95Ns: p95Ns(row),
      p99Ns: p99Ns(row),
    });
  });
}

/** Names of all services of which a span is stored. */
export async function selectServiceNames(reader: Reader): Promise<string[]> {
  const answer = await reader.select(
    sql`SELECT ServiceName FROM otel_traces WHERE ServiceName != ''
        GROUP BY ServiceName ORDER BY ServiceName LIMIT ${u64(NAMES_MAX)}`,
  );
  return readRows(answer, (block) => textCells(block, "ServiceName"));
}

export interface OperationTotals {
  readonly name: string;
  /** `Server`, `Client`, …; `Unspecified`. */
  readonly kind: string;
  readonly spans: number;
}

/** Operations by name and kind; of all services and times where these are not given. */
export async function selectOperations(
  reader: Reader,
  of: {
    readonly service?: string | undefined;
    readonly range?: NsRange | undefined;
    /** Lower case. */
    readonly kind?: string | undefined;
  },
): Promise<OperationTotals[]> {
  const service = of.service === undefined ? sql`1` : sql`ServiceName = ${text(of.service)}`;
  const range = of.range === undefined ? sql`1` : inRange(of.range);
  const kind = of.kind === undefined ? sql`1` : sql`lower(SpanKind) = ${text(of.kind)}`;
  const answer = await reader.select(
    sql`SELECT SpanName, SpanKind, count() AS spans FROM otel_traces WHERE ${service} AND ${range} AND ${kind}
        GROUP BY SpanName, SpanKind ORDER BY SpanName, SpanKind LIMIT ${u64(NAMES_MAX)}`,
  );
  return readRows(answer, (block) => {
    const name = textCells(block, "SpanName");
    const spanKind = textCells(block, "SpanKind");
    const spans = numberCells(block, "spans");
    return (row) => ({ name: name(row), kind: spanKind(row), spans: spans(row) });
  });
}

/** Spans that are joined with their parents at most; beyond it only every nth trace is looked at. */
const JOIN_ROWS_MAX = 3_000_000;

/** Every which trace must be looked at so that a join over the range stays within its bound. */
export async function sampleOf(reader: Reader, range: NsRange): Promise<number> {
  const answer = await reader.select(
    sql`SELECT count() AS spans FROM otel_traces WHERE ${inRange(range)}`,
  );
  const spans = readRows(answer, (block) => numberCells(block, "spans"))[0] ?? 0;
  return Math.max(1, Math.ceil(spans / JOIN_ROWS_MAX));
}

export const inSample = (every: number): Sql =>
  every === 1 ? sql`1` : sql`cityHash64(TraceId) % ${u64(every)} = 0`;

/** Spans in the range as parents: their key and service. */
const parents = (range: NsRange, every: number): Sql =>
  sql`SELECT cityHash64(TraceId, SpanId) AS parentKey, any(ServiceName) AS parentService FROM otel_traces
      WHERE ${inRange(range)} AND ${inSample(every)} GROUP BY parentKey`;

/**
 * A request that began longer than this before the window is not seen when it ends in it. Looking further back would
 * cost more at every step than such requests are worth.
 */
const REQUEST_NS_MAX = 120_000_000_000n;
/** Requests are looked at when they end, so their spans may have started before the window. */
const reach = (window: NsRange): NsRange => ({
  fromNs: window.fromNs - REQUEST_NS_MAX,
  toNs: window.toNs,
});

/**
 * The spans with which a service handles requests, that ended in the window: kinds server and consumer, roots, and
 * other spans whose parent is in another service or unknown. Calls out (client, producer) are requests only as roots:
 * their parent often arrives after them and would be missed.
 */
function requests(window: NsRange, every: number): Sql {
  const range = reach(window);
  const ended = sql`toUnixTimestamp64Nano(Timestamp) + toInt64(least(Duration, 4611686018427387904))`;
  const own = sql`${inRange(range)} AND ${inSample(every)}
    AND ${ended} >= toInt64(${u64(String(window.fromNs))}) AND ${ended} < toInt64(${u64(String(window.toNs))})`;
  const fields = sql`TraceId, SpanId, SpanName, ServiceName, StatusCode, Duration, toUnixTimestamp64Nano(Timestamp) AS start,
    SpanAttributes['http.route'] AS route`;
  return sql`
    SELECT ${fields} FROM otel_traces WHERE ${own} AND ${isRequest}
    UNION ALL
    SELECT TraceId, SpanId, SpanName, ServiceName, StatusCode, Duration, start, route FROM (
      SELECT ${fields}, cityHash64(TraceId, ParentSpanId) AS parentKey FROM otel_traces
      WHERE ${own} AND SpanKind IN ('Internal', 'Unspecified') AND ParentSpanId != ''
    ) AS child LEFT JOIN (${parents(range, every)}) AS parent USING (parentKey)
    WHERE parentService != ServiceName`;
}

export interface ServiceLatency {
  readonly service: string;
  readonly requests: number;
  readonly errors: number;
  readonly p95Ns: number;
  /** Requests that took longer than asked. */
  readonly slow: number;
}

export async function selectServiceLatencies(
  reader: Reader,
  window: NsRange,
  slowNs: bigint,
): Promise<ServiceLatency[]> {
  const every = await sampleOf(reader, reach(window));
  const answer = await reader.select(
    sql`SELECT ServiceName, count() * ${u64(every)} AS requests,
          countIf(StatusCode = 'Error') * ${u64(every)} AS errors, quantile(0.95)(Duration) AS p95,
          countIf(Duration > ${u64(String(slowNs))}) * ${u64(every)} AS slow
        FROM (${requests(window, every)}) GROUP BY ServiceName ORDER BY ServiceName LIMIT ${u64(NAMES_MAX)}`,
  );
  return readRows(answer, (block) => {
    const service = textCells(block, "ServiceName");
    const count = numberCells(block, "requests");
    const errors = numberCells(block, "errors");
    const p95Ns = numberCells(block, "p95");
    const slow = numberCells(block, "slow");
    return (row) => ({
      slow: slow(row),
      service: service(row),
      requests: count(row),
      errors: errors(row),
      p95Ns: p95Ns(row),
    });
  });
}

export interface SlowRequest {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly endpoint: string;
  readonly startNs: bigint;
  readonly durationNs: number;
}

/** The slowest requests above a duration, at most `perService` of each service, worst first. */
export async function selectSlowRequests(
  reader: Reader,
  query: {
    readonly window: NsRange;
    readonly services: readonly string[];
    readonly aboveNs: bigint;
    readonly perService: number;
  },
): Promise<SlowRequest[]> {
  const every = await sampleOf(reader, reach(query.window));
  const answer = await reader.select(
    sql`SELECT ServiceName, TraceId, SpanId, if(route = '', SpanName, route) AS endpoint, start, Duration
        FROM (${requests(query.window, every)})
        WHERE Duration > ${u64(String(query.aboveNs))} AND ServiceName IN ${texts(query.services)}
        ORDER BY Duration DESC, TraceId, SpanId LIMIT ${u64(query.perService)} BY ServiceName`,
  );
  return readRows(answer, (block) => {
    const service = textCells(block, "ServiceName");
    const traceId = textCells(block, "TraceId");
    const spanId = textCells(block, "SpanId");
    const endpoint = textCells(block, "endpoint");
    const startNs = bigintCells(block, "start");
    const durationNs = numberCells(block, "Duration");
    return (row) => ({
      service: service(row),
      traceId: traceId(row),
      spanId: spanId(row),
      endpoint: endpoint(row),
      startNs: startNs(row),
      durationNs: durationNs(row),
    });
  });
}
