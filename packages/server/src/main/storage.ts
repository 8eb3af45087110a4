/** Data directory, store and journal, and what watches over them. */
import { cpus } from "node:os";
import { asTriptychError } from "@triptych/model";
import type { Config } from "../config/schema.ts";
import { type Journal, openJournal } from "../journal/journal.ts";
import { observeJournal } from "../journal/observe.ts";
import { systemClock as clock } from "../self/clock.ts";
import { observeProcess } from "../self/process-metrics.ts";
import { repeat } from "../self/repeat.ts";
import { createBallast } from "../store/ballast.ts";
import { createDownsampling, type DownsampledDay } from "../store/clickhouse/downsample.ts";
import { openDataDirectory } from "../store/data-directory.ts";
import { createDiskWatch } from "../store/disk-watch.ts";
import { createSavedState } from "../store/saved-state.ts";
import { openStore, type Store } from "../store/store.ts";
import { type Core, MiB } from "./core.ts";

/** How long a stopping process waits for the store to take what is in the journal; the rest is taken at the next start. */
const DRAIN_MS = 4_000;
const PROBLEM_MS = 30_000;
const RETENTION_EVERY_MS = 10 * 60_000;
const DAMAGE_EVERY_MS = 60_000;
const REMOTE_RETRY_MS = 2_000;
/** Inserts stop while this much is free, so that partitions can still be dropped. */
const MIN_FREE_BYTES = 256 * MiB;
/** Given up first when the disk is full. */
const BALLAST_BYTES = 128 * MiB;
const BALLAST_AFTER_MS = 60_000;
const ROUND_BYTES_MAX = 32 * MiB;
/** A round costs the engine several times its bytes. */
const ROUND_SHARE = 1 / 128;
/** Below this the engine cannot take blocks of several megabytes while it merges. */
const ENGINE_BYTES_MIN = 320 * MiB;

export interface Storage {
  readonly directory: string;
  readonly store: Store;
  readonly journal: Journal;
}

export async function openStorage(core: Core): Promise<Storage> {
  const { config, limits, metrics, log } = core;
  const directory = openDataDirectory(config.data, config.store === "embedded" ? "chdb" : "remote");
  core.onClose(() => directory.release());
  let changed = (): void => {};
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
    onChanged: () => changed(),
    onDamagedPart: ({ table, part }) =>
      log("error", "a part of the store cannot be read and was set aside", { table, part }),
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
  changed = () => journal.changes.forgetAll();
  observeJournal(metrics, journal);
  observeProcess(metrics);
  observeDamage(core, store);
  if (config.store === "embedded") await store.prepare();
  else prepareLater(core, store);
  return { directory: directory.path, store, journal };
}

function observeDamage({ metrics }: Core, { damaged }: Store): void {
  if (damaged === undefined) return;
  metrics.gauge(
    "triptych_store_damaged_parts",
    "Parts of tables that could not be read and were set aside.",
    () => damaged.status().parts,
  );
  metrics.gauge(
    "triptych_store_damaged_bytes",
    "Their bytes on disk.",
    () => damaged.status().bytes,
  );
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

/** The engine's part of the memory limit: what the runtime, the engine's code and requests in flight leave. */
function engineShare(bytes: number): number {
  return Math.max(ENGINE_BYTES_MIN, Math.min(bytes * 0.75, bytes - 384 * MiB));
}

export function retentionRules(config: Config) {
  const rule = ({ days, bytes }: { days: number; bytes: number }) => ({ days, bytesMax: bytes });
  const { traces, logs, metrics, metrics5m, metrics1h } = config.retention;
  return {
    traces: rule(traces),
    logs: rule(logs),
    metrics: rule(metrics),
    metrics5m: rule(metrics5m),
    metrics1h: rule(metrics1h),
  };
}

/** Disk, retention and downsampling. */
export function startWatches(core: Core, { directory, store, journal }: Storage): void {
  const { log, problems, metrics } = core;
  const startedMs = clock.monotonicMs();
  const ballast = createBallast(`${directory}/ballast`, BALLAST_BYTES);
  const disk = createDiskWatch({
    directory,
    clock,
    percentMax: 95,
    onFull: async (percent) => {
      const message = `the disk is ${percent} % full; the oldest day is dropped to make room`;
      problems.raise("disk_full", message, PROBLEM_MS);
      if (await ballast.release()) log("warn", "the ballast was dropped to free disk space", {});
      for (const { table, day } of await store.retention.relieve()) {
        log("warn", "dropped to free disk space", { table, day });
      }
    },
    onRoom: async () => {
      // A start has better things to do with the disk.
      if (clock.monotonicMs() - startedMs > BALLAST_AFTER_MS) await ballast.keep();
    },
    onError: (error) => log("warn", "cannot watch the disk", { error: error.message }),
  });
  core.onClose(() => disk.close());
  metrics.gauge(
    "triptych_disk_used_ratio",
    "How full the disk of the data directory is.",
    disk.usedRatio,
  );
  const { damaged } = store;
  if (damaged !== undefined) {
    const look = (): Promise<void> =>
      damaged.look().catch((error: unknown) => {
        log("warn", "cannot look for damaged parts", { error: asTriptychError(error).message });
      });
    void look();
    core.onClose(repeat(clock, DAMAGE_EVERY_MS, look));
  }
  const saved = createSavedState<DownsampledDay>("downsampled_day", { store, journal });
  const downsampling = createDownsampling({
    engine: store.engine,
    clock,
    load: saved.load,
    save: (day) => saved.save({ key: String(day.day), version: clock.nowMs(), value: day }),
  });
  const applyRetention = async (): Promise<void> => {
    // First what is made of the days that may be dropped then.
    for (const day of await downsampling.run()) log("info", "downsampled a day", { day });
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
