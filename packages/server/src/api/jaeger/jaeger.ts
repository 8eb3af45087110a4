/**
 * Jaeger's HTTP API for reading traces (`/api/services`, `/api/operations`, `/api/traces`, `/api/dependencies`), as
 * its query service answers it: Jaeger's UI, Grafana's data source and scripts read it.
 */
import { asTriptychError, type Clock, TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { selectCalls } from "../../store/clickhouse/select/dependencies.ts";
import { createReader, type Reader } from "../../store/clickhouse/select/reader.ts";
import { selectOperations, selectServiceNames } from "../../store/clickhouse/select/services.ts";
import { type StoredSpans, selectTraces } from "../../store/clickhouse/select/traces.ts";
import { selectNewestTraceIds } from "../../store/clickhouse/select/traces-search.ts";
import { clientGone } from "../ours/client-gone.ts";
import { JsonBytes } from "../ours/json-bytes.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import { type Adjustment, adjustmentsOf } from "./clock-skew.ts";
import {
  dependencyRange,
  isRaw,
  rangeHint,
  SPANS_MAX,
  serviceRequired,
  traceIdOf,
  traceQueryOf,
  type Values,
  valuesOf,
} from "./params.ts";
import { registerTransform } from "./transform.ts";
import { Processes, shortTraceId, uiSpanWriter } from "./ui-trace.ts";
import { registerV3 } from "./v3.ts";

export interface JaegerApiDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** `/jaeger`. */
  readonly prefix: string;
}

interface StructuredError {
  readonly code?: number;
  readonly msg: string;
  readonly traceID?: string;
}

interface Asked {
  readonly clock: Clock;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly values: Values;
  readonly reader: Reader;
}

export function registerJaegerApi(app: FastifyInstance, deps: JaegerApiDeps): void {
  const ask = (request: FastifyRequest, reply: FastifyReply): Asked => ({
    clock: deps.clock,
    request,
    reply,
    values: valuesOf(request.query),
    reader: createReader(deps.engine, { signal: clientGone(reply) }),
  });
  const api = (scope: FastifyInstance, _options: object, done: () => void): void => {
    scope.setErrorHandler((thrown, _request, reply) => sendError(reply, thrown));
    const get = (path: string, answer: (asked: Asked) => Promise<unknown>): void => {
      scope.get(path, (request, reply) => {
        return answer(ask(request, reply));
      });
    };
    get("/services", services);
    get("/services/:service/operations", operationNames);
    get("/operations", operations);
    get("/traces", search);
    get("/traces/:traceId", trace);
    get("/dependencies", dependencies);
    for (const name of ["latencies", "calls", "errors", "minstep"])
      get(`/metrics/${name}`, metricsDisabled);
    scope.post("/archive/:traceId", (_request, reply) =>
      reply
        .code(500)
        .send(structured(null, 0, [{ code: 500, msg: "archive span storage was not configured" }])),
    );
    registerTransform(scope, (reply, spans) =>
      sendJsonStream(reply, tracesJson(spans, { expected: [], adjustments: () => unchanged })),
    );
    scope.register(
      (v3, _nothing, ready) => {
        registerV3(v3, ask);
        ready();
      },
      { prefix: "/v3" },
    );
    done();
  };
  app.register(api, { prefix: `${deps.prefix}/api` });
}

/** A millisecond or two of work, and no more pieces than needed. */
const PIECE_BYTES = 256 * 1024;
const COMMA = 0x2c;

const unchanged: Adjustment = { shiftNs: 0n, warnings: [] };

function structured(data: unknown, total = 0, errors: readonly StructuredError[] | null = null) {
  return { data, total, limit: 0, offset: 0, errors };
}

