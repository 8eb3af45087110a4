/** Loki's HTTP API for log queries, labels and series. */
import { parseLogql, parseStreamSelector, placeOf } from "@triptych/lang";
import { asTriptychError, type Clock, type ErrorCode, TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { planLogql, planSelector } from "../../query/logs/logql-plan.ts";
import {
  escapedKey,
  indexedAttributes,
  type Labels,
  SERVICE_LABEL,
  streamField,
  streamLabels,
} from "../../query/logs/loki-labels.ts";
import {
  createLogSource,
  type LogAsk,
  type LogCondition,
  type LogRange,
  type LogSource,
} from "../../query/logs/source.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { commaSeparated } from "../comma-separated.ts";
import { acceptForms, formParams } from "../form-body.ts";
import { clientGone } from "../ours/client-gone.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import { directionParam, limitParam, rangeParam, timeParam } from "./params.ts";
import { CATEGORIZE_LABELS, streamsJson } from "./result.ts";

export interface LokiApiDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Where the API is, `/loki/api/v1` unless given. */
  readonly prefix?: string | undefined;
  /** Told of bugs of ours. */
  readonly report?: ((error: TriptychError) => void) | undefined;
}

/** The version whose API and language this follows; clients choose features by it. */
const LOKI_VERSION = "3.5.0";
/** Instant log queries have no range in their request. */
const INSTANT_RANGE_NS = 3_600_000_000_000n;

interface Exchange {
  readonly params: URLSearchParams;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly ask: LogAsk & {
    readonly signal: AbortSignal;
    readonly cost: { rowsRead: number; bytesRead: number };
  };
}

interface Context {
  readonly source: LogSource;
  readonly clock: Clock;
}

type Handler = (context: Context, exchange: Exchange) => Promise<FastifyReply>;

const routes: readonly (readonly [methods: readonly ("GET" | "POST")[], path: string, Handler])[] =
  [
    [["GET", "POST"], "/query_range", rangeQuery],
    [["GET", "POST"], "/query", instantQuery],
    [["GET", "POST"], "/labels", labelNames],
    [["GET", "POST"], "/label", labelNames],
    [["GET"], "/label/:name/values", labelValues],
    [["GET", "POST"], "/series", seriesList],
    [["GET"], "/status/buildinfo", buildInfo],
  ];

export function registerLokiApi(app: FastifyInstance, deps: LokiApiDeps): void {
  const context: Context = { source: createLogSource(deps.engine), clock: deps.clock };
  void app.register(
    (scope, _options, done) => {
      scope.setErrorHandler((error, _request, reply) => sendLokiError(reply, error, deps.report));
      acceptForms(scope);
      for (const [methods, url, handle] of routes) {
        scope.route({
          method: [...methods],
          url,
          handler: async (request, reply) => {
            const ask = { signal: clientGone(reply), cost: { rowsRead: 0, bytesRead: 0 } };
            return handle(context, { params: formParams(request), request, reply, ask });
          },
        });
      }
      done();
    },
    { prefix: deps.prefix ?? "/loki/api/v1" },
  );
  if (app.hasRoute({ method: "GET", url: "/ready" })) return;
  app.get("/ready", async (_request, reply) => reply.type("text/plain").send("ready\n"));
}

const statuses: { readonly [code in ErrorCode]?: number } = {
  query_unsupported: 400,
  query_limit: 400,
  query_timeout: 504,
  query_queue_full: 429,
};

/** Loki answers errors with plain text. */
function sendLokiError(
  reply: FastifyReply,
  thrown: unknown,
  report: LokiApiDeps["report"],
): FastifyReply {
  const status = (thrown as { statusCode?: unknown }).statusCode;
  const byFramework = !(thrown instanceof TriptychError) && typeof status === "number";
  if (byFramework && status < 500)
    return reply
      .code(status)
      .type("text/plain; charset=utf-8")
      .send((thrown as Error).message);
  const error = asTriptychError(thrown);
  if (error.code === "internal") report?.(error);
  if (error.retryAfterSeconds !== undefined)
    reply.header("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  const text =
    error.code === "internal"
      ? "The request met a bug; the server's log says which."
      : error.message;
  return reply
    .code(statuses[error.code] ?? error.spec.status)
    .type("text/plain; charset=utf-8")
    .send(text);
}

/** Errors in a query text are told with line and column. */
function located<T>(text: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof TriptychError) || error.offset === undefined) throw error;
    const { line, column } = placeOf(text, error.offset);
    const message = `parse error at line ${line}, col ${column}: ${error.message}`;
    throw new TriptychError(error.code, message, { offset: error.offset, cause: error });
  }
}

