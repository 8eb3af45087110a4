/**
 * Log lines that are fetched rather than sent: files, containers' logs and systemd's journal, as the configuration and
 * promtail's files ask for them. All keep their positions in one file in the data directory.
 */
import { join } from "node:path";
import { compileRelabel } from "@triptych/lang";
import { asTriptychError } from "@triptych/model";
import { defaultHttpClient } from "../config/prometheus/http-client.ts";
import type { LogSourcesConfig } from "../config/log-sources-schema.ts";
import { loadPromtailConfig, type PromtailConfig } from "../config/promtail/load.ts";
import type { ConfigProblem } from "../config/prometheus/yaml-reader.ts";
import { nativePlans } from "../config/promtail/native-stages.ts";
import type { StagePlan } from "../config/promtail/stages.ts";
import { createListedDockerLogs } from "./docker-logs/docker-logs.ts";
import { createFileCounters } from "./files/counters.ts";
import { createFileTailer } from "./files/tailer.ts";
import { createJournalReader } from "./journal/journal.ts";
import { journalLines, nativeLabels } from "./journal/journal-lines.ts";
import { openPositions, type Positions } from "./log-lines/positions.ts";
import type { LogSourcesDeps, Source, SourceContext } from "./log-lines/source.ts";
import type { Stage, StageDeps } from "./log-stages/entry.ts";
import { compileStages } from "./log-stages/pipeline.ts";
import { createStageMetrics } from "./log-stages/stage-metrics.ts";
import { startPromtailJob } from "./promtail-job.ts";
import { checkNetworkTargets } from "./promtail-network/start.ts";

export type { LogSourcesDeps } from "./log-lines/source.ts";

export interface LogSources {
  /** Metrics that `metrics` stages made, to be shown with our own. */
  renderMetrics(): string;
  /** Opens the positions and begins to read. Rejects when the data directory cannot be used. */
  start(): Promise<void>;
  /**
   * Takes over another configuration, and promtail's files as they are now. What did not change goes on; the rest ends
   * and begins again where it was. Throws `config_invalid` and changes nothing when something is wrong.
   */
  reload(config: LogSourcesConfig): Promise<void>;
  /** Ends; what was read and not stored is read again. Safe to call twice. */
  close(): Promise<void>;
}

/** Sources that end and begin together. */
interface Unit {
  /** The same for the same settings. */
  readonly key: string;
  start(context: SourceContext): Promise<readonly Source[]> | readonly Source[];
}

interface Plan {
  readonly config: LogSourcesConfig;
  readonly units: readonly Unit[];
  readonly unserved: readonly ConfigProblem[];
}

const RELOAD_PROBLEM = "log_sources_reload";

/** Throws `config_invalid` with file, line and column when promtail's files or stages are wrong. */
export function createLogSources(deps: LogSourcesDeps): LogSources {
  const { clock, problems } = deps;
  const metrics = createStageMetrics(clock);
  const counters = createFileCounters(deps.metrics);
  const stageDeps: StageDeps = {
    clock,
    random: deps.random,
    metrics,
    dropped: (reason) => counters.dropped.add(1, reason),
  };
  let plan = planOf(deps.config, deps, stageDeps);
  let raised: readonly string[] = [];
  deps.metrics.gauge(
    "triptych_promtail_unserved",
    "Targets and stages of promtail's files that are not served.",
    () => plan.unserved.length,
  );
  const running = new Map<string, readonly Source[]>();
  let positions: Positions | undefined;
  let closed = false;
  /** Changes come one after another. */
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
  const stop = async (key: string): Promise<void> => {
    const sources = running.get(key) ?? [];
    running.delete(key);
    // In their order: what listens ends before what makes its lines durable.
    for (const source of sources) await source.close();
  };
  const apply = async (next: Plan): Promise<void> => {
    plan = next;
    for (const code of raised) problems.clear(code);
    raised = next.unserved.map((one) => raiseUnserved(one, deps));
    const wanted = new Set(next.units.map(({ key }) => key));
    const gone = [...running.keys()].filter((key) => !wanted.has(key));
    // All end before one begins: ports and positions pass from one to the other.
    await Promise.all(gone.map(stop));
    if (next.units.length === 0) return;
    positions ??= await openPositions(join(deps.dataDirectory, "positions.json"), (message) =>
      problems.raise("positions", message, 0),
    );
    const context: SourceContext = { ...deps, config: next.config, positions, counters, stageDeps };
    for (const unit of next.units)
      if (!running.has(unit.key)) running.set(unit.key, await unit.start(context));
  };
  return {
    renderMetrics: () => metrics.render(),
    start: () => inTurn(() => apply(plan)),
    reload: (config) =>
      inTurn(async () => {
        if (closed) return;
        let next: Plan;
        try {
          next = planOf(config, deps, stageDeps);
        } catch (error) {
          const { message } = asTriptychError(error);
          problems.raise(RELOAD_PROBLEM, `log sources go on as they were: ${message}`, 0);
          throw error;
        }
        problems.clear(RELOAD_PROBLEM);
        await apply(next);
      }),
    close() {
      closed = true;
      return inTurn(async () => {
        await Promise.all([...running.keys()].map(stop));
      });
    },
  };
}