/** Errors in Jaeger's shape; bugs go on to the server's own handler, which reports them. */
function sendError(reply: FastifyReply, thrown: unknown): FastifyReply {
  const status = (thrown as { statusCode?: unknown } | null)?.statusCode;
  const error = asTriptychError(thrown);
  if (error.code === "internal" && typeof status !== "number") throw thrown;
  const code = typeof status === "number" ? status : error.spec.status;
  if (error.retryAfterSeconds !== undefined)
    reply.header("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  return reply.code(code).send(structured(null, 0, [{ code, msg: error.message }]));
}

async function services({ reader }: Asked): Promise<object> {
  const names = await selectServiceNames(reader);
  return structured(names, names.length);
}

async function operationNames({ reader, request }: Asked): Promise<object> {
  const { service } = request.params as { readonly service: string };
  const found = await selectOperations(reader, { service });
  const names = [...new Set(found.map(({ name }) => name))];
  return structured(names, names.length);
}

async function operations({ reader, values }: Asked): Promise<object> {
  const [service] = values("service");
  if (service === undefined) throw serviceRequired();
  const kind = values("spanKind")[0]?.toLowerCase();
  const found = await selectOperations(reader, { service, kind });
  const data = found.map((operation) => ({
    name: operation.name,
    spanKind: operation.kind === "Unspecified" ? "" : operation.kind.toLowerCase(),
  }));
  return structured(data, data.length);
}

async function search(asked: Asked): Promise<FastifyReply> {
  const { reader, values, clock } = asked;
  const query = traceQueryOf(values, clock);
  const wanted =
    query.traceIds.length > 0
      ? [...new Set(query.traceIds)]
      : await selectNewestTraceIds(reader, query.filter, query.limit);
  const byId = query.traceIds.length > 0;
  const spans = await selectTraces(reader, {
    traceIds: wanted,
    range: byId ? rangeHint(values) : undefined,
    spansMax: SPANS_MAX,
  });
  return sendTraces(asked, spans, byId ? wanted : []);
}

async function trace(asked: Asked): Promise<FastifyReply> {
  const { traceId } = asked.request.params as { readonly traceId: string };
  const spans = await selectTraces(asked.reader, {
    traceIds: [traceIdOf(traceId)],
    range: rangeHint(asked.values),
    spansMax: SPANS_MAX,
  });
  if (spans.count === 0) throw new TriptychError("not_found", "trace not found");
  return sendTraces(asked, spans, []);
}

async function sendTraces(
  { reply, values }: Asked,
  spans: StoredSpans,
  expected: readonly string[],
): Promise<FastifyReply> {
  const adjustments = await adjustmentsOf(spans, isRaw(values("raw")));
  const texts = tracesJson(spans, { expected, adjustments });
  const [pretty = "false"] = values("prettyPrint");
  if (pretty === "false") return sendJsonStream(reply, texts);
  const whole: unknown = JSON.parse(Buffer.concat([...texts]).toString());
  return reply.type("application/json; charset=utf-8").send(JSON.stringify(whole, null, 4));
}

/** The answer in pieces. Ids of `expected` that have no spans are reported as errors beside the data. */
function* tracesJson(
  spans: StoredSpans,
  {
    expected,
    adjustments,
  }: {
    readonly expected: readonly string[];
    readonly adjustments: (index: number) => Adjustment;
  },
): Generator<Uint8Array> {
  let index = 0;
  const out = new JsonBytes(PIECE_BYTES);
  const missing = new Set(expected);
  out.raw('{"data":[');
  let open: { readonly traceId: string; readonly processes: Processes } | undefined;
  for (const columns of spans.columns()) {
    const write = uiSpanWriter(columns);
    for (let row = 0; row < columns.rows; row++) {
      const traceId = columns.traceId(row);
      if (open?.traceId === traceId) out.byte(COMMA);
      else {
        if (open !== undefined) out.raw(`${traceEnd(open.processes)},`);
        open = { traceId, processes: new Processes() };
        missing.delete(traceId);
        out.raw(`{"traceID":"${shortTraceId(traceId)}","spans":[`);
      }
      const processId = open.processes.idOf(columns.service.text(row), columns.resource(row));
      write(out, { row, traceId, processId, adjustment: adjustments(index++) });
      if (out.size >= PIECE_BYTES) yield out.take();
    }
  }
  if (open !== undefined) out.raw(traceEnd(open.processes));
  const errors: StructuredError[] = [...missing].map((traceId) => ({
    msg: "trace not found",
    traceID: shortTraceId(traceId),
  }));
  if (spans.cut) errors.push({ msg: `only the first ${SPANS_MAX} spans are shown` });
  out.raw(
    `],"total":0,"limit":0,"offset":0,"errors":${errors.length === 0 ? "null" : JSON.stringify(errors)}}`,
  );
  yield out.take();
}

function traceEnd(processes: Processes): string {
  return `],"processes":${JSON.stringify(processes.byId)},"warnings":null}`;
}

async function dependencies({ reader, values, clock }: Asked): Promise<object> {
  const [service] = values("service");
  const { edges } = await selectCalls(reader, dependencyRange(values, clock), { service });
  const data: { parent: string; child: string; callCount: number }[] = [];
  for (const { client: parent, server: child, calls } of edges) {
    // Jaeger does not tell kinds of connections apart.
    const known = data.find((edge) => edge.parent === parent && edge.child === child);
    if (known === undefined) data.push({ parent, child, callCount: calls });
    else known.callCount += calls;
  }
  return structured(data);
}

/** What Jaeger answers when no storage for metrics is configured. */
async function metricsDisabled({ reply }: Asked): Promise<FastifyReply> {
  const msg = "trace metrics are currently disabled - no metrics backend configured";
  return reply.code(501).send(structured(null, 0, [{ code: 501, msg }]));
}
