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
import { registerLokiApi } from "./api/loki/loki.ts";
import { registerPrometheusApi } from "./api/prometheus/prometheus.ts";
import { registerHealth } from "./api/self/health.ts";
import { registerWebFiles } from "./api/web-files.ts";
import { runCli } from "./cli/cli.ts";
import type { Config } from "./config/schema.ts";
import { createIncidentWatch } from "./incidents/watch.ts";
import { type Journal, openJournal } from "./journal/journal.ts";
import { createDeltaToCumulative } from "./pipeline/delta-to-cumulative.ts";
import { createPipeline } from "./pipeline/pipeline.ts";
import { createHttpServer } from "./receivers/http-server.ts";
import type { IngestNext } from "./receivers/next.ts";
import { createOtlpGrpcServer } from "./receivers/otlp/grpc.ts";
import { registerOtlpHttp } from "./receivers/otlp/http.ts";
import { createOtlpReceiver } from "./receivers/otlp/receiver.ts";
import { systemClock as clock } from "./self/clock.ts";
import { createLog, type Log } from "./self/log.ts";
import { createMetrics } from "./self/metrics.ts";
import { createProblems } from "./self/problems.ts";
import { listPartitions } from "./store/clickhouse/retention.ts";
import { encodeState } from "./store/clickhouse/encode/state.ts";
import { readState } from "./store/clickhouse/select/state.ts";
import { openDataDirectory } from "./store/data-directory.ts";
import { openStore, type Store } from "./store/store.ts";
import { createDiskWatch } from "./store/disk-watch.ts";

