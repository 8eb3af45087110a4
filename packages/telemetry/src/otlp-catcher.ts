/** For tests: a receiver of OTLP/HTTP JSON on a free port that keeps what it is sent and lets tests wait for it. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

export interface CaughtSpan {
  readonly service: string;
  readonly scope: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: CaughtAttributes;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly events: readonly { readonly name: string; readonly attributes: CaughtAttributes }[];
}
export interface CaughtLog {
  readonly service: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: unknown;
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: CaughtAttributes;
}
export interface CaughtMetric {
  readonly service: string;
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly kind: "sum" | "gauge" | "histogram" | "other";
  readonly points: readonly CaughtPoint[];
}
export interface CaughtPoint {
  readonly attributes: CaughtAttributes;
  readonly value: number;
  readonly count: number;
  readonly bounds: readonly number[];
}
export type CaughtAttributes = Readonly<Record<string, unknown>>;

export interface Request {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: number;
}

export interface OtlpCatcher {
  readonly url: string;
  readonly requests: Request[];
  readonly resources: CaughtAttributes[];
  readonly spans: CaughtSpan[];
  readonly logs: CaughtLog[];
  readonly metrics: CaughtMetric[];
  /** Statuses for the next requests, before 200s begin; each is sent with `Retry-After: 0`. */
  readonly refusals: number[];
  /** Resolves with the first thing `find` gives that is not undefined or false; looked at after every request. */
  until<T>(what: string, find: () => T | undefined | false): Promise<T>;
  close(): Promise<void>;
}

/** No single wait of a test takes this long unless something is broken. */
const waitMaxMs = 15_000;

export async function createOtlpCatcher(): Promise<OtlpCatcher> {
  const waiting = new Set<() => void>();
  const state = { requests: [], resources: [], spans: [], logs: [], metrics: [], refusals: [] };
  const caught: Pick<OtlpCatcher, keyof typeof state> = state;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
    const path = request.url ?? "";
    caught.requests.push({ path, headers: request.headers, bytes: body.length });
    const refusal = caught.refusals.shift();
    if (refusal === undefined && request.headers["content-type"] === "application/json") {
      keep(caught, JSON.parse(body.toString("utf8")));
    }
    response.writeHead(refusal ?? 200, { "content-type": "application/json", "retry-after": "0" });
    response.end("{}");
    for (const look of waiting) look();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...caught,
    url: `http://127.0.0.1:${port}`,
    until: (what, find) =>
      new Promise((resolve, reject) => {
        const finish = () => {
          clearTimeout(timer);
          waiting.delete(look);
        };
        const timer = setTimeout(() => {
          finish();
          reject(new Error(`never came: ${what}`));
        }, waitMaxMs);
        const look = () => {
          const found = find();
          if (found === undefined || found === false) return;
          finish();
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

// The shapes of OTLP's JSON, as far as the tests look.
interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface Scoped {
  readonly scope?: { readonly name?: string };
  readonly spans?: readonly (CaughtSpan & { readonly attributes: readonly KeyValue[] })[];
  readonly logRecords?: readonly (CaughtLog & { readonly attributes: readonly KeyValue[] })[];
  readonly metrics?: readonly JsonMetric[];
}
interface JsonMetric {
  readonly name: string;
  readonly unit?: string;
  readonly description?: string;
  readonly sum?: { readonly dataPoints: readonly JsonPoint[] };
  readonly gauge?: { readonly dataPoints: readonly JsonPoint[] };
  readonly histogram?: { readonly dataPoints: readonly JsonPoint[] };
}
interface JsonPoint {
  readonly attributes?: readonly KeyValue[];
  readonly asInt?: number | string;
  readonly asDouble?: number;
  readonly count?: number | string;
  readonly sum?: number;
  readonly explicitBounds?: readonly number[];
}
interface PerResource {
  readonly resource?: { readonly attributes?: readonly KeyValue[] };
  readonly scopeSpans?: readonly Scoped[];
  readonly scopeLogs?: readonly Scoped[];
  readonly scopeMetrics?: readonly Scoped[];
}
type Body = Readonly<Record<string, readonly PerResource[] | undefined>>;

function keep(into: Pick<OtlpCatcher, "resources" | "spans" | "logs" | "metrics">, body: Body) {
  for (const part of Object.values(body).flatMap((list) => list ?? [])) {
    const resource = attributes(part.resource?.attributes);
    const service = String(resource["service.name"]);
    into.resources.push(resource);
    const scopes = [part.scopeSpans, part.scopeLogs, part.scopeMetrics];
    for (const scoped of scopes.flatMap((list) => list ?? [])) {
      const scope = scoped.scope?.name ?? "";
      for (const span of scoped.spans ?? []) into.spans.push(spanOf(span, { service, scope }));
      for (const log of scoped.logRecords ?? []) {
        into.logs.push({
          ...log,
          service,
          body: valueIn(log.body as KeyValue["value"]),
          attributes: attributes(log.attributes),
        });
      }
      for (const metric of scoped.metrics ?? []) into.metrics.push(metricOf(metric, service));
    }
  }
}

function spanOf(
  span: CaughtSpan & { readonly attributes: readonly KeyValue[] },
  from: { readonly service: string; readonly scope: string },
): CaughtSpan {
  const events = (span.events ?? []).map((event) => ({
    name: event.name,
    attributes: attributes(event.attributes as unknown as readonly KeyValue[]),
  }));
  return {
    ...span,
    ...from,
    parentSpanId: span.parentSpanId ?? "",
    attributes: attributes(span.attributes),
    events,
  };
}

function metricOf(metric: JsonMetric, service: string): CaughtMetric {
  const kind = (["sum", "gauge", "histogram"] as const).find((name) => metric[name] !== undefined);
  const points = kind === undefined ? [] : (metric[kind]?.dataPoints ?? []);
  return {
    service,
    name: metric.name,
    unit: metric.unit ?? "",
    description: metric.description ?? "",
    kind: kind ?? "other",
    points: points.map((point) => ({
      attributes: attributes(point.attributes),
      value: Number(point.asDouble ?? point.asInt ?? point.sum ?? 0),
      count: Number(point.count ?? 0),
      bounds: point.explicitBounds ?? [],
    })),
  };
}

function attributes(list: readonly KeyValue[] = []): CaughtAttributes {
  return Object.fromEntries(list.map(({ key, value }) => [key, valueIn(value)]));
}

function valueIn(value: KeyValue["value"] = {}): unknown {
  const [kind, content] = Object.entries(value)[0] ?? [];
  return kind === "intValue" ? Number(content) : content;
}
