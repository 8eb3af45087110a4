/** Tempo's HTTP API under `/tempo`: search, tags, traces and metrics, as Grafana's data source reads it. */
import { asTriptychError, type Clock, type ErrorCode, type TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { QueryMemoryBudget } from "../../self/query-memory.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { createReader } from "../../store/clickhouse/select/reader.ts";
import { withDeadline } from "../deadline.ts";
import { acceptForms, formParams } from "../form-body.ts";
import { clientGone } from "../ours/client-gone.ts";
import type { Handler } from "./exchange.ts";
import { queryInstant, queryRange, summary } from "./metrics.ts";
import { search } from "./search.ts";
import { buildInfo, echo, overrides, ready, services, version } from "./status.ts";
import { tagsV1, tagsV2, valuesV1, valuesV2 } from "./tags.ts";
import { traceV1, traceV2 } from "./trace.ts";

export interface TempoApiDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  /** `/tempo`, or "" on a port of its own. */
  readonly prefix: string;
  readonly limits?: { readonly queryTimeoutMs: number } | undefined;
  /** What queries may hold together; they hold what they like unless it is given. */
  readonly queryMemory?: QueryMemoryBudget | undefined;
  /** Why the process cannot answer yet; `undefined` when it can. */
  readonly notReady?: (() => string | undefined) | undefined;
  /** Told of bugs of ours. */
  readonly report?: ((error: TriptychError) => void) | undefined;
}

/** A question may take so long unless a limit is given. */
const TIMEOUT_MS = 60_000;

const routes: readonly (readonly [path: string, Handler])[] = [
  ["/api/echo", echo],
  ["/api/search", search],
  ["/api/search/tags", tagsV1],
  ["/api/search/tag/:tag/values", valuesV1],
  ["/api/v2/search/tags", tagsV2],
  ["/api/v2/search/tag/:tag/values", valuesV2],
  ["/api/traces/:traceId", traceV1],
  ["/api/v2/traces/:traceId", traceV2],
  ["/api/metrics/query_range", queryRange],
  ["/api/metrics/query", queryInstant],
  ["/api/metrics/summary", summary],
  ["/api/status/buildinfo", buildInfo],
  ["/api/overrides", overrides],
  ["/status", version],
  ["/status/version", version],
  ["/status/services", services],
  ["/status/config", overrides],
];

export function registerTempoApi(app: FastifyInstance, deps: TempoApiDeps): void {
  const api = (scope: FastifyInstance, _options: object, done: () => void): void => {
    acceptForms(scope);
    scope.setErrorHandler((thrown, _request, reply) => sendError(deps, reply, thrown));
    for (const [path, handler] of routes)
      scope.route({
        method: ["GET", "POST"],
        url: path,
        handler: (request, reply) => answer(deps, handler, request, reply),
      });
    scope.get("/ready", (_request, reply) => ready(reply, deps.notReady));
    done();
  };
  app.register(api, { prefix: deps.prefix });
}

/** Candidates come in pages, and the pages before the last ones are let go. */
const PAGES_HELD = 4;

function answer(
  deps: TempoApiDeps,
  handler: Handler,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { clock } = deps;
  const timeoutMs = deps.limits?.queryTimeoutMs ?? TIMEOUT_MS;
  const memory = deps.queryMemory?.open();
  reply.raw.once("close", () => memory?.release());
  return withDeadline({ clock, timeoutMs, gone: clientGone(reply) }, async (signal) => {
    await memory?.admit({ signal, timeoutMs });
    const reader = createReader(deps.engine, { signal, timeoutMs, memory }, PAGES_HELD);
    return handler({ request, reply, params: formParams(request), reader, clock, signal });
  });
}

/** Where Tempo's status is another than ours. */
const statuses: { readonly [code in ErrorCode]?: number } = {
  query_unsupported: 400,
  query_failed: 400,
  query_limit: 400,
  query_queue_full: 429,
};

/** Errors are plain text. */
function sendError(deps: TempoApiDeps, reply: FastifyReply, thrown: unknown): FastifyReply {
  const status = (thrown as { statusCode?: unknown } | null)?.statusCode;
  const error = asTriptychError(thrown);
  if (error.code === "internal" && typeof status !== "number") deps.report?.(error);
  if (error.retryAfterSeconds !== undefined)
    reply.header("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  const code = typeof status === "number" ? status : (statuses[error.code] ?? error.spec.status);
  const place = error.offset === undefined ? "" : ` (at character ${error.offset + 1})`;
  return reply.code(code).type("text/plain; charset=utf-8").send(`${error.message}${place}`);
}