function raiseUnserved(
  { file, line, column, message }: ConfigProblem,
  deps: LogSourcesDeps,
): string {
  const place = `${file}:${line}:${column}`;
  const code = `promtail_unserved ${place}`;
  deps.log("warn", `of promtail's file is not served: ${message}`, { place });
  deps.problems.raise(code, `${message} (${place})`, 0);
  return code;
}

/** Reads and compiles everything, so that what is wrong is told before anything is opened or ended. */
function planOf(config: LogSourcesConfig, deps: LogSourcesDeps, stageDeps: StageDeps): Plan {
  const promtail = config.promtail.files.map((file) => readPromtail(file, config, deps));
  const units: Unit[] = [];
  for (const one of promtail) {
    const { file, limits, externalLabels, positionsFile, syncPeriodMs } = one;
    for (const job of one.jobs) {
      compileStages(job.stages, stageDeps);
      compileRelabel(job.relabel, deps.compileRegex);
      checkNetworkTargets(job);
      const settings = { job, file, limits, externalLabels, positionsFile, syncPeriodMs };
      units.push({
        key: fingerprint(settings),
        start: (context) => startPromtailJob(job, one, context),
      });
    }
  }
  units.push(...nativeUnits(config, stageDeps));
  return { config, units: distinct(units), unserved: promtail.flatMap(({ unserved }) => unserved) };
}

/** Two sources with the same settings are two sources. */
function distinct(units: readonly Unit[]): Unit[] {
  const counts = new Map<string, number>();
  return units.map((unit) => {
    const count = (counts.get(unit.key) ?? 0) + 1;
    counts.set(unit.key, count);
    return { ...unit, key: `${count} ${unit.key}` };
  });
}

/** Settings as text: equal when they are. What is compiled from a stage's place is no setting. */
function fingerprint(settings: unknown): string {
  return JSON.stringify(settings, (_key, value: unknown) => {
    if (value instanceof Map) return { map: [...value] };
    if (value instanceof RegExp || typeof value === "bigint") return String(value);
    return value;
  });
}

function readPromtail(
  file: string,
  config: LogSourcesConfig,
  deps: LogSourcesDeps,
): PromtailConfig {
  const { expandEnv } = config.promtail;
  const read = loadPromtailConfig(file, { expandEnv, env: (name) => deps.env[name] });
  for (const one of read.ignored)
    deps.log("info", `of promtail's file is not used: ${one}`, { file });
  return read;
}

/** Files, containers and the journal as our own configuration names them. */
function nativeUnits(config: LogSourcesConfig, stageDeps: StageDeps): Unit[] {
  const compile = (plans: readonly StagePlan[]): Stage => compileStages(plans, stageDeps);
  const units: Unit[] = config.files.map((one, i) => {
    const plans = nativePlans(`files.${i}`, one);
    const stage = plans.length === 0 ? undefined : compile(plans);
    return {
      key: fingerprint({ files: one }),
      start: (context) => [startFiles(one, stage, context)],
    };
  });
  const { dockerLogs, journald } = config;
  // Also what is not enabled is looked at: a mistake is told before it matters.
  const docker = compile(nativePlans("dockerLogs", { ...dockerLogs, format: "plain" }));
  const plans = nativePlans("journal", { ...journald, format: "plain", multiline: "" });
  const journal = compile(plans);
  if (dockerLogs.enabled)
    units.push({
      key: fingerprint({ dockerLogs }),
      start: (context) => [startDocker(context, docker)],
    });
  if (journald.enabled)
    units.push({
      key: fingerprint({ journald }),
      start: (context) => [startJournal(context, journal)],
    });
  return units;
}

function startDocker(context: SourceContext, stage: Stage): Source {
  const { host, containers, exclude, labels } = context.config.dockerLogs;
  const logs = createListedDockerLogs(
    host,
    { containers, exclude, labels: new Map(Object.entries(labels)) },
    { ...context, client: defaultHttpClient(), stage, job: "docker" },
  );
  logs.start();
  return logs;
}

const SCAN_MS = 5000;

function startFiles(
  one: LogSourcesConfig["files"][number],
  stage: Stage | undefined,
  context: SourceContext,
): Source {
  const tailer = createFileTailer(
    {
      job: `files ${one.paths.join(",")}`,
      stage,
      encoding: one.encoding,
      compression: one.compressed ? "by-name" : undefined,
      compressionDelayMs: 0,
      ignoreOlderMs: one.ignoreOlderThanSeconds * 1000,
      startAt: one.startAt,
      lineBytes: { max: 0, cut: false },
      scanMs: SCAN_MS,
      inherited: new Map(),
    },
    context,
  );
  const labels = new Map(Object.entries(one.labels));
  tailer.setTargets(one.paths.map((path) => ({ path, exclude: one.exclude, labels })));
  tailer.start();
  return tailer;
}

function startJournal(context: SourceContext, stage: Stage): Source {
  const { source, format, directory, matches, maxAgeSeconds, labels } = context.config.journald;
  const reader = createJournalReader(
    {
      job: "journal",
      stage,
      line: journalLines(nativeLabels(new Map(Object.entries(labels))), false),
      source:
        source === "journalctl"
          ? {
              kind: "journalctl",
              program: source,
              directory,
              matches,
              maxAgeMs: maxAgeSeconds * 1000,
            }
          : { kind: "path", path: source, format },
    },
    context,
  );
  void reader.start();
  return reader;
}
