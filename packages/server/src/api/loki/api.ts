/** Loki's HTTP API: queries, labels, volumes, what logs look like, and the tail. */
import { asTriptychError, type Clock, type ErrorCode, TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { KeptSteps } from "../../query/kept-steps.ts";
import type { LogDeletes } from "../../query/log-deletes/log-deletes.ts";
import { createAttributeKeys } from "../../query/logs/attribute-keys.ts";
import { createLogSource } from "../../query/logs/source.ts";
import type { QueryMemoryBudget } from "../../self/query-memory.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { withDeadline } from "../deadline.ts";
import { acceptForms, formParams } from "../form-body.ts";
import { clientGone } from "../ours/client-gone.ts";
import { deletes } from "./deletes.ts";
import type { Context, Handler } from "./exchange.ts";
import { drilldownLimits } from "./drilldown.ts";
import { detectedFields, detectedLabels, detectedValues, patterns } from "./explore.ts";
import { labelNames, labelValues, seriesList } from "./labels.ts";
import { buildInfo, formatQuery } from "./misc.ts";
import { instantQuery, rangeQuery } from "./query.ts";
import { registerTail } from "./tail.ts";
import { indexStats, indexVolume, indexVolumeRange } from "./volume.ts";

export interface LokiApiDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits?: { readonly queryTimeoutMs: number } | undefined;
  /** Where the API is, `/loki/api/v1` unless given. */
  readonly prefix?: string | undefined;
  /** Where lines may be deleted. */
  readonly deletes?: LogDeletes | undefined;
  /** Where values of range queries are kept; each is computed whole when absent. */
  readonly kept?: KeptSteps | undefined;
  /** Told of bugs of ours. */
  readonly report?: ((error: TriptychError) => void) | undefined;
  /** What all queries together may hold. */
  readonly queryMemory?: QueryMemoryBudget | undefined;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

const routes: readonly (readonly [methods: readonly Method[], path: string, Handler])[] = [
  [["GET", "POST"], "/query_range", rangeQuery],
  [["GET", "POST"], "/query", instantQuery],
  [["GET", "POST"], "/labels", labelNames],
  [["GET", "POST"], "/label", labelNames],
  [["GET"], "/label/:name/values", labelValues],
  [["GET", "POST"], "/series", seriesList],
  [["GET", "POST"], "/index/stats", indexStats],
  [["GET", "POST"], "/index/volume", indexVolume],
  [["GET", "POST"], "/index/volume_range", indexVolumeRange],
  [["GET", "POST"], "/patterns", patterns],
  [["GET", "POST"], "/detected_labels", detectedLabels],
  [["GET", "POST"], "/detected_fields", detectedFields],
  [["GET", "POST"], "/detected_field/:name/values", detectedValues],
  [["GET", "POST"], "/format_query", formatQuery],
  [["GET", "POST", "PUT", "DELETE"], "/delete", deletes],
  [["GET"], "/status/buildinfo", buildInfo],
  [["GET"], "/drilldown-limits", drilldownLimits],
];

const QUERY_TIMEOUT_MS = 60_000;

export function registerLokiApi(app: FastifyInstance, deps: LokiApiDeps): void {
  const { engine, clock } = deps;
  const timeoutMs = deps.limits?.queryTimeoutMs ?? QUERY_TIMEOUT_MS;
  const context: Context = {
    engine,
    clock,
    source: createLogSource(engine),
    keys: createAttributeKeys(engine),
    deletes: deps.deletes,
    kept: deps.kept,
    timeoutMs,
  };
  const prefix = deps.prefix ?? "/loki/api/v1";
  void app.register(
    (scope, _options, done) => {
      scope.setErrorHandler((error, _request, reply) => sendLokiError(reply, error, deps.report));
      acceptForms(scope);
      for (const [methods, url, handle] of routes) {
        scope.route({
          method: [...methods],
          url,
          handler: async (request, reply) => {
            const memory = deps.queryMemory?.open();
            reply.raw.once("close", () => memory?.release());
            return withDeadline({ clock, timeoutMs, gone: clientGone(reply) }, async (signal) => {
              const ask = { signal, memory, cost: { rowsRead: 0, bytesRead: 0 } };
              await memory?.admit({ signal, timeoutMs });
              return handle(context, { params: formParams(request), request, reply, ask });
            });
          },
        });
      }
      done();
    },
    { prefix },
  );
  registerTail(app, `${prefix}/tail`, context);
  if (app.hasRoute({ method: "GET", url: "/ready" })) return;
  app.get("/ready", async (_request, reply) => reply.type("text/plain").send("ready\n"));
}

const statuses: { readonly [code in ErrorCode]?: number } = {
  query_unsupported: 400,
  query_failed: 400,
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
