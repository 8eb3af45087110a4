/**
 * Built-in collectors as the configuration asks for them: this host, its containers, MySQL and Redis servers. Each
 * hands on a batch per interval with `up` and its like, as a scraped target would.
 */
import { hostname } from "node:os";
import type { Clock, Limits } from "@triptych/model";
import type { CollectConfig } from "../config/collect-schema.ts";
import type { Log } from "../self/log.ts";
import type { Metrics } from "../self/metrics.ts";
import { createCgroupCollector, hasCgroups } from "./cgroup/cgroup.ts";
import { type Collector, createCollectorLoop } from "./collector/collector.ts";
import { createHostCollector, hasHost } from "./host/host.ts";
import { createMysqlCollector } from "./mysql/mysql.ts";
import type { IngestNext } from "./next.ts";
import { createRedisCollector } from "./redis/redis.ts";
import type { ScrapeLoop } from "./scrape/loop.ts";
import type { ScrapeOutcome } from "./scrape/scrape-target.ts";

export interface CollectorsDeps {
  readonly clock: Clock;
  readonly next: IngestNext;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: Limits;
  readonly config: CollectConfig;
}

export interface Collectors {
  start(): void;
  /** Stops; what is under way is waited for. Safe to call twice. */
  close(): Promise<void>;
}

/** Longer than this no collection may take, however rare it is. */
const TIMEOUT_MS_MAX = 30_000;

interface Wanted {
  readonly collector: Collector;
  readonly settings: {
    readonly intervalSeconds: number;
    readonly job: string;
    readonly instance: string;
    readonly labels: { readonly [name: string]: string };
  };
  readonly instance: string;
}

/** Throws `config_invalid` when an address of a server is none. */
export function createCollectors(deps: CollectorsDeps): Collectors {
  const { log, metrics } = deps;
  const collections = metrics.counter(
    "triptych_collections_total",
    "Collections of the built-in collectors.",
    "kind",
  );
  const failures = metrics.counter(
    "triptych_collection_failures_total",
    "Collections that failed, or whose samples were lost.",
    "kind",
  );
  const said = new Map<Collector, string>();
  /** Says what is new: a server that is down for a day is one line. */
  const tell = (
    { kind, address }: Pick<Collector, "kind" | "address">,
    key: Collector,
    text: string,
  ): void => {
    if (said.get(key) === text) return;
    said.set(key, text);
    if (text === "") log("info", "collecting works again", { kind, address });
    else log("warn", `collecting failed: ${text}`, { kind, address });
  };
  const failed = new Set<Collector>();
  const onOutcome = (collector: Collector, outcome: ScrapeOutcome): void => {
    collections.add(1, collector.kind);
    const problem = outcome.error !== "" ? outcome.error : (outcome.lost?.message ?? "");
    const serverFailed = failed.delete(collector);
    if (problem !== "" || serverFailed) failures.add(1, collector.kind);
    if (problem !== "") tell(collector, collector, problem);
    else if (!serverFailed && said.has(collector)) {
      tell(collector, collector, "");
      said.delete(collector);
    }
  };
  const all = wantedOf(deps, (collector, message) => {
    failed.add(collector);
    tell(collector, collector, message);
  });
  const loops: readonly ScrapeLoop[] = all.map(({ collector, settings, instance }) => {
    const intervalMs = settings.intervalSeconds * 1000;
    const labels = new Map(Object.entries(settings.labels).filter(([, value]) => value !== ""));
    labels.set("job", settings.job).set("instance", settings.instance || instance);
    const times = { intervalMs, timeoutMs: Math.min(intervalMs, TIMEOUT_MS_MAX), labels };
    return createCollectorLoop(collector, times, { ...deps, onOutcome });
  });
  return {
    start() {
      for (const loop of loops) loop.start();
    },
    async close() {
      await Promise.all(loops.map((loop) => loop.stop()));
      await Promise.all(all.map(({ collector }) => collector.close()));
    },
  };
}

function wantedOf(
  { clock, config }: CollectorsDeps,
  onFailure: (collector: Collector, message: string) => void,
): readonly Wanted[] {
  const wanted: Wanted[] = [];
  const { host, cgroup, mysql, redis } = config;
  if (host.enabled && hasHost())
    wanted.push({
      collector: createHostCollector(host, clock),
      settings: host,
      instance: hostname(),
    });
  if (cgroup.enabled && hasHost() && hasCgroups(cgroup.root))
    wanted.push({
      collector: createCgroupCollector(cgroup, clock),
      settings: cgroup,
      instance: hostname(),
    });
  const server = (
    settings: Wanted["settings"],
    create: (failed: (message: string) => void) => Collector,
  ): void => {
    const collector: Collector = create((message) => onFailure(collector, message));
    wanted.push({ collector, settings, instance: collector.address });
  };
  for (const one of mysql)
    server(one, (failed) => createMysqlCollector(one, { clock, onFailure: failed }));
  for (const one of redis)
    server(one, (failed) => createRedisCollector(one, { clock, onFailure: failed }));
  return wanted;
}
