/**
 * The only file that sees every layer. Builds them from right to left and hands each what lies right of it as `next`,
 * listens, and takes it all down again in the opposite order.
 */
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import type { Incident, StatusAnswer } from "@triptych/contract";
import { asTriptychError, defaultLimits, type Limits, TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { registerJaegerApi } from "./api/jaeger/jaeger.ts";
import { registerIncidentsApi } from "./api/ours/incidents.ts";
import { registerOwnLogs } from "./api/ours/logs.ts";
import { registerOwnMetrics } from "./api/ours/metrics.ts";
import { registerOwnTraces } from "./api/ours/traces.ts";
import { registerLokiApi } from "./api/loki/api.ts";
import { registerPrometheusApi } from "./api/prometheus/api.ts";
import { registerHealth } from "./api/self/health.ts";
import { registerWebFiles } from "./api/web-files.ts";
import { runCli } from "./cli/cli.ts";
import type { Config } from "./config/schema.ts";
import { createIncidentWatch } from "./incidents/watch.ts";
import { type Journal, openJournal } from "./journal/journal.ts";
import { observeJournal } from "./journal/observe.ts";
import { createDeltaToCumulative } from "./pipeline/delta-to-cumulative.ts";
import { createLimitDays } from "./pipeline/limit-days.ts";
import { createPipeline } from "./pipeline/pipeline.ts";
import { closeHttp, listen } from "./receivers/http-listen.ts";
import { createHttpServer } from "./receivers/http-server.ts";
import type { IngestNext } from "./receivers/next.ts";
import { createOtlpGrpcServer } from "./receivers/otlp/grpc.ts";
import { registerOtlpHttp } from "./receivers/otlp/http.ts";
import { createOtlpReceiver } from "./receivers/otlp/receiver.ts";
import type { PushedGroup } from "./receivers/pushgateway/gateway.ts";
import { openPushgateway } from "./receivers/pushgateway/start.ts";
import { registerRemoteWrite } from "./receivers/remote-write/http.ts";
import { systemClock as clock } from "./self/clock.ts";
import { createLog, type Log } from "./self/log.ts";
import { createMemoryWatch, privateBytes } from "./self/memory-watch.ts";
import { createMetrics } from "./self/metrics.ts";
import { createProblems } from "./self/problems.ts";
import { observeProcess } from "./self/process-metrics.ts";
import { createCached, repeat } from "./self/repeat.ts";
import { listPartitions } from "./store/clickhouse/retention.ts";
import { openDataDirectory } from "./store/data-directory.ts";
import { createSavedState } from "./store/saved-state.ts";
import { openStore, type Store } from "./store/store.ts";
import { createDiskWatch } from "./store/disk-watch.ts";

const VERSION = "0.1.0";
const MiB = 1024 * 1024;
/** How long a stopping process waits for the store to take what is in the journal; the rest is taken at the next start. */
const DRAIN_MS = 4_000;
const PROBLEM_MS = 30_000;
/** Above this share of the memory limit senders are told to wait: what is on its way still needs room. */
const SHED_ABOVE = 0.8;
/** What may be in flight then. */
const TIGHT_BYTES_MAX = 4 * MiB;
const RETENTION_EVERY_MS = 10 * 60_000;
const REMOTE_RETRY_MS = 2_000;
/** Inserts stop while this much is free, so that partitions can still be dropped. */
const MIN_FREE_BYTES = 256 * MiB;
const ROUND_BYTES_MAX = 32 * MiB;
/** A round costs the engine several times its bytes. */
const ROUND_SHARE = 1 / 128;
/** Below this the engine cannot take blocks of several megabytes while it merges. */
const ENGINE_BYTES_MIN = 320 * MiB;
const DELTA_SERIES_MAX = 200_000;

export interface Server {
  readonly url: string;
  readonly ports: { readonly http: number; readonly otlpHttp: number; readonly otlpGrpc: number };
  /** Takes over what can change while running; throws `config_invalid` and changes nothing when it is wrong. */
  reload(config: Config): void;
  close(): Promise<void>;
}

/** Everything `startServer` needs from outside the process. */
export interface ServerDeps {
  readonly config: Config;
  readonly log: Log;
  /** The journal can no longer write: the process must end. */
  readonly onDeath: (error: Error) => void;
}

export async function startServer(deps: ServerDeps): Promise<Server> {
  const core = createCore(deps);
  try {
    const storage = await openStorage(core);
    const ingest = createIngest(core, storage.journal);
    startWatches(core, storage);
    const incidents = createIncidents(core, storage);
    const servers = createServers(core, ingest);
    const saved = createSavedState<PushedGroup>("pushed_group", storage);
    const parts = { clock, app: servers.app, next: ingest, saved };
    const pushgateway = openPushgateway({ ...core, ...parts });
    registerApis(core, { storage, incidents, app: servers.app });
    await servers.listen();
    core.ready = true;
    incidents.start();
    pushgateway.start();
    return {
      url: core.address(core.ports.http),
      ports: core.ports,
      reload: (changed) => storage.store.retention.setRules(retentionRules(changed)),
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

/** What all parts share. Closers run in the opposite order of their registration. */
function createCore({ config, log, onDeath }: ServerDeps) {
  const closers: (() => Promise<void> | void)[] = [];
  const host = config.listen;
  return {
    config,
    log,
    onDeath,
    startedAt: new Date(clock.nowMs()).toISOString(),
    ready: false,
    limits: {
      ...defaultLimits,
      bodyBytesMax: config.limits.bodyBytes,
      inFlightBytesMax: inFlightBytes(config),
      queryTimeoutMs: config.limits.queryTimeoutSeconds * 1000,
    } satisfies Limits,
    metrics: createMetrics(),
    problems: createProblems(clock),
    ports: { http: 0, otlpHttp: 0, otlpGrpc: 0 },
    received: { spans: 0, lines: 0, samples: 0 },
    address: (port: number): string => `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    onClose: (close: () => Promise<void> | void) => void closers.push(close),
    async closeAll() {
      for (const close of closers.splice(0).reverse()) {
        await Promise.resolve()
          .then(close)
          .catch((error: unknown) => log("error", "closing failed", { error: String(error) }));
      }
    },
  };
}
type Core = ReturnType<typeof createCore>;

interface Storage {
  readonly directory: string;
  readonly store: Store;
  readonly journal: Journal;
}

async function openStorage(core: Core): Promise<Storage> {
  const { config, limits, metrics, log } = core;
  const directory = openDataDirectory(config.data, config.store === "embedded" ? "chdb" : "remote");
  core.onClose(() => directory.release());
  const store = await openStore({
    directory: directory.path,
    store: config.store,
    clock,
    memoryBytesMax: engineShare(config.memory),
    queryTimeoutMs: limits.queryTimeoutMs,
    readers: Math.max(4, cpus().length * 2),
    queriesQueuedMax: config.limits.queriesQueued,
    minFreeBytes: MIN_FREE_BYTES,
    seriesMax: config.limits.series,
    retention: retentionRules(config),
  });
  core.onClose(() => store.close());
  const errors = metrics.counter("triptych_store_errors_total", "Errors of journal and store.");
  const journal = await openJournal({
    directory: `${directory.path}/journal`,
    clock,
    encoder: store.encoder,
    sink: store.sink,
    workerUrl: new URL("./journal/wal-worker.js", import.meta.url),
    pendingBytesMax: config.journal.bytes,
    roundBytesMax: Math.min(ROUND_BYTES_MAX, config.memory * ROUND_SHARE),
    durability: config.durability,
    random: Math.random,
    onDeath: core.onDeath,
    onError: (error) => {
      const { code, message } = asTriptychError(error);
      errors.add(1);
      log("warn", message, { code });
      core.problems.raise(code, message, PROBLEM_MS);
    },
  });
  core.onClose(() => journal.close(DRAIN_MS));
  observeJournal(metrics, journal);
  observeProcess(metrics);
  if (config.store === "embedded") await store.prepare();
  else prepareLater(core, store);
  return { directory: directory.path, store, journal };
}

/** Disk and retention. */
function startWatches(core: Core, { directory, store }: Storage): void {
  const { log, problems, metrics } = core;
  const disk = createDiskWatch({
    directory,
    clock,
    percentMax: 95,
    onFull: async (percent) => {
      const message = `the disk is ${percent} % full; the oldest day is dropped to make room`;
      problems.raise("disk_full", message, PROBLEM_MS);
      for (const { table, day } of await store.retention.relieve()) {
        log("warn", "dropped to free disk space", { table, day });
      }
    },
    onError: (error) => log("warn", "cannot watch the disk", { error: error.message }),
  });
  core.onClose(() => disk.close());
  metrics.gauge(
    "triptych_disk_used_ratio",
    "How full the disk of the data directory is.",
    disk.usedRatio,
  );
  const applyRetention = async (): Promise<void> => {
    for (const { table, day, reason } of await store.retention.run()) {
      log("info", "retention dropped a day", { table, day, reason });
    }
  };
  core.onClose(
    repeat(clock, RETENTION_EVERY_MS, () =>
      applyRetention().catch((error: unknown) =>
        log("warn", "retention failed", { error: String(error) }),
      ),
    ),
  );
}

function createIncidents(core: Core, storage: Storage) {
  const saved = createSavedState<Incident>("incident", storage);
  const watch = createIncidentWatch({
    engine: storage.store.engine,
    clock,
    thresholdSeconds: core.config.incidents.latencySeconds,
    windowMs: 60_000,
    intervalMs: 5_000,
    load: saved.load,
    save: (incident) => saved.save({ key: incident.id, version: clock.nowMs(), value: incident }),
    onError: (error) => core.log("warn", "incident watch", { error: error.message }),
  });
  core.onClose(() => watch.close());
  return watch;
}

/** The servers on all ports, and how they begin to listen. */
function createServers(core: Core, next: IngestNext) {
  const { config, limits, log, ports } = core;
  const report = (error: TriptychError): void => log("error", error.message, { code: error.code });
  const transport = {
    receiver: createOtlpReceiver({ next, limits, clock }),
    next,
    limits,
    clock,
    report,
    cors: config.otlp.cors === false ? (false as const) : { origins: config.otlp.cors },
  };
  const app = createHttpServer({ report });
  const otlpHttp = createHttpServer({ report });
  const otlpGrpc = createOtlpGrpcServer(transport);
  core.onClose(() => otlpGrpc.close());
  for (const server of [app, otlpHttp]) core.onClose(() => closeHttp(server, clock));
  registerOtlpHttp(app, transport);
  registerOtlpHttp(otlpHttp, transport);
  registerRemoteWrite(app, { ...transport, prefixes: ["/api/v1", "/prometheus/api/v1"] });
  return {
    app,
    async listen() {
      ports.http = await listen(app, config.listen, config.http.port);
      ports.otlpHttp = await listen(otlpHttp, config.listen, config.otlp.httpPort);
      ports.otlpGrpc = await otlpGrpc.listen(config.listen, config.otlp.grpcPort);
    },
  };
}

interface ApiParts {
  readonly storage: Storage;
  readonly incidents: ReturnType<typeof createIncidents>;
  readonly app: FastifyInstance;
}

function registerApis(core: Core, { storage, incidents, app }: ApiParts): void {
  const { store } = storage;
  const query = { engine: store.engine, clock, limits: core.limits };
  registerJaegerApi(app, { ...query, prefix: "/jaeger" });
  registerPrometheusApi(app, { ...query, prefixes: ["/api/v1", "/prometheus/api/v1"] });
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

function createStatus(core: Core, storage: Storage): () => Promise<StatusAnswer> {
  const { journal, store } = storage;
  const storeBytes = createCached(clock, 10_000, async () =>
    (await listPartitions(store.engine)).reduce((sum, part) => sum + part.bytes, 0),
  );
  return async () => {
    const { quarantinedRecords, refusedBlocks, ...journalStatus } = journal.status();
    const setAside = quarantinedRecords + refusedBlocks;
    return {
      version: VERSION,
      startedAt: core.startedAt,
      ready: notReady(core, storage) === undefined,
      lagSeconds: journalStatus.lagMs / 1000,
      residentBytes: process.memoryUsage.rss(),
      store: { kind: store.engine.kind, bytes: await storeBytes() },
      journal: {
        pendingRecords: journalStatus.pendingRecords,
        pendingBytes: journalStatus.pendingBytes,
        bytesMax: journalStatus.pendingBytesMax,
        quarantinedRecords: setAside,
      },
      received: { ...core.received },
      addresses: {
        otlpHttp: core.address(core.ports.otlpHttp),
        otlpGrpc: core.address(core.ports.otlpGrpc),
        http: core.address(core.ports.http),
      },
      problems: [...quarantineProblem(setAside, core.startedAt), ...core.problems.list()],
    };
  };
}

/** What requests may hold at once: as configured, but no more than an eighth of the memory and at least one body. */
function inFlightBytes({ limits, memory }: Config): number {
  return Math.max(limits.bodyBytes, Math.min(limits.inFlightBytes, Math.floor(memory / 8)));
}

/** The engine's part of the memory limit: what the runtime, the engine's code and requests in flight leave. */
function engineShare(bytes: number): number {
  return Math.max(ENGINE_BYTES_MIN, Math.min(bytes * 0.75, bytes - 384 * MiB));
}

function retentionRules(config: Config) {
  const rule = ({ days, bytes }: { days: number; bytes: number }) => ({ days, bytesMax: bytes });
  const { traces, logs, metrics } = config.retention;
  return { traces: rule(traces), logs: rule(logs), metrics: rule(metrics) };
}

/** What the receivers are given: the pipeline, the journal, the byte budget and the counters. */
function createIngest(core: Core, journal: Journal): IngestNext {
  const { limits, metrics, config } = core;
  const discarded = metrics.counter(
    "triptych_discarded_total",
    "Items that were refused, by reason.",
    "reason",
  );
  const received = metrics.counter(
    "triptych_received_total",
    "Items acknowledged, by signal.",
    "signal",
  );
  const memory = createMemoryWatch(clock, privateBytes);
  core.onClose(() => memory.close());
  const count = (reason: string, items: number): void => discarded.add(items, reason);
  const stages = [
    createLimitDays(limits.daysPerRequestMax),
    createDeltaToCumulative({ seriesMax: DELTA_SERIES_MAX, discarded: count }),
  ];
  const pipeline = createPipeline(stages, (batch, hash) => journal.append(batch, hash));
  let inFlight = 0;
  return {
    duplicateOf: (hash) => journal.duplicateOf(hash),
    async accept(batch, hash) {
      const { rows, signal } = batch;
      await pipeline(batch, hash);
      const name = signal === "logs" ? "lines" : signal;
      core.received[name] += rows;
      received.add(rows, name);
    },
    admit(bytes) {
      // One request at a time always goes on: memory that the engine or the runtime keeps for later is no reason to
      // refuse for ever.
      const isTight = memory.usedBytes() > config.memory * SHED_ABOVE;
      if (isTight && inFlight > 0 && inFlight + bytes > TIGHT_BYTES_MAX) {
        const message =
          "the process is near its memory limit; try again, or give it more with --memory";
        throw new TriptychError("memory_pressure", message, { retryAfterSeconds: 1 });
      }
      if (inFlight + bytes > limits.inFlightBytesMax) {
        const message = `requests in flight hold ${inFlight} of ${limits.inFlightBytesMax} bytes; try again`;
        throw new TriptychError("memory_pressure", message, { retryAfterSeconds: 1 });
      }
      inFlight += bytes;
      let released = false;
      return () => {
        if (!released) inFlight -= bytes;
        released = true;
      };
    },
    discarded: count,
  };
}

/** What keeps us from taking data or answering about it; undefined when nothing does. */
function notReady(core: Core, { journal, store }: Storage): string | undefined {
  if (!core.ready) return "starting or stopping";
  if (!store.reachable()) return "the store does not answer";
  const { pendingBytes, pendingBytesMax } = journal.status();
  if (pendingBytes >= pendingBytesMax)
    return "the journal is full because the store does not take data";
  return undefined;
}

function quarantineProblem(
  count: number,
  since: string,
): { code: string; message: string; since: string }[] {
  if (count === 0) return [];
  const message = `${count} damaged records or refused blocks were set aside; look into the journal's quarantine directory`;
  return [{ code: "quarantine", message, since }];
}

/** A remote store that is away must not keep us from starting: the journal takes data until it is there. */
function prepareLater(core: Core, store: Store): void {
  const stop = repeat(clock, REMOTE_RETRY_MS, async () => {
    try {
      await store.prepare();
      stop();
    } catch (error) {
      core.log("warn", "the remote store is not there yet", {
        error: asTriptychError(error).message,
      });
    }
  });
  core.onClose(stop);
  void store.prepare().then(stop, () => {});
}

/** Beside the bundle in a package, in the workspace otherwise. */
function webDirectory(): string {
  return fileURLToPath(new URL("../../web/dist", import.meta.url));
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
    log,
    onDeath: (error) => {
      log("error", "the journal cannot write any more; ending", { error: error.message });
      stop(1);
    },
  });
  process.on("SIGHUP", () => {
    try {
      server.reload(load());
      log("info", "configuration reloaded");
    } catch (error) {
      log("error", "configuration not reloaded, the old one stays", {
        error: asTriptychError(error).message,
      });
    }
  });
  process.stdout.write(`Triptych is ready: ${server.url}\n`);
  const code = await stopped;
  log("info", "stopping");
  await server.close();
  return code;
}