const VERSION = "0.1.0";
const MiB = 1024 * 1024;
/** How long a stopping process waits for the store to take what is in the journal; the rest is taken at the next start. */
const DRAIN_MS = 4_000;
const PROBLEM_MS = 30_000;
const RETENTION_EVERY_MS = 10 * 60_000;

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
  const { config, log } = deps;
  const startedAt = new Date(clock.nowMs()).toISOString();
  const limits: Limits = {
    ...defaultLimits,
    bodyBytesMax: config.limits.bodyBytes,
    inFlightBytesMax: config.limits.inFlightBytes,
    queryTimeoutMs: config.limits.queryTimeoutSeconds * 1000,
  };
  const metrics = createMetrics();
  const problems = createProblems(clock);
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) {
      await Promise.resolve()
        .then(close)
        .catch((error: unknown) => log("error", "closing failed", { error: String(error) }));
    }
  };
  try {
    const directory = openDataDirectory(
      config.data,
      config.store === "embedded" ? "chdb" : "remote",
    );
    closers.push(() => directory.release());
    const store = await openStore({
      directory: directory.path,
      store: config.store,
      clock,
      memoryBytesMax: config.memory,
      queryTimeoutMs: limits.queryTimeoutMs,
      readers: Math.max(4, cpus().length * 2),
      queriesQueuedMax: config.limits.queriesQueued,
      minFreeBytes: 256 * MiB,
      seriesMax: config.limits.series,
      retention: retentionRules(config),
    });
    closers.push(() => store.close());
    const storeErrors = metrics.counter(
      "triptych_store_errors_total",
      "Errors of the store while taking data.",
    );
    const journal = await openJournal({
      directory: `${directory.path}/journal`,
      clock,
      encoder: store.encoder,
      sink: store.sink,
      workerUrl: new URL("./journal/wal-worker.js", import.meta.url),
      pendingBytesMax: config.journal.bytes,
      durability: config.durability,
      random: Math.random,
      onDeath: deps.onDeath,
      onError: (error) => {
        const { code, message } = asTriptychError(error);
        storeErrors.add(1);
        log("warn", message, { code });
        problems.raise(code, message, PROBLEM_MS);
      },
    });
    closers.push(() => journal.close(DRAIN_MS));
    if (config.store === "embedded") await store.prepare();
    else void prepareLater(store, log);

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
    const receivedBy = { spans: 0, lines: 0, samples: 0 };
    const next = createIngest({ journal, limits, discarded, received, receivedBy, log });
    observeJournal(metrics, journal);
    observeProcess(metrics);

    const disk = createDiskWatch({
      directory: directory.path,
      clock,
      percentMax: 95,
      onFull: async (percent) => {
        problems.raise(
          "disk_full",
          `the disk is ${percent} % full; the oldest day is dropped to make room`,
          PROBLEM_MS,
        );
        const dropped = await store.retention.relieve();
        for (const { table, day } of dropped)
          log("warn", "dropped to free disk space", { table, day });
      },
      onError: (error) => log("warn", "cannot watch the disk", { error: error.message }),
    });
    closers.push(() => disk.close());
    metrics.gauge("triptych_disk_used_ratio", "How full the disk of the data directory is.", () =>
      disk.usedRatio(),
    );
    const stopRetention = every(
      RETENTION_EVERY_MS,
      async () => {
        for (const { table, day, reason } of await store.retention.run())
          log("info", "retention dropped a day", { table, day, reason });
      },
      log,
    );
    closers.push(stopRetention);

    const watch = createIncidentWatch({
      engine: store.engine,
      clock,
      thresholdSeconds: config.incidents.latencySeconds,
      windowMs: 60_000,
      intervalMs: 5_000,
      load: async () => {
        await journal.drained();
        return (await readState(store.engine, "incident")).map(
          ({ json }) => JSON.parse(json) as Incident,
        );
      },
      save: (incident) =>
        journal.appendBlocks([
          encodeState([
            {
              kind: "incident",
              key: incident.id,
              version: clock.nowMs(),
              json: JSON.stringify(incident),
            },
          ]),
        ]),
      onError: (error) => log("warn", "incident watch", { error: error.message }),
    });
    closers.push(() => watch.close());

    const report = (error: TriptychError): void =>
      log("error", error.message, { code: error.code });
    const otlpCors = config.otlp.cors === false ? (false as const) : { origins: config.otlp.cors };
    const transport = {
      receiver: createOtlpReceiver({ next, limits, clock }),
      next,
      limits,
      clock,
      report,
      cors: otlpCors,
    };
    const otlpHttp = createHttpServer({ report });
    closers.push(() => otlpHttp.close());
    registerOtlpHttp(otlpHttp, transport);
    const otlpGrpc = createOtlpGrpcServer(transport);
    closers.push(() => otlpGrpc.close());
    const app = createHttpServer({ report });
    closers.push(() => app.close());
    registerOtlpHttp(app, transport);

    let ready = false;
    const ports = { http: 0, otlpHttp: 0, otlpGrpc: 0 };
    const host = config.listen;
    const address = (port: number): string =>
      `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
    const query = { engine: store.engine, clock, limits };
    registerJaegerApi(app, { ...query, prefix: "/jaeger" });
    registerOwnTraces(app, { ...query, prefix: "/api/triptych" });
    registerOwnLogs(app, { ...query, prefix: "/api/triptych" });
    registerOwnMetrics(app, { ...query, prefix: "/api/triptych" });
    registerPrometheusApi(app, { ...query, prefixes: ["/api/v1", "/prometheus/api/v1"] });
    registerLokiApi(app, { ...query, prefix: "/loki" });
    registerIncidentsApi(app, { watch, prefix: "/api/triptych" });
    const storeBytes = createCached(10_000, async () =>
      (await listPartitions(store.engine)).reduce((sum, part) => sum + part.bytes, 0),
    );
    registerHealth(app, {
      notReady: () => (ready ? journalFull(journal) : "starting"),
      metrics: () => metrics.render(),
      status: async (): Promise<StatusAnswer> => {
        const {
          pendingRecords,
          pendingBytes,
          pendingBytesMax,
          lagMs,
          quarantinedRecords,
          refusedBlocks,
        } = journal.status();
        return {
          version: VERSION,
          startedAt,
          ready: ready && journalFull(journal) === undefined,
          lagSeconds: lagMs / 1000,
          residentBytes: process.memoryUsage.rss(),
          store: { kind: store.engine.kind, bytes: await storeBytes() },
          journal: {
            pendingRecords,
            pendingBytes,
            bytesMax: pendingBytesMax,
            quarantinedRecords: quarantinedRecords + refusedBlocks,
          },
          received: { ...receivedBy },
          addresses: {
            otlpHttp: address(ports.otlpHttp),
            otlpGrpc: address(ports.otlpGrpc),
            http: address(ports.http),
          },
          problems: [
            ...quarantineProblem(quarantinedRecords + refusedBlocks, startedAt),
            ...problems.list(),
          ],
        };
      },
    });
    registerWebFiles(app, webDirectory());

    ports.http = await listen(app, host, config.http.port);
    ports.otlpHttp = await listen(otlpHttp, host, config.otlp.httpPort);
    ports.otlpGrpc = await otlpGrpc.listen(host, config.otlp.grpcPort);
    ready = true;
    watch.start();
    return {
      url: address(ports.http),
      ports,
      reload: (changed) => store.retention.setRules(retentionRules(changed)),
      close: async () => {
        ready = false;
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function retentionRules(config: Config) {
  const rule = ({ days, bytes }: { days: number; bytes: number }) => ({ days, bytesMax: bytes });
  const { traces, logs, metrics } = config.retention;
  return { traces: rule(traces), logs: rule(logs), metrics: rule(metrics) };
}

interface IngestDeps {
  readonly journal: Journal;
  readonly limits: Limits;
  readonly discarded: { add(value: number, label: string): void };
  readonly received: { add(value: number, label: string): void };
  readonly receivedBy: { spans: number; lines: number; samples: number };
  readonly log: Log;
}

/** What the receivers are given: the pipeline, the journal, the byte budget and the counters. */
function createIngest(deps: IngestDeps): IngestNext {
  const { journal, limits, discarded } = deps;
  const stages = [
    createDeltaToCumulative({
      seriesMax: 200_000,
      discarded: (reason, items) => discarded.add(items, reason),
    }),
  ];
  const pipeline = createPipeline(stages, (batch, hash) => journal.append(batch, hash));
  let inFlight = 0;
  return {
    duplicateOf: (hash) => journal.duplicateOf(hash),
    async accept(batch, hash) {
      const { rows, signal } = batch;
      await pipeline(batch, hash);
      const name = signal === "logs" ? "lines" : signal;
      deps.receivedBy[name] += rows;
      deps.received.add(rows, name);
    },
    admit(bytes) {
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
    discarded: (reason, items) => discarded.add(items, reason),
  };
}

function journalFull(journal: Journal): string | undefined {
  const { pendingBytes, pendingBytesMax } = journal.status();
  return pendingBytes < pendingBytesMax
    ? undefined
    : "the journal is full because the store does not take data";
}

function quarantineProblem(
  count: number,
  since: string,
): { code: string; message: string; since: string }[] {
  if (count === 0) return [];
  const message = `${count} damaged records or refused blocks were set aside; look into the journal's quarantine directory`;
  return [{ code: "quarantine", message, since }];
}

