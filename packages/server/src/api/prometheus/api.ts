/** The Prometheus HTTP API: the list of its routes, and what they all share. */
import { type Clock, defaultLimits, type Limits, TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply } from "fastify";
import { createCardinality, type Cardinality } from "../../query/cardinality/cardinality.ts";
import type { KeptSteps } from "../../query/kept-steps.ts";
import { createStoreSource, type MetricsSource } from "../../query/metrics/source.ts";
import { wholeMatcher } from "../../regex/regex.ts";
import { createSharedQueries } from "../../query/shared-queries.ts";
import type { QueryMemoryBudget } from "../../self/query-memory.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { acceptForms, formParams, formProblem } from "../form-body.ts";
import { clientGone } from "../ours/client-gone.ts";
import { adminRoutes } from "./admin.ts";
import { type AllowsOrigin, setCors } from "./cors.ts";
import { sendPrometheusError } from "./errors.ts";
import type { Context, Exchange, Handler, Route } from "./exchange.ts";
import { exemplarRoutes } from "./exemplars.ts";
import { expressionRoutes } from "./expressions.ts";
import { federate } from "./federate.ts";
import { createGate } from "./gate.ts";
import { registerLifecycle } from "./lifecycle.ts";
import { notificationRoutes } from "./notifications.ts";
import { timeoutParam } from "./params.ts";
import { queryRoutes } from "./query.ts";
import { READ_BODY_BYTES_MAX, remoteRead } from "./remote-read.ts";
import { searchRoutes } from "./search.ts";
import { seriesRoutes } from "./series.ts";
import { statusRoutes } from "./status.ts";
import { viewRoutes } from "./view-routes.ts";
import type { PrometheusViews } from "./views.ts";

export interface PrometheusApiDeps extends PrometheusViews {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Such as `/api/v1` and `/prometheus/api/v1`. What Prometheus has beside its API is there without `/api/v1`. */
  readonly prefixes: readonly string[];
  /** Recent samples may stand before the store; the store alone when absent. */
  readonly source?: MetricsSource | undefined;
  readonly cardinality?: Cardinality | undefined;
  readonly limits?: Limits | undefined;
  /** What all queries together may hold; only each is limited when absent. */
  readonly queryMemory?: QueryMemoryBudget | undefined;
  /** Queries that run at the same time, 20 as in Prometheus unless given; remote reads are half as many. */
  readonly queriesAtOnce?: number | undefined;
  /** The step of subqueries that name none: `global.evaluation_interval`. A minute unless given. */
  readonly subqueryIntervalMs?: (() => number) | undefined;
  /** Origins that may read answers, an RE2 pattern for the whole origin; `.*` unless given. */
  readonly corsOrigin?: string | undefined;
  /** Added to what federation and remote read give out. */
  readonly externalLabels?: (() => readonly (readonly [name: string, value: string])[]) | undefined;
  /** Where values of range queries are kept; each is computed whole when absent. */
  readonly kept?: KeptSteps | undefined;
  /** Told of bugs of ours. */
  readonly report?: ((error: TriptychError) => void) | undefined;
}

const routes: readonly Route[] = [
  ...queryRoutes,
  ...exemplarRoutes,
  ...expressionRoutes,
  ...seriesRoutes,
  ...searchRoutes,
  ...statusRoutes,
  ...notificationRoutes,
  ...viewRoutes,
  ...adminRoutes,
];

