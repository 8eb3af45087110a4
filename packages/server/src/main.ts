/**
 * With `main/` the only place that sees every layer. Builds them from right to left and hands each what lies right of it
 * as `next`, listens, and takes it all down again in the opposite order.
 */
import { asTriptychError, type TriptychError } from "@triptych/model";
import { runCli } from "./cli/cli.ts";
import type { Config } from "./config/schema.ts";
import { registerApis } from "./main/apis.ts";
import { listenClassic } from "./main/classic-ports.ts";
import { type Core, createCore, type ServerDeps } from "./main/core.ts";
import { createIncidents } from "./main/incidents.ts";
import { createIngest } from "./main/ingest.ts";
import { openLogSources } from "./main/log-sources.ts";
import { createMetricsParts } from "./main/metrics.ts";
import { createPrometheusParts } from "./main/prometheus.ts";
import { createRulesParts } from "./main/rules.ts";
import { createServers } from "./main/servers.ts";
import { VERSION } from "./main/status.ts";
import { openStorage, retentionRules, startWatches } from "./main/storage.ts";
import { createFromSpans, type FromSpans } from "./pipeline/from-spans.ts";
import { createCollectors } from "./receivers/collectors.ts";
import type { IngestNext } from "./receivers/next.ts";
import type { PushedGroup } from "./receivers/pushgateway/gateway.ts";
import { openPushgateway } from "./receivers/pushgateway/start.ts";
import { systemClock as clock } from "./self/clock.ts";
import { createLog } from "./self/log.ts";
import { createSavedState } from "./store/saved-state.ts";

export type { ServerDeps } from "./main/core.ts";

export interface Server {
  readonly url: string;
  readonly ports: { readonly http: number; readonly otlpHttp: number; readonly otlpGrpc: number };
  /** Takes over what can change while running; throws `config_invalid` and changes nothing when it is wrong. */
  reload(config: Config): Promise<void>;
  close(): Promise<void>;
}

export async function startServer(deps: ServerDeps): Promise<Server> {
  const core = createCore(deps);
  try {
    const storage = await openStorage(core);
    const metrics = createMetricsParts(core, storage);
    const prometheus = createPrometheusParts(core);
    let fromSpans: FromSpans | undefined;
    const ingest = createIngest(core, storage.journal, {
      samples(batch) {
        metrics.acknowledged(batch);
        prometheus.acknowledged(batch);
      },
      spans: (batch) => fromSpans?.acknowledged(batch),
    });
    fromSpans = derive(core, ingest);
    const collection = await prometheus.scrapeInto(ingest);
    const collectors = createCollectors({
      clock,
      next: ingest,
      log: core.log,
      metrics: core.metrics,
      limits: core.limits,
      config: core.config.collect,
    });
    core.onClose(() => collectors.close());
    const rules = createRulesParts(core, {
      storage,
      source: metrics.source,
      next: ingest,
      config: prometheus.config(),
      evaluationIntervalMs: () => prometheus.config().global.evaluation_interval,
    });
    await prometheus.evaluate(rules);
    await rules.readLoki(core.config.loki)();
    startWatches(core, storage);
    const incidents = createIncidents(core, storage);
    const servers = createServers(
      core,
      ingest,
      () => prometheus.config().storage.tsdb.out_of_order_time_window,
    );
    const logSources = openLogSources(core, ingest);
    const saved = createSavedState<PushedGroup>("pushed_group", storage);
    const parts = { clock, app: servers.app, next: ingest, saved };
    const pushgateway = openPushgateway({ ...core, ...parts });
    const reload = async (changed: Config): Promise<void> => {
      const applyLokiRules = rules.readLoki(changed.loki);
      await prometheus.reload(changed.prometheus.file);
      await applyLokiRules();
      await logSources.reload(changed);
      storage.store.retention.setRules(retentionRules(changed));
    };
    const query = registerApis(core, {
      storage,
      incidents,
      app: servers.app,
      source: metrics.source,
      prometheus: { ...prometheus, ...collection },
      rules,
      reload: () => reload(deps.load()),
      forget: metrics.forget,
      otherMetrics: () => logSources.renderMetrics(),
    });
    await servers.listen();
    if (core.config.classicPorts)
      await listenClassic(core, {
        app: servers.app,
        receivers: servers.deps,
        gateway: pushgateway,
        query,
      });
    core.ready = true;
    incidents.start();
    metrics.start();
    collection.start();
    collectors.start();
    rules.start();
    pushgateway.start();
    fromSpans.start();
    await logSources.start();
    return {
      url: core.address(core.ports.http),
      ports: core.ports,
      reload,
      close: async () => {
        core.ready = false;
        await core.closeAll();
      },
    };
  } catch (error) {
    await core.closeAll();
    throw error;
  }
}

/** Memory of the process for each call that may wait for its other side. */
const EDGE_MEMORY = 256 * 1024;

/** Metrics made from spans go the way of all others. */
function derive(core: Core, next: IngestNext): FromSpans {
  const { config, metrics, log } = core;
  const report = (error: TriptychError): void => log("error", error.message, { code: error.code });
  const { serviceGraph } = config.derive;
  // What waits grows old and is garbage then, which takes far more than its own size until it is collected.
  const edgesMax = Math.min(serviceGraph.edgesMax, Math.floor(config.memory / EDGE_MEMORY));
  const bounded = { ...config.derive, serviceGraph: { ...serviceGraph, edgesMax } };
  const fromSpans = createFromSpans({ config: bounded, next, clock, metrics, report });
  core.onClose(() => fromSpans.close());
  return fromSpans;
}

/** The program: what `bin/triptych.cjs` calls. */
export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await runCli(argv, {
    version: VERSION,
    up,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  });
  // Handles of the engine's library would keep the process alive.
  process.exit();
}

async function up(load: () => Config): Promise<number> {
  const config = load();
  const log = createLog({
    level: config.log.level,
    json: config.log.json,
    write: (line) => void process.stderr.write(line),
    nowMs: () => clock.nowMs(),
  });
  let stop: (code: number) => void = () => {};
  const stopped = new Promise<number>((resolve) => {
    stop = resolve;
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop(0));
  // Started by a launcher that may be killed: without it nobody would stop us.
  if (process.send !== undefined) process.on("disconnect", () => stop(0));
  const server = await startServer({
    config,
    load,
    log,
    onDeath: (error) => {
      log("error", "the journal cannot write any more; ending", { error: error.message });
      stop(1);
    },
  });
  process.on("SIGHUP", () => {
    void Promise.resolve()
      .then(() => server.reload(load()))
      .then(() => log("info", "configuration reloaded"))
      .catch((error: unknown) =>
        log("error", "configuration not reloaded, the old one stays", {
          error: asTriptychError(error).message,
        }),
      );
  });
  process.stdout.write(`Triptych is ready: ${server.url}\n`);
  const code = await stopped;
  log("info", "stopping");
  await server.close();
  return code;
}
