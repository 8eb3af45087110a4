/**
 * Log lines that are fetched rather than sent: files, containers' logs and systemd's journal, as the configuration and
 * promtail's files ask for them. All keep their positions in one file in the data directory.
 */
import { join } from "node:path";
import { compileRelabel, type RelabelRule } from "@triptych/lang";
import { defaultHttpClient } from "../config/prometheus/http-client.ts";
import type { LogSourcesConfig } from "../config/log-sources-schema.ts";
import {
  loadPromtailConfig,
  type PromtailConfig,
  type PromtailSyslog,
} from "../config/promtail/load.ts";
import { nativePlans } from "../config/promtail/native-stages.ts";
import type { StagePlan } from "../config/promtail/stages.ts";
import { createListedDockerLogs } from "./docker-logs/docker-logs.ts";
import { createFileCounters } from "./files/counters.ts";
import { createFileTailer } from "./files/tailer.ts";
import { createJournalReader } from "./journal/journal.ts";
import { journalLines, nativeLabels } from "./journal/journal-lines.ts";
import { openPositions } from "./log-lines/positions.ts";
import type { LogSourcesDeps, Source, SourceContext } from "./log-lines/source.ts";
import type { Stage, StageDeps } from "./log-stages/entry.ts";
import { compileStages } from "./log-stages/pipeline.ts";
import { createStageMetrics } from "./log-stages/stage-metrics.ts";
import { startPromtailJob } from "./promtail-job.ts";

/** A job of promtail that listens for syslog: who serves syslog takes it from here. */
export interface SyslogJob {
  readonly job: string;
  readonly config: PromtailSyslog;
  readonly relabel: readonly RelabelRule[];
  readonly stages: readonly StagePlan[];
  readonly externalLabels: ReadonlyMap<string, string>;
}

export type { LogSourcesDeps } from "./log-lines/source.ts";

export interface LogSources {
  readonly syslog: readonly SyslogJob[];
  /** Metrics that `metrics` stages made, to be shown with our own. */
  renderMetrics(): string;
  /** Opens the positions and begins to read. Rejects when the data directory cannot be used. */
  start(): Promise<void>;
  /** Ends; what was read and not stored is read again. Safe to call twice. */
  close(): Promise<void>;
}

/** Throws `config_invalid` with file, line and column when promtail's files or stages are wrong. */
export function createLogSources(deps: LogSourcesDeps): LogSources {
  const { config, clock } = deps;
  const metrics = createStageMetrics(clock);
  const counters = createFileCounters(deps.metrics);
  const stageDeps: StageDeps = {
    clock,
    random: deps.random,
    metrics,
    dropped: (reason) => counters.dropped.add(1, reason),
  };
  const promtail = config.promtail.files.map((file) => readPromtail(file, deps));
  // Compiled here and again for each run, so that what is wrong is told before anything is opened.
  for (const { jobs } of promtail)
    for (const { stages, relabel } of jobs) {
      compileStages(stages, stageDeps);
      compileRelabel(relabel, deps.compileRegex);
    }
  const native = nativeStages(config, stageDeps);
  const sources: Source[] = [];
  return {
    syslog: promtail.flatMap(syslogJobs),
    renderMetrics: () => metrics.render(),
    async start() {
      if (isIdle(config)) return;
      const positions = await openPositions(join(deps.dataDirectory, "positions.json"), (message) =>
        deps.problems.raise("positions", message, 0),
      );
      const context: SourceContext = { ...deps, positions, counters, stageDeps };
      for (const one of promtail)
        for (const job of one.jobs) sources.push(...(await startPromtailJob(job, one, context)));
      sources.push(...startNative(context, native));
    },
    async close() {
      await Promise.all(sources.splice(0).map((source) => source.close()));
    },
  };
}

function isIdle({ promtail, files, dockerLogs, journald }: LogSourcesConfig): boolean {
  return (
    promtail.files.length === 0 && files.length === 0 && !dockerLogs.enabled && !journald.enabled
  );
}

function readPromtail(file: string, deps: LogSourcesDeps): PromtailConfig {
  const { expandEnv } = deps.config.promtail;
  const read = loadPromtailConfig(file, { expandEnv, env: (name) => deps.env[name] });
  for (const one of read.ignored)
    deps.log("info", `of promtail's file is not used: ${one}`, { file });
  return read;
}

function syslogJobs({ jobs, externalLabels }: PromtailConfig): SyslogJob[] {
  return jobs.flatMap(({ name, syslog, relabel, stages }) =>
    syslog === undefined ? [] : [{ job: name, config: syslog, relabel, stages, externalLabels }],
  );
}

interface NativeStages {
  /** Undefined for files whose lines are sent as they are. */
  readonly files: readonly (Stage | undefined)[];
  readonly docker: Stage;
  readonly journal: Stage;
}

function nativeStages(config: LogSourcesConfig, deps: StageDeps): NativeStages {
  const compile = (plans: readonly StagePlan[]): Stage => compileStages(plans, deps);
  return {
    files: config.files.map((one, i) => {
      const plans = nativePlans(`files.${i}`, one);
      return plans.length === 0 ? undefined : compile(plans);
    }),
    docker: compile(nativePlans("dockerLogs", { ...config.dockerLogs, format: "plain" })),
    journal: compile(
      nativePlans("journal", { ...config.journald, format: "plain", multiline: "" }),
    ),
  };
}

function startNative(context: SourceContext, stages: NativeStages): Source[] {
  const { config } = context;
  const sources: Source[] = startFiles(context, stages.files);
  if (config.dockerLogs.enabled) {
    const { host, containers, exclude, labels } = config.dockerLogs;
    const logs = createListedDockerLogs(
      host,
      { containers, exclude, labels: new Map(Object.entries(labels)) },
      { ...context, client: defaultHttpClient(), stage: stages.docker, job: "docker" },
    );
    logs.start();
    sources.push(logs);
  }
  if (config.journald.enabled) sources.push(startJournal(context, stages.journal));
  return sources;
}

const SCAN_MS = 5000;

function startFiles(context: SourceContext, stages: readonly (Stage | undefined)[]): Source[] {
  return context.config.files.map((one, i) => {
    const tailer = createFileTailer(
      {
        job: `files ${one.paths.join(",")}`,
        stage: stages[i],
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
  });
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