function rangeQuery(context: Context, exchange: Exchange): Promise<FastifyReply> {
  return logQuery(context, exchange, rangeParam(exchange.params, context.clock));
}

function instantQuery(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const now = BigInt(Math.floor(context.clock.nowMs())) * 1_000_000n;
  const at = timeParam(exchange.params, "time", now);
  return logQuery(context, exchange, { fromNs: at - INSTANT_RANGE_NS, toNs: at + 1n });
}

async function logQuery(
  { source, clock }: Context,
  exchange: Exchange,
  range: LogRange,
): Promise<FastifyReply> {
  const { params, ask, request, reply } = exchange;
  const startedMs = clock.monotonicMs();
  const limit = limitParam(params);
  const order = directionParam(params);
  const text = params.get("query") ?? "";
  const conditions = located(text, () => planLogql(parseLogql(text)));
  const lines = await source.lines({ range, conditions, order, limit }, ask);
  const flags = String(request.headers["x-loki-response-encoding-flags"] ?? "");
  const categorize = flags.split(",").some((flag) => flag.trim() === CATEGORIZE_LABELS);
  const stats = { ...ask.cost, seconds: (clock.monotonicMs() - startedMs) / 1000 };
  return sendJsonStream(reply, streamsJson(lines, { categorize, stats }));
}

/** The optional selector that narrows labels; Grafana sends it as `query`. */
function labelConditions(params: URLSearchParams): LogCondition[] {
  const text = params.get("query") ?? "";
  if (text.trim() === "" || text.trim() === "{}") return [];
  return located(text, () => planSelector(parseStreamSelector(text)));
}

function sendList({ reply }: Exchange, items: readonly (string | Labels)[]): Promise<FastifyReply> {
  const write = (item: string | Labels): string => JSON.stringify(item);
  const pieces = (function* () {
    yield '{"status":"success","data":[';
    yield* commaSeparated(items, write);
    yield "]}";
  })();
  return sendJsonStream(reply, pieces);
}

async function labelNames({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const filter = { range: rangeParam(params, clock), conditions: labelConditions(params) };
  const keys = await source.resourceKeys(filter, indexedAttributes, ask);
  const names = keys === null ? [] : [SERVICE_LABEL, ...keys.map(escapedKey)];
  return sendList(exchange, names.sort());
}

async function labelValues({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask, request } = exchange;
  const { name = "" } = request.params as { name?: string };
  const filter = { range: rangeParam(params, clock), conditions: labelConditions(params) };
  const field = streamField(name);
  if (field.kind !== "service" && field.kind !== "resource") return sendList(exchange, []);
  const key = field.kind === "service" ? null : field.key;
  return sendList(exchange, await source.values(filter, key, ask));
}

async function seriesList({ source, clock }: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, ask } = exchange;
  const range = rangeParam(params, clock);
  const texts = [...params.getAll("match[]"), ...params.getAll("match")];
  const selectors = texts
    .filter((text) => text.trim() !== "{}")
    .map((text) => located(text, () => planSelector(parseStreamSelector(text))));
  const found = new Map<string, Labels>();
  for (const conditions of selectors.length === 0 ? [[]] : selectors) {
    const streams = await source.streams({ range, conditions }, indexedAttributes, ask);
    for (const { service, values } of streams) {
      const attributes = indexedAttributes.map((key, i) => [key, values[i] ?? ""] as const);
      const labels = streamLabels(service, attributes);
      found.set(JSON.stringify(labels), labels);
    }
  }
  return sendList(exchange, [...found.values()]);
}

async function buildInfo(_context: Context, { reply }: Exchange): Promise<FastifyReply> {
  return reply.type("application/json; charset=UTF-8").send({
    version: LOKI_VERSION,
    revision: "",
    branch: "",
    buildUser: "",
    buildDate: "",
    goVersion: "",
  });
}
