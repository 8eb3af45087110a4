/** Version 3 of Jaeger's HTTP API, which its newer UIs read: services, operations, and traces as OTLP JSON. */
import { asTriptychError, TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import { selectOperations, selectServiceNames } from "../../store/clickhouse/select/services.ts";
import { type StoredSpans, selectTraces } from "../../store/clickhouse/select/traces.ts";
import type { NsRange, SpanFilter } from "../../store/clickhouse/select/traces-filter.ts";
import { selectNewestTraceIds } from "../../store/clickhouse/select/traces-search.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import { adjustmentsOf } from "./clock-skew.ts";
import { parseGoDuration } from "./go-duration.ts";
import { otlpTracesJson } from "./otlp-json.ts";
import { clampedLimit, isRaw, SPANS_MAX, tagsOf, traceIdOf, type Values } from "./params.ts";

export interface AskedV3 {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly values: Values;
  readonly reader: Reader;
}

export function registerV3(
  scope: FastifyInstance,
  ask: (request: FastifyRequest, reply: FastifyReply) => AskedV3,
): void {
  scope.setErrorHandler((thrown, _request, reply) => sendError(reply, thrown));
  scope.get("/services", async (request, reply) => ({
    services: await selectServiceNames(ask(request, reply).reader),
  }));
  scope.get("/operations", (request, reply) => operations(ask(request, reply)));
  scope.get("/traces", (request, reply) => findTraces(ask(request, reply)));
  scope.get("/traces/:traceId", (request, reply) => getTrace(ask(request, reply)));
}

function sendError(reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = asTriptychError(thrown);
  if (error.code === "internal") throw thrown;
  const { status } = error.spec;
  return reply.code(status).send({ error: { httpCode: status, message: error.message } });
}

/** The value under its name or its older one, with the name for messages. */
function value(values: Values, name: string, old: string): string | undefined {
  return values(name)[0] ?? values(old)[0];
}

async function operations({ reader, values }: AskedV3): Promise<object> {
  const found = await selectOperations(reader, {
    service: values("service")[0],
    kind: value(values, "spanKind", "span_kind")?.toLowerCase(),
  });
  return {
    operations: found.map(({ name, kind }) => ({
      name,
      spanKind: kind === "Unspecified" ? "internal" : kind.toLowerCase(),
    })),
  };
}

async function getTrace({ reader, reply, request, values }: AskedV3): Promise<FastifyReply> {
  const { traceId } = request.params as { readonly traceId: string };
  const from = time("startTime", value(values, "startTime", "start_time"));
  const to = time("endTime", value(values, "endTime", "end_time"));
  const range: NsRange | undefined =
    from === undefined && to === undefined
      ? undefined
      : { fromNs: from ?? 0n, toNs: (to ?? 2n ** 63n - 2n) + 1n };
  const spans = await selectTraces(reader, {
    traceIds: [traceIdOf(traceId)],
    range,
    spansMax: SPANS_MAX,
  });
  return sendTraces(reply, spans, isRaw(rawOf(values, "rawTraces", "raw_traces")));
}

function rawOf(values: Values, name: string, old: string): readonly string[] {
  return [...values(name), ...values(old)];
}

async function findTraces({ reader, reply, values }: AskedV3): Promise<FastifyReply> {
  const filter = filterOf(values);
  const depth = value(values, "query.searchDepth", "query.search_depth");
  const limit = clampedLimit("query.searchDepth", depth ?? values("query.num_traces")[0]);
  const traceIds = await selectNewestTraceIds(reader, filter, limit);
  const spans = await selectTraces(reader, { traceIds, spansMax: SPANS_MAX });
  return sendTraces(reply, spans, isRaw(rawOf(values, "query.rawTraces", "query.raw_traces")));
}

function filterOf(values: Values): SpanFilter {
  const fromNs = time(
    "query.startTimeMin",
    value(values, "query.startTimeMin", "query.start_time_min"),
  );
  const toNs = time(
    "query.startTimeMax",
    value(values, "query.startTimeMax", "query.start_time_max"),
  );
  if (fromNs === undefined || toNs === undefined)
    throw bad("query.startTimeMin and query.startTimeMax are required");
  if (fromNs >= toNs) throw bad("query.startTimeMin must be before query.startTimeMax");
  if (values("query.filter").length > 0)
    throw new TriptychError(
      "query_unsupported",
      "query.filter is not supported; use query.attributes",
    );
  const duration = (name: string, old: string): bigint | undefined => {
    const text = value(values, name, old);
    if (text === undefined) return undefined;
    const ns = parseGoDuration(text);
    if (ns === undefined) throw malformed(name, text);
    return ns <= 0 ? undefined : BigInt(ns);
  };
  return {
    range: { fromNs, toNs: toNs + 1n },
    service: value(values, "query.serviceName", "query.service_name"),
    operation: value(values, "query.operationName", "query.operation_name"),
    minDurationNs: duration("query.durationMin", "query.duration_min"),
    maxDurationNs: duration("query.durationMax", "query.duration_max"),
    tags: tagsOf([], values("query.attributes")),
  };
}

const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** RFC 3339 with up to nine digits of a second, as nanoseconds. */
function time(name: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const [, seconds, fraction = "", zone] = RFC3339.exec(text) ?? [];
  const ms = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) throw malformed(name, text);
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

function malformed(name: string, text: string): TriptychError {
  return bad(`malformed parameter ${name}: ${JSON.stringify(text.slice(0, 80))}`);
}

function bad(message: string): TriptychError {
  return new TriptychError("query_invalid", message);
}

async function sendTraces(
  reply: FastifyReply,
  spans: StoredSpans,
  raw: boolean,
): Promise<FastifyReply> {
  if (spans.count === 0) throw new TriptychError("not_found", "No traces found");
  const adjustments = await adjustmentsOf(spans, raw);
  return sendJsonStream(
    reply,
    (function* () {
      yield '{"result":';
      yield* otlpTracesJson(spans, adjustments);
      yield "}";
    })(),
  );
}
