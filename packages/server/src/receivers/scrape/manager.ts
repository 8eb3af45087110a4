/**
 * Scraping as `prometheus.yml` says: pools of targets per job, fed by discovery. A new configuration takes over while
 * jobs that did not change go on, and targets of jobs that did keep what is known of their series.
 */
import { createHash } from "node:crypto";
import type { CompileRegex } from "@triptych/lang";
import type { Clock, Limits } from "@triptych/model";
import type { HttpClientConfig } from "../../config/prometheus/http-client.ts";
import type { PrometheusConfig } from "../../config/prometheus/load.ts";
import type { ScrapeConfig } from "../../config/prometheus/scrape-config.ts";
import { isSecret } from "../../config/prometheus/secret.ts";
import type { Log } from "../../self/log.ts";
import type { Metrics } from "../../self/metrics.ts";
import {
  createDiscoverySet,
  type DiscoveryProblem,
  type DiscoverySet,
} from "../discovery/discovery-set.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import type { IngestNext } from "../next.ts";
import { createHttpClient, type HttpClient } from "../../http-client/client.ts";
import { createScrapeCounters } from "./counters.ts";
import type { ScrapeLoop } from "./loop.ts";
import { createPool, type DroppedTarget, type PoolDeps, type ScrapePool } from "./pool.ts";

export interface ScrapeManagerDeps {
  readonly clock: Clock;
  readonly next: IngestNext;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: Limits;
  /** Of OpenMetrics: `…_created` is a start time, not a series; goes with `pipeline/start-time-zeros.ts`. */
  readonly createdAsStart?: boolean | undefined;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly compileRegex: CompileRegex;
  readonly env: { readonly [name: string]: string | undefined };
  /** How we name ourselves to targets, such as `Triptych/1.0`. */
  readonly userAgent: string;
  /** Adds a line to a file: `scrape_failure_log_file`. */
  readonly appendLine: (file: string, line: string) => Promise<void>;
}

export interface PoolView {
  readonly name: string;
  readonly config: ScrapeConfig;
  readonly active: readonly ScrapeLoop[];
  readonly dropped: readonly DroppedTarget[];
  readonly droppedCount: number;
  /** Discoveries that do not work, and targets that could not be made. */
  readonly problems: readonly DiscoveryProblem[];
}

export interface ScrapeManager {
  /** Takes over a configuration; resolves when all its pools run. Calls run one after another. */
  apply(config: PrometheusConfig): Promise<void>;
  /** Pools that were applied begin to discover and scrape. */
  start(): void;
  /** Sorted by name. */
  view(): readonly PoolView[];
  close(): Promise<void>;
}

interface Running {
  readonly fingerprint: string;
  readonly discoveryFingerprint: string;
  readonly pool: ScrapePool;
  readonly discovery: DiscoverySet;
  /** Where groups go: the pool of this name at the time. */
  readonly groups: { last: readonly TargetGroup[] | undefined };
}

