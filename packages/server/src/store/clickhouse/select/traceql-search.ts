/** Finding traces for TraceQL: ids of candidates, newest first, and what a trace is as a whole. */
import { all, join, type Sql, sql, text, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { bigintCells, numberCells, readRows, textCells } from "./rows.ts";
import { isRoot, mayBeDoubtful, withMargin } from "./traceql-condition.ts";
import { traceIdIs } from "./traces.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

export interface CandidateQuery {
  readonly range: NsRange;
  /** A span of the trace fits it. */
  readonly condition?: Sql | undefined;
  /** Other spans of the trace fit these. */
  readonly others: readonly Sql[];
  readonly limit: number;
}

/** A place in the order of candidates: the time of the newest fitting span, then the id. */
export interface Candidate {
  readonly traceId: string;
  readonly newestNs: bigint;
}

/** Newest first, beginning behind `after`. */
export async function selectCandidates(
  reader: Reader,
  query: CandidateQuery,
  after?: Candidate,
): Promise<Candidate[]> {
  const others = query.others.map(
    (other) =>
      sql`TraceId IN (SELECT TraceId FROM otel_traces WHERE ${inRange(withMargin(query.range))} AND ${other})`,
  );
  const own = query.condition === undefined ? [] : [query.condition];
  const behind =
    after === undefined
      ? sql``
      : sql`HAVING (newest, TraceId) < (${int64(after.newestNs)}, ${text(after.traceId)})`;
  const answer = await reader.select(
    sql`SELECT TraceId, toUnixTimestamp64Nano(max(Timestamp)) AS newest FROM otel_traces
        WHERE ${all([inRange(query.range), sql`TraceId != ''`, ...own, ...others])}
        GROUP BY TraceId ${behind} ORDER BY newest DESC, TraceId DESC LIMIT ${u64(query.limit)}`,
  );
  return readRows(answer, (block) => {
    const traceId = textCells(block, "TraceId");
    const newestNs = bigintCells(block, "newest");
    return (row) => ({ traceId: traceId(row), newestNs: newestNs(row) });
  });
}

const int64 = (value: bigint): Sql => sql`${{ type: "Int64" as const, value: String(value) }}`;

/**
 * Whether any span of the range can be doubtful, whatever is asked. To look for those that are takes the maps of all
 * attributes; this takes an index, and where nothing has events, links or arrays it is all there is.
 */
export async function hasDoubtfulSpans(reader: Reader, range: NsRange): Promise<boolean> {
  const answer = await reader.select(
    sql`SELECT count() AS found FROM (SELECT 1 FROM otel_traces
        WHERE ${inRange(range)} AND ${mayBeDoubtful} LIMIT 1)`,
  );
  return (readRows(answer, (block) => numberCells(block, "found"))[0] ?? 0) > 0;
}

export interface ServiceStats {
  readonly spans: number;
  readonly errors: number;
}
export interface StoredTrace {
  readonly traceId: string;
  /** Both are empty while the root is not there. */
  readonly rootName: string;
  readonly rootServiceName: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly services: ReadonlyMap<string, ServiceStats>;
}

export interface StoredTraces {
  /** When the spans of all of them started, to the second. */
  readonly range: NsRange;
  readonly byId: ReadonlyMap<string, StoredTrace>;
}

/** `range` is when their spans are. */
export async function selectStoredTraces(
  reader: Reader,
  traceIds: readonly string[],
  range: NsRange,
): Promise<StoredTraces> {
  const answer = await reader.select(
    sql`SELECT TraceId, ServiceName, countIf(${isRoot}) AS roots,
          argMinIf(SpanName, Timestamp, ${isRoot}) AS rootName, toUnixTimestamp64Nano(minIf(Timestamp, ${isRoot})) AS rootStart,
          toUnixTimestamp64Nano(min(Timestamp)) AS start,
          max(toUnixTimestamp64Nano(Timestamp) + toInt64(least(Duration, 4611686018427387904))) AS end,
          count() AS spans, countIf(StatusCode = 'Error') AS errors
        FROM otel_traces WHERE ${traceIdIs(traceIds)} AND ${inRange(range)} GROUP BY TraceId, ServiceName`,
  );
  const stored = readRows(answer, (block) => {
    const traceId = textCells(block, "TraceId");
    const service = textCells(block, "ServiceName");
    const roots = numberCells(block, "roots");
    const rootName = textCells(block, "rootName");
    const rootStart = bigintCells(block, "rootStart");
    const start = bigintCells(block, "start");
    const end = bigintCells(block, "end");
    const spans = numberCells(block, "spans");
    const errors = numberCells(block, "errors");
    return (row) => ({
      traceId: traceId(row),
      service: service(row),
      rootName: roots(row) > 0 ? rootName(row) : undefined,
      rootStart: rootStart(row),
      start: start(row),
      end: end(row),
      spans: spans(row),
      errors: errors(row),
    });
  });
  const nameless = stored.some(({ service }) => service === NO_SERVICE)
    ? await withoutService(reader, traceIds, range)
    : new Set<string>();
  const parts = stored.map((part) =>
    part.service === NO_SERVICE && nameless.has(part.traceId) ? { ...part, service: "" } : part,
  );
  const byTrace = new Map<string, typeof parts>();
  for (const part of parts) byTrace.set(part.traceId, [...(byTrace.get(part.traceId) ?? []), part]);
  const byId = new Map<string, StoredTrace>();
  for (const [traceId, list] of byTrace) {
    const roots = list.filter((part) => part.rootName !== undefined);
    const root = roots.reduce<(typeof parts)[number] | undefined>(
      (first, part) => (first === undefined || part.rootStart < first.rootStart ? part : first),
      undefined,
    );
    const startNs = list.reduce(
      (min, part) => (part.start < min ? part.start : min),
      list[0]?.start ?? 0n,
    );
    const endNs = list.reduce((max, part) => (part.end > max ? part.end : max), startNs);
    byId.set(traceId, {
      traceId,
      rootName: root?.rootName ?? "",
      rootServiceName: root?.service ?? "",
      startNs,
      durationNs: Number(endNs - startNs),
      services: new Map(list.map(({ service, spans, errors }) => [service, { spans, errors }])),
    });
  }
  return { range, byId };
}

/** What the column of services says of resources that name none, and what some clients really send. */
const NO_SERVICE = "unknown_service";

/** Traces with spans whose resource names no service. */
async function withoutService(
  reader: Reader,
  traceIds: readonly string[],
  range: NsRange,
): Promise<Set<string>> {
  const answer = await reader.select(
    sql`SELECT DISTINCT TraceId FROM otel_traces WHERE ${traceIdIs(traceIds)} AND ${inRange(range)}
        AND ServiceName = ${text(NO_SERVICE)} AND NOT mapContains(ResourceAttributes, 'service.name')`,
  );
  return new Set(readRows(answer, (block) => textCells(block, "TraceId")));
}

/** Whether any of the conditions holds. */
export const anyOf = (conditions: readonly Sql[]): Sql => sql`(${join(conditions, " OR ")})`;
