/** The HTTP APIs and the interface. */

import { randomUUID } from "node:crypto";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { asTriptychError, type TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { registerJaegerApi } from "../api/jaeger/jaeger.ts";
import { registerLokiApi } from "../api/loki/api.ts";
import { registerLokiRules } from "../api/loki/rules.ts";
import { registerOwnAlerts } from "../api/ours/alerts.ts";
import { registerCardinality } from "../api/ours/cardinality.ts";
import { registerDependencies } from "../api/ours/dependencies.ts";
import { registerIncidentsApi } from "../api/ours/incidents.ts";
import { registerOwnLogs } from "../api/ours/logs.ts";
import { registerOwnMetrics } from "../api/ours/metrics.ts";
import { registerOwnRules } from "../api/ours/rules.ts";
import { registerOwnTargets } from "../api/ours/targets.ts";
import { registerOwnTraces } from "../api/ours/traces.ts";
import { registerPrometheusApi } from "../api/prometheus/api.ts";
import type { AdminView, StatusView } from "../api/prometheus/views.ts";
import { registerHealth } from "../api/self/health.ts";
import { registerTempoApi, type TempoApiDeps } from "../api/tempo/api.ts";
import { registerWebFiles } from "../api/web-files.ts";
import { createCardinality } from "../query/cardinality/cardinality.ts";
import {
  createLogDeletes,
  deleteStates,
  type LogDeletes,
  type SavedDelete,
  type SavedRun,
} from "../query/log-deletes/log-deletes.ts";
import { createKeptSteps, type KeptSteps } from "../query/kept-steps.ts";
import type { MetricsSource } from "../query/metrics/source.ts";
import { systemClock as clock } from "../self/clock.ts";
import { createSavedState } from "../store/saved-state.ts";
import type { Core } from "./core.ts";
import type { createIncidents } from "./incidents.ts";
import type { PrometheusParts } from "./prometheus.ts";
import type { RulesParts } from "./rules.ts";
import { createStatus, notReady } from "./status.ts";
import type { Storage } from "./storage.ts";

interface ApiParts {
  readonly storage: Storage;
  readonly incidents: ReturnType<typeof createIncidents>;
  readonly app: FastifyInstance;
  readonly source: MetricsSource;
  readonly prometheus: Pick<PrometheusParts, "config" | "reloads" | "targets" | "pools">;
  readonly rules: Pick<RulesParts, "view" | "groups" | "alertmanagers" | "loki">;
  /** Reads the configuration again. */
  readonly reload: () => Promise<void>;
  /** Samples that are deleted from the store go from memory too. */
  readonly forget: NonNullable<AdminView["forget"]>;
  /** Metrics in Prometheus's text that others made, to be shown with our own. */
  readonly otherMetrics: () => string;
}

/** As many as Prometheus; with few cores more at once only make each other late and hold memory meanwhile. */
const QUERIES_AT_ONCE_MAX = 20;

/** Gives what an API needs that is registered on a port of its own. */
export function registerApis(core: Core, parts: ApiParts): Omit<TempoApiDeps, "prefix"> {
  const { storage, incidents, app, source, prometheus } = parts;
  const { store, journal } = storage;
  const report = (error: TriptychError): void =>
    core.log("error", error.message, { code: error.code });
  const cardinality = createCardinality(store.engine, clock);
  const query = { engine: store.engine, clock, limits: core.limits };
  const kept = keptSteps(core, storage);
  registerJaegerApi(app, { ...query, prefix: "/jaeger" });
  registerPrometheusApi(app, {
    ...query,
    source,
    prefixes: ["/api/v1", "/prometheus/api/v1"],
    queryMemory: core.queryMemory,
    kept,
    queriesAtOnce: Math.min(QUERIES_AT_ONCE_MAX, 2 * cpus().length + 2),
    cardinality,
    subqueryIntervalMs: () => prometheus.config().global.evaluation_interval,
    externalLabels: () => [...prometheus.config().global.external_labels],
    targets: prometheus.targets,
    notifications: prometheus.reloads,
    rules: parts.rules.view,
    status: {
      ...prometheusStatus(core, prometheus),
      metrics: () => core.metrics.render() + parts.otherMetrics(),
    },
    lifecycle: {
      notReady: () => notReady(core, storage),
      reload: core.config.prometheus.lifecycle ? parts.reload : undefined,
    },
    admin: {
      enabled: core.config.prometheus.adminApi,
      settled: () => journal.settled(),
      forget: parts.forget,
      writeLabelsAgain: () => store.encoder.forget(),
    },
    report,
  });
  const deletes = core.config.prometheus.adminApi ? logDeletes(core, storage, report) : undefined;
  registerLokiApi(app, {
    ...query,
    queryMemory: core.queryMemory,
    prefix: "/loki/api/v1",
    report,
    deletes,
    kept,
  });
  const { loki } = parts.rules;
  const stored = core.config.loki.rulesApi ? loki.stored : undefined;
  registerLokiRules(app, { groups: () => loki.groups(), stored, report });
  const tempo = {
    ...query,
    queryMemory: core.queryMemory,
    notReady: () => notReady(core, storage),
    report,
  };
  registerTempoApi(app, { ...tempo, prefix: "/tempo" });
  const ours = { ...query, prefix: "/api/triptych" };
  registerOwnTraces(app, ours);
  registerOwnLogs(app, ours);
  registerOwnMetrics(app, ours);
  registerDependencies(app, ours);
  const { groups, alertmanagers } = parts.rules;
  registerOwnAlerts(app, { clock, prefix: ours.prefix, source, groups, alertmanagers });
  registerOwnRules(app, { clock, prefix: ours.prefix, source, groups });
  registerOwnTargets(app, { clock, prefix: ours.prefix, pools: prometheus.pools });
  registerCardinality(app, { engine: store.engine, clock, prefix: "/api/triptych", cardinality });
  registerIncidentsApi(app, { watch: incidents, prefix: "/api/triptych" });
  registerHealth(app, {
    notReady: () => notReady(core, storage),
    metrics: () => core.metrics.render() + parts.otherMetrics(),
    sendPage: registerWebFiles(app, webDirectory(), core.pathPrefix),
    status: createStatus(core, storage),
  });
  return tempo;
}

/** Of a store that others write to as well nobody knows what came. */
function keptSteps({ config, metrics }: Core, { store, journal }: Storage): KeptSteps | undefined {
  const bytesMax = config.limits.keptStepsBytes;
  if (bytesMax === 0 || store.engine.kind === "remote") return undefined;
  const kept = createKeptSteps(journal.changes, bytesMax);
  metrics.gauge(
    "triptych_kept_steps_bytes",
    "Memory of values of range queries that are kept.",
    () => kept.bytes,
  );
  const steps = "Steps of range queries whose values were kept, or might have been.";
  metrics.observed(
    "triptych_kept_steps_reused_total",
    `${steps} Reused.`,
    () => kept.counts.reused,
  );
  metrics.observed(
    "triptych_kept_steps_computed_total",
    `${steps} Computed.`,
    () => kept.counts.computed,
  );
  return kept;
}

/** Requests to delete lines, those of earlier processes too. */
function logDeletes(
  core: Core,
  storage: Storage,
  report: (error: TriptychError) => void,
): LogDeletes {
  const deletes = createLogDeletes({
    engine: storage.store.engine,
    clock,
    requests: createSavedState<SavedDelete>(deleteStates.request, storage),
    runs: createSavedState<SavedRun>(deleteStates.run, storage),
    drained: () => storage.journal.settled(),
    newId: () => randomUUID().slice(0, 8),
    cancelMs: 0,
    report,
  });
  core.onClose(() => deletes.close());
  void deletes.start().catch((error: unknown) => report(asTriptychError(error)));
  return deletes;
}

function prometheusStatus(core: Core, prometheus: ApiParts["prometheus"]): StatusView {
  const { config } = core;
  const { days, bytes } = config.retention.metrics;
  const retention = [days > 0 ? `${days}d` : "", bytes > 0 ? `${bytes}B` : ""].filter(Boolean);
  return {
    configText: () => prometheus.config().text,
    flags: () => ({
      "config.file": config.prometheus.file,
      "storage.tsdb.path": config.data,
      "storage.tsdb.retention.time": days > 0 ? `${days}d` : "0s",
      "web.enable-admin-api": String(config.prometheus.adminApi),
      "web.enable-lifecycle": String(config.prometheus.lifecycle),
      "web.listen-address": `${config.listen}:${core.ports.http}`,
    }),
    startedMs: Date.parse(core.startedAt),
    reload: () => prometheus.reloads.reload(),
    retention: () => retention.join(" or "),
    memoryBytesMax: config.memory,
  };
}

/** Beside the bundle in a package, in the workspace otherwise. */
function webDirectory(): string {
  return fileURLToPath(new URL("../../web/dist", import.meta.url));
}
