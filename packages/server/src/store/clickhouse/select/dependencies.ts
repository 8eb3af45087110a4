/**
 * Who calls whom, from stored spans: pairs of spans in two services, and calls whose other end has no spans. With very
 * many spans in the range the counts are extrapolated from a part of the traces.
 */
import { constant, join, type Sql, sql, text, u64 } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { numberCells, numbersCells, readRows, textCells } from "./rows.ts";
import { inSample, sampleOf } from "./services.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

export interface StoredEdge {
  readonly client: string;
  readonly server: string;
  readonly connection: string;
  readonly calls: number;
  readonly failed: number;
  /** Nanoseconds at 50, 95 and 99 percent; zeros where that side has no spans. */
  readonly clientNs: readonly number[];
  readonly serverNs: readonly number[];
}

export interface StoredEdges {
  readonly edges: readonly StoredEdge[];
  /** One in so many traces was looked at. */
  readonly every: number;
}

export interface EdgeOptions {
  /** Only edges that begin or end there. */
  readonly service?: string | undefined;
  /** Edges at most; the ones with the most calls. */
  readonly limit?: number;
}

const EDGES_MAX = 10_000;
const LEVELS = sql`quantiles(0.5, 0.95, 0.99)`;
const LEVELS_IF = sql`quantilesIf(0.5, 0.95, 0.99)`;

const ownKey = constant("cityHash64(TraceId, SpanId)");
const parentKey = constant("cityHash64(TraceId, ParentSpanId)");

/** Calls between two services that both have spans. */
export async function selectCalls(
  reader: Reader,
  range: NsRange,
  { service, limit = EDGES_MAX }: EdgeOptions = {},
): Promise<StoredEdges> {
  const every = await sampleOf(reader, range);
  const within = sql`${inRange(range)} AND ${inSample(every)}`;
  const parents = sql`SELECT ${ownKey} AS key, any(ServiceName) AS client, any(Duration) AS clientDuration,
      any(SpanKind) AS clientKind, any(StatusCode) AS clientStatus
    FROM otel_traces WHERE ${within} GROUP BY key`;
  const isCaller = sql`clientKind IN ('Client', 'Producer')`;
  const answer = await reader.select(
    sql`SELECT client, server, if(SpanKind = 'Consumer', 'messaging_system', '') AS connection,
          count() * ${u64(every)} AS calls,
          countIf(StatusCode = 'Error' OR ${isCaller} AND clientStatus = 'Error') * ${u64(every)} AS failed,
          ${LEVELS_IF}(clientDuration, ${isCaller}) AS clientNs, ${LEVELS}(Duration) AS serverNs
        FROM (
          SELECT ${parentKey} AS key, ServiceName AS server, SpanKind, Duration, StatusCode FROM otel_traces
          WHERE ${within} AND ParentSpanId != ''
        ) AS child INNER JOIN (${parents}) AS parent USING (key)
        WHERE client != server AND ${ofService(service)}
        GROUP BY client, server, connection ORDER BY calls DESC, client, server, connection
        LIMIT ${u64(limit)}`,
  );
  return { edges: readEdges(answer), every };
}

const first = (...expressions: readonly Sql[]): Sql =>
  sql`arrayFirst(x -> x != '', [${join(expressions, ", ")}])`;
const attribute = (name: string): Sql => sql`SpanAttributes[${text(name)}]`;
const host = attribute("network.peer.address");
const port = attribute("network.peer.port");
const hostAndPort = sql`if(${host} != '' AND ${port} != '', concat(${host}, ':', ${port}), ${host})`;
const databaseParts = ["db.namespace", "db.name", "db.system.name", "db.system"].map(attribute);
const database = first(
  ...["peer.service", "server.address"].map(attribute),
  hostAndPort,
  ...databaseParts,
);
const peer = first(
  ...["peer.service", "server.address", "messaging.destination.name"].map(attribute),
  ...["messaging.destination", "messaging.system", "net.peer.name"].map(attribute),
);

/** Calls to what has no spans: databases, queues and servers by the name that the call gives them; and from users. */
export async function selectVirtualCalls(
  reader: Reader,
  range: NsRange,
  { service, limit = EDGES_MAX }: EdgeOptions = {},
): Promise<StoredEdges> {
  const every = await sampleOf(reader, range);
  const within = sql`${inRange(range)} AND ${inSample(every)}`;
  const isDatabase = sql`(SpanKind = 'Client' AND ${first(...databaseParts)} != '')`;
  // What has a span below it in another service is a pair already.
  const answered = sql`SELECT ${parentKey} FROM otel_traces
    WHERE ${within} AND SpanKind IN ('Server', 'Consumer') AND ParentSpanId != ''`;
  const calls = sql`
    SELECT ServiceName AS client, if(${isDatabase}, ${database}, ${peer}) AS server,
      multiIf(${isDatabase}, 'database', SpanKind = 'Producer', 'messaging_system', 'virtual_node') AS connection,
      Duration, StatusCode, 1 AS isClient
    FROM otel_traces WHERE ${within} AND SpanKind IN ('Client', 'Producer') AND ${ownKey} NOT IN (${answered})
    UNION ALL
    SELECT 'user' AS client, ServiceName AS server, 'virtual_node' AS connection, Duration, StatusCode, 0 AS isClient
    FROM otel_traces WHERE ${within} AND SpanKind = 'Server' AND ParentSpanId = ''`;
  const answer = await reader.select(
    sql`SELECT client, server, connection, count() * ${u64(every)} AS calls,
          countIf(StatusCode = 'Error') * ${u64(every)} AS failed,
          ${LEVELS_IF}(Duration, isClient = 1) AS clientNs, ${LEVELS_IF}(Duration, isClient = 0) AS serverNs
        FROM (${calls}) WHERE server != '' AND client != server AND ${ofService(service)}
        GROUP BY client, server, connection ORDER BY calls DESC, client, server, connection
        LIMIT ${u64(limit)}`,
  );
  return { edges: readEdges(answer), every };
}

function ofService(service: string | undefined): Sql {
  return service === undefined
    ? sql`1`
    : sql`(client = ${text(service)} OR server = ${text(service)})`;
}

function readEdges(answer: Awaited<ReturnType<Reader["select"]>>): StoredEdge[] {
  return readRows(answer, (block) => {
    const client = textCells(block, "client");
    const server = textCells(block, "server");
    const connection = textCells(block, "connection");
    const calls = numberCells(block, "calls");
    const failed = numberCells(block, "failed");
    const clientNs = numbersCells(block, "clientNs");
    const serverNs = numbersCells(block, "serverNs");
    return (row) => ({
      client: client(row),
      server: server(row),
      connection: connection(row),
      calls: calls(row),
      failed: failed(row),
      clientNs: clientNs(row),
      serverNs: serverNs(row),
    });
  });
}