export function createScrape(deps: ScrapeManagerDeps): ScrapeManager {
  const running = new Map<string, Running>();
  const counters = createScrapeCounters(deps, () => [...running.values()].map(({ pool }) => pool));
  let isStarted = false;
  let closed = false;
  let turn: Promise<void> = Promise.resolve();

  const createClient = (config: HttpClientConfig): HttpClient =>
    createHttpClient(config, { clock: deps.clock, env: deps.env, userAgent: deps.userAgent });
  const poolDeps = (config: PrometheusConfig, job: ScrapeConfig): PoolDeps => ({
    ...deps,
    createClient,
    outOfOrderMs: config.storage.tsdb.out_of_order_time_window,
    offsetSeed: seedOf(config),
    onOutcome: (target, outcome) => counters.outcome(job, target, outcome),
    isScraped: (key) => [...running.values()].some(({ pool }) => pool.has(key)),
    onProblem: (name, problem) => deps.log("warn", problem, { job: name }),
  });
  const discover = (name: string, job: ScrapeConfig): Pick<Running, "discovery" | "groups"> => {
    const groups: Running["groups"] = { last: undefined };
    const discovery = createDiscoverySet(job.discovery, {
      ...deps,
      createClient,
      failed(key, message) {
        counters.discoveryFailed(key);
        deps.log("warn", `discovery: ${message}`, { job: name, discovery: key });
      },
    });
    return { discovery, groups };
  };
  const startDiscovery = (name: string, { discovery, groups }: Running): void =>
    discovery.start((given) => {
      groups.last = given;
      void running.get(name)?.pool.sync(given);
    });
  const replace = async (
    name: string,
    job: ScrapeConfig,
    config: PrometheusConfig,
  ): Promise<void> => {
    const fingerprint = fingerprintOf([job, config.storage.tsdb, seedOf(config)]);
    const discoveryFingerprint = fingerprintOf(job.discovery);
    const before = running.get(name);
    if (before?.fingerprint === fingerprint) return;
    const former = before === undefined ? new Map() : await before.pool.handOver();
    const pool = createPool(job, poolDeps(config, job), former);
    const keeps = before?.discoveryFingerprint === discoveryFingerprint;
    if (!keeps) before?.discovery.close();
    const source = keeps && before !== undefined ? before : discover(name, job);
    const entry: Running = {
      fingerprint,
      discoveryFingerprint,
      pool,
      discovery: source.discovery,
      groups: source.groups,
    };
    running.set(name, entry);
    if (!isStarted) return;
    if (!keeps) startDiscovery(name, entry);
    else if (entry.groups.last !== undefined) await pool.sync(entry.groups.last);
  };
  const apply = async (config: PrometheusConfig): Promise<void> => {
    if (closed) return;
    const jobs = new Map(config.scrape_configs.map((job) => [job.job_name, job]));
    for (const [name, { pool, discovery }] of running) {
      if (jobs.has(name)) continue;
      discovery.close();
      running.delete(name);
      pool.end();
    }
    for (const [name, job] of jobs) await replace(name, job, config);
  };
  return {
    apply(config) {
      const result = turn.then(() => apply(config));
      turn = result.catch(() => {});
      return result;
    },
    start() {
      if (isStarted) return;
      isStarted = true;
      for (const [name, entry] of running) startDiscovery(name, entry);
    },
    view: () =>
      [...running]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { pool, discovery }]) => viewOf(name, pool, discovery)),
    async close() {
      closed = true;
      await turn;
      for (const { discovery } of running.values()) discovery.close();
      await Promise.all([...running.values()].map(({ pool }) => pool.close()));
      running.clear();
    },
  };
}

function viewOf(name: string, pool: ScrapePool, discovery: DiscoverySet): PoolView {
  const { targets, count } = pool.dropped();
  return {
    name,
    config: pool.config,
    active: [...pool.loops()].sort((a, b) => (a.target.url < b.target.url ? -1 : 1)),
    dropped: targets,
    droppedCount: count,
    problems: [
      ...discovery.problems(),
      ...pool.failures().map((message) => ({ discovery: "targets", message })),
    ],
  };
}

/** Processes with other external labels scrape the same targets at other times. */
function seedOf({ global }: PrometheusConfig): number {
  const text = JSON.stringify([...global.external_labels]);
  return createHash("sha256").update(text).digest().readUIntBE(0, 6);
}

/** Equal for equal configurations; secrets count, and cannot be read back. */
export function fingerprintOf(value: unknown): string {
  const text = JSON.stringify(plain(value));
  return createHash("sha256").update(text).digest("hex");
}

function plain(value: unknown): unknown {
  if (isSecret(value)) return value.reveal();
  if (typeof value === "bigint") return String(value);
  if (value instanceof Map) return [...value].map(([key, one]) => [key, plain(one)]);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
