/**
 * What `prometheus.yml` asks for: targets that are scraped, and other stores that are written to. Without the file there
 * is nothing of it.
 */
import { appendFile } from "node:fs/promises";
import { compileRelabel } from "@triptych/lang";
import { asTriptychError, type SampleBatch } from "@triptych/model";
import { createReloadState, type ReloadState } from "../api/prometheus/reload-state.ts";
import {
  relabelStepsAnswer,
  scrapePoolConfigAnswer,
  scrapePoolsAnswer,
  targetMetadataAnswer,
  targetsAnswer,
} from "../api/prometheus/targets.ts";
import type { TargetsView } from "../api/prometheus/views.ts";
import { processFiles } from "../config/prometheus/config-files.ts";
import { loadPrometheusConfig, type PrometheusConfig } from "../config/prometheus/load.ts";
import type { RemoteWriteConfig } from "../config/prometheus/remote-config.ts";
import { createHttpTransport } from "../pipeline/remote-write-send/http-transport.ts";
import { createRemoteWriteMetrics } from "../pipeline/remote-write-send/metrics.ts";
import {
  createRemoteWriteSender,
  type RemoteWriteSender,
} from "../pipeline/remote-write-send/sender.ts";
import type { IngestNext } from "../receivers/next.ts";
import { createScrape, fingerprintOf, type PoolView } from "../receivers/scrape/manager.ts";
import { compileRegex } from "../regex/compile.ts";
import { systemClock as clock } from "../self/clock.ts";
import type { Core } from "./core.ts";
import type { RulesParts } from "./rules.ts";
import { VERSION } from "./status.ts";

const DRAIN_MS = 5_000;
const USER_AGENT = `Triptych/${VERSION}`;

export interface PrometheusParts {
  /** What was loaded last. */
  config(): PrometheusConfig;
  /** When a configuration was last read, and whether that went well. */
  readonly reloads: ReloadState;
  readonly targets: TargetsView;
  readonly pools: () => readonly PoolView[];
  /** Takes samples that became durable, for the stores that are written to. */
  readonly acknowledged: (batch: SampleBatch) => void;
  readonly start: () => void;
  /** Reads the file again; throws `config_invalid` and changes nothing when it is wrong. */
  reload(file: string): Promise<void>;
}

/** Throws `config_invalid` when the file is wrong. */
export function createPrometheusParts(core: Core): Omit<
  PrometheusParts,
  "start" | "targets" | "pools"
> & {
  /** The file is read first, so that a wrong one is told before anything is opened; targets come with the ingest. */
  readonly scrapeInto: (
    next: IngestNext,
  ) => Promise<Pick<PrometheusParts, "start" | "targets" | "pools">>;
  /** Hands over the rules of the file, now and on each reload. */
  readonly evaluate: (rules: RulesParts) => Promise<void>;
} {
  const read = (file: string): PrometheusConfig => {
    const config = loadPrometheusConfig(file, {
      files: file === "" ? noFiles : processFiles(process.env),
      warn: (message) => core.log("warn", message, { file }),
    });
    return config;
  };
  let current = read(core.config.prometheus.file);
  const reloads = createReloadState({ clock, metrics: core.metrics });
  const senders = createSenders(core);
  senders.apply(current);
  let applyTargets: (config: PrometheusConfig) => Promise<void> = () => Promise.resolve();
  let readRules: RulesParts["read"] = () => () => Promise.resolve();
  return {
    config: () => current,
    reloads,
    acknowledged: (batch) => senders.offer(batch),
    async reload(file) {
      try {
        const changed = read(file);
        const applyRules = readRules(changed);
        await applyTargets(changed);
        await applyRules();
        senders.apply(changed);
        current = changed;
        reloads.succeeded();
      } catch (error) {
        reloads.failed();
        throw error;
      }
    },
    async evaluate(rules) {
      readRules = rules.read;
      await rules.read(current)();
    },
    async scrapeInto(next) {
      const scrape = createScrape({
        clock,
        next,
        log: core.log,
        metrics: core.metrics,
        limits: core.limits,
        random: Math.random,
        compileRegex,
        env: process.env,
        userAgent: USER_AGENT,
        appendLine: (file, line) => appendFile(file, `${line}\n`),
        createdAsStart: core.config.prometheus.startTimeZeros,
      });
      core.onClose(() => scrape.close());
      applyTargets = (config) => scrape.apply(config);
      await scrape.apply(current);
      return {
        start: () => scrape.start(),
        pools: () => scrape.view(),
        targets: {
          targets: (params) => targetsAnswer(scrape.view(), params, new URL(core.externalUrl)),
          metadata: (params) => targetMetadataAnswer(scrape.view(), params, compileRegex),
          scrapePools: () => scrapePoolsAnswer(scrape.view()),
          scrapePoolConfig: (params) => scrapePoolConfigAnswer(scrape.view(), params),
          relabelSteps: (params) => relabelStepsAnswer(scrape.view(), params, compileRegex),
        },
      };
    },
  };
}

/** Without a file: an empty one. */
const noFiles = { readText: () => "", glob: () => [], env: () => undefined };

function createSenders(core: Core) {
  const metrics = createRemoteWriteMetrics(core.metrics);
  const running = new Map<string, RemoteWriteSender>();
  core.onClose(async () => {
    await Promise.all([...running.values()].map((sender) => sender.close(DRAIN_MS)));
  });
  const create = (config: RemoteWriteConfig, all: PrometheusConfig): RemoteWriteSender =>
    createRemoteWriteSender({
      clock,
      config,
      random: Math.random,
      metrics,
      log: core.log,
      externalLabels: [...all.global.external_labels],
      relabel: compileRelabel(config.write_relabel_configs, compileRegex),
      transport: createHttpTransport({
        url: config.url,
        headers: config.headers,
        client: config,
        roundRobinDns: config.round_robin_dns,
        random: Math.random,
        clock,
        env: process.env,
        userAgent: USER_AGENT,
      }),
    });
  return {
    offer(batch: SampleBatch): void {
      for (const sender of running.values()) sender.offer(batch);
    },
    /** Senders whose configuration did not change go on. */
    apply(config: PrometheusConfig): void {
      const wanted = new Map(
        config.remote_write.map((one) => [
          fingerprintOf([one, [...config.global.external_labels]]),
          one,
        ]),
      );
      for (const [key, one] of wanted) if (!running.has(key)) running.set(key, create(one, config));
      for (const [key, sender] of running) {
        if (wanted.has(key)) continue;
        running.delete(key);
        void sender.close(DRAIN_MS).catch((error: unknown) => {
          core.log("warn", "closing a remote write", { error: asTriptychError(error).message });
        });
      }
    },
  };
}
