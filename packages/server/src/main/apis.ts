/** The HTTP APIs and the interface. */
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { registerJaegerApi } from "../api/jaeger/jaeger.ts";
import { registerLokiApi } from "../api/loki/api.ts";
import { registerIncidentsApi } from "../api/ours/incidents.ts";
import { registerOwnLogs } from "../api/ours/logs.ts";
import { registerOwnMetrics } from "../api/ours/metrics.ts";
import { registerOwnTraces } from "../api/ours/traces.ts";
import { registerPrometheusApi } from "../api/prometheus/api.ts";
import { registerHealth } from "../api/self/health.ts";
import { registerWebFiles } from "../api/web-files.ts";
import type { MetricsSource } from "../query/metrics/source.ts";
import { systemClock as clock } from "../self/clock.ts";
import type { Core } from "./core.ts";
import type { createIncidents } from "./incidents.ts";
import { createStatus, notReady } from "./status.ts";
import type { Storage } from "./storage.ts";

interface ApiParts {
  readonly storage: Storage;
  readonly incidents: ReturnType<typeof createIncidents>;
  readonly app: FastifyInstance;
  readonly source: MetricsSource;
}

export function registerApis(core: Core, { storage, incidents, app, source }: ApiParts): void {
  const { store } = storage;
  const query = { engine: store.engine, clock, limits: core.limits };
  registerJaegerApi(app, { ...query, prefix: "/jaeger" });
  registerPrometheusApi(app, { ...query, source, prefixes: ["/api/v1", "/prometheus/api/v1"] });
  registerLokiApi(app, { ...query, prefix: "/loki/api/v1" });
  const ours = { ...query, prefix: "/api/triptych" };
  registerOwnTraces(app, ours);
  registerOwnLogs(app, ours);
  registerOwnMetrics(app, ours);
  registerIncidentsApi(app, { watch: incidents, prefix: "/api/triptych" });
  registerHealth(app, {
    notReady: () => notReady(core, storage),
    metrics: () => core.metrics.render(),
    sendPage: registerWebFiles(app, webDirectory()),
    status: createStatus(core, storage),
  });
}

/** Beside the bundle in a package, in the workspace otherwise. */
function webDirectory(): string {
  return fileURLToPath(new URL("../../web/dist", import.meta.url));
}