const methodsKnown: readonly string[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

function methodsByUrl(): ReadonlyMap<string, readonly string[]> {
  const out = new Map<string, readonly string[]>();
  for (const [methods, url] of routes) out.set(url, [...(out.get(url) ?? []), ...methods]);
  return out;
}

/** As Go's routers say it. */
function methodNotAllowed(reply: FastifyReply, methods: readonly string[]): FastifyReply {
  return reply
    .code(405)
    .headers({ allow: [...methods, "OPTIONS"].sort().join(", ") })
    .type("text/plain; charset=utf-8")
    .send("Method Not Allowed\n");
}

/** Where Prometheus refuses a form that it cannot read in full; elsewhere it goes on with the rest. */
const STRICT_FORMS: readonly string[] = ["/series", "/rules", "/admin/tsdb/delete_series"];

const QUERIES_AT_ONCE = 20;
const QUERIES_WAITING_MAX = 200;
const ANY_ORIGIN = ".*";

export function registerPrometheusApi(app: FastifyInstance, deps: PrometheusApiDeps): void {
  const context = contextOf(deps);
  const allows = originTest(deps.corsOrigin ?? ANY_ORIGIN);
  for (const prefix of deps.prefixes) {
    const root = prefix.replace(/\/api\/v1$/, "");
    registerLifecycle(app, root, deps.lifecycle);
    void app.register((scope, _options, done) => {
      scope.setErrorHandler((error, _request, reply) =>
        sendPrometheusError(reply, asOurs(error), deps.report),
      );
      scope.addHook("onRequest", (request, reply, next) => {
        setCors(request, reply, allows);
        next();
      });
      acceptForms(scope);
      const add = (method: readonly string[], url: string, handle: Handler): void => {
        scope.route({
          method: [...method],
          url,
          handler: async (request, reply) => {
            const params = formParams(request);
            const problem = STRICT_FORMS.some((one) => url.endsWith(one))
              ? formProblem(request)
              : undefined;
            if (problem !== undefined)
              throw new TriptychError("query_invalid", `error parsing form values: ${problem}`);
            const timeoutMs = timeoutParam(params, context.limits.queryTimeoutMs);
            return handle(context, exchangeOf(context, { params, request, reply, timeoutMs }));
          },
        });
      };
      for (const [methods, url, handle] of routes) add(methods, prefix + url, handle);
      add(["GET"], `${root}/federate`, federate);
      for (const [url, methods] of methodsByUrl())
        scope.route({
          method: methodsKnown.filter((method) => !methods.includes(method)),
          url: prefix + url,
          handler: (_request, reply) => methodNotAllowed(reply, methods),
        });
      scope.options(`${prefix}/*`, (_request, reply) => reply.code(204).send());
      done();
    }, {});
    void app.register((scope, _options, done) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser(
        "*",
        { parseAs: "buffer", bodyLimit: READ_BODY_BYTES_MAX },
        (_request, body, parsed) => parsed(null, body),
      );
      scope.setErrorHandler((error, _request, reply) =>
        sendPrometheusError(reply, asOurs(error), deps.report),
      );
      scope.post(`${prefix}/read`, (request, reply) => {
        const timeoutMs = context.limits.queryTimeoutMs;
        const params = new URLSearchParams();
        return remoteRead(context, exchangeOf(context, { params, request, reply, timeoutMs }));
      });
      done();
    });
  }
}

/** What is taken for a request is given back when its answer was sent or its client is gone. */
function exchangeOf(
  { memory: budget }: Context,
  given: Pick<Exchange, "params" | "request" | "reply"> & { readonly timeoutMs: number },
): Exchange {
  const { params, request, reply, timeoutMs } = given;
  const signal = clientGone(reply);
  const memory = budget?.open();
  const atEnd = (run: () => void): void => void reply.raw.once("close", run);
  if (memory !== undefined) atEnd(() => memory.release());
  return { params, request, reply, ask: { signal, timeoutMs, memory }, atEnd };
}

function contextOf(deps: PrometheusApiDeps): Context {
  const { engine, clock, limits = defaultLimits } = deps;
  const roomFor = deps.queriesAtOnce ?? QUERIES_AT_ONCE;
  const gate = { clock, waitingMax: QUERIES_WAITING_MAX };
  const none: readonly (readonly [string, string])[] = [];
  const external = deps.externalLabels ?? (() => none);
  return {
    engine,
    clock,
    limits,
    source: deps.source ?? createStoreSource(engine),
    cardinality: deps.cardinality ?? createCardinality(engine, clock),
    queryGate: createGate({ ...gate, roomFor }),
    readGate: createGate({ ...gate, roomFor: Math.max(1, Math.floor(roomFor / 2)) }),
    memory: deps.queryMemory,
    sharedQueries: createSharedQueries(clock),
    kept: deps.kept,
    views: deps,
    subqueryIntervalMs: deps.subqueryIntervalMs ?? (() => undefined),
    externalLabels: () => [...external()].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  };
}

function originTest(pattern: string): AllowsOrigin {
  return pattern === ANY_ORIGIN ? () => true : wholeMatcher(pattern, 0);
}

/** Fastify's own refusals (body too large, wrong content type) are the client's. */
function asOurs(error: unknown): unknown {
  const status = (error as { statusCode?: unknown }).statusCode;
  if (error instanceof TriptychError || typeof status !== "number" || status >= 500) return error;
  const code =
    status === 413 ? "wire_too_large" : status === 415 ? "media_type_unsupported" : "query_invalid";
  return new TriptychError(code, (error as Error).message);
}