function observeJournal(metrics: ReturnType<typeof createMetrics>, journal: Journal): void {
  const status = () => journal.status();
  metrics.gauge(
    "triptych_journal_pending_records",
    "Records the store has not taken yet.",
    () => status().pendingRecords,
  );
  metrics.gauge(
    "triptych_journal_pending_bytes",
    "Bytes the store has not taken yet.",
    () => status().pendingBytes,
  );
  metrics.gauge(
    "triptych_journal_bytes_max",
    "Bound of the pending bytes.",
    () => status().pendingBytesMax,
  );
  metrics.gauge(
    "triptych_journal_lag_seconds",
    "Age of the oldest record not yet in the store.",
    () => status().lagMs / 1000,
  );
  metrics.observed(
    "triptych_journal_records_total",
    "Records made durable.",
    () => status().appendedRecords,
  );
  metrics.observed(
    "triptych_journal_bytes_total",
    "Bytes made durable.",
    () => status().appendedBytes,
  );
  metrics.observed(
    "triptych_journal_write_failures_total",
    "Records that could not be made durable.",
    () => status().writeFailures,
  );
  metrics.observed(
    "triptych_duplicate_requests_total",
    "Resent requests that were acknowledged but not stored twice.",
    () => status().duplicates,
  );
  metrics.observed(
    "triptych_quarantined_records_total",
    "Damaged records set aside at start.",
    () => status().quarantinedRecords,
  );
  metrics.observed(
    "triptych_refused_blocks_total",
    "Blocks the store refused, set aside.",
    () => status().refusedBlocks,
  );
}

function observeProcess(metrics: ReturnType<typeof createMetrics>): void {
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", () =>
    process.memoryUsage.rss(),
  );
  metrics.observed("process_cpu_seconds_total", "User and system CPU time.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  const startSeconds = Date.now() / 1000 - process.uptime();
  metrics.gauge("process_start_time_seconds", "Start of the process.", () => startSeconds);
}

function every(intervalMs: number, run: () => Promise<void>, log: Log): () => void {
  let cancel: () => void = () => {};
  let stopped = false;
  const schedule = (): void => {
    cancel = clock.after(intervalMs, () => {
      run()
        .catch((error: unknown) => log("warn", "retention failed", { error: String(error) }))
        .finally(() => {
          if (!stopped) schedule();
        });
    });
  };
  schedule();
  return () => {
    stopped = true;
    cancel();
  };
}

/** The last value for `forMs`, so that a page that polls does not ask the store each time. */
function createCached(forMs: number, read: () => Promise<number>): () => Promise<number> {
  let value = 0;
  let untilMs = 0;
  return async () => {
    if (clock.monotonicMs() < untilMs) return value;
    untilMs = clock.monotonicMs() + forMs;
    value = await read().catch(() => value);
    return value;
  };
}

async function prepareLater(store: Store, log: Log): Promise<void> {
  for (;;) {
    try {
      await store.prepare();
      return;
    } catch (error) {
      log("warn", "the remote store is not there yet", { error: asTriptychError(error).message });
      await new Promise<void>((resolve) => clock.after(2_000, resolve));
    }
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE") {
      throw new TriptychError(
        "port_in_use",
        `port ${port} on ${host} is in use; stop what listens there or choose another port`,
        { cause },
      );
    }
    throw cause;
  }
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : port;
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
