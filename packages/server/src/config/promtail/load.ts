/**
 * Loads a configuration of promtail unchanged: text in, jobs with their discoveries, relabelling and stages out, or an
 * error with file, line and column (`config_invalid`). What concerns another Loki (`clients`), promtail's own server
 * or its tracing means nothing here, and `ignored` says so.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { RelabelRule } from "@triptych/lang";
import { discoveryFields } from "../prometheus/discovery-config.ts";
import { otherDiscoveryFields } from "../prometheus/discovery-others.ts";
import {
  bool,
  checked,
  float,
  fullList,
  integer,
  type Kind,
  list,
  map,
  maybe,
  type Of,
  problem,
  struct,
  text,
} from "../prometheus/kinds.ts";
import { labelMap } from "../prometheus/labels.ts";
import { relabelRules, rulesOf } from "../prometheus/relabel-config.ts";
import { type Discovery, discoveryOf } from "../prometheus/scrape-config.ts";
import {
  type ConfigProblem,
  createYamlReader,
  type Entry,
  type YamlReader,
} from "../prometheus/yaml-reader.ts";
import { expandEnv } from "./expand-env.ts";
import { anything, byteSize, goDuration } from "./go-scalars.ts";
import {
  gelf,
  lokiPush,
  type PromtailGelf,
  type PromtailPush,
  type PromtailSyslog,
  syslog,
  unservedTargets,
} from "./network-targets.ts";
import { pipelineStages, type StagePlan } from "./stages.ts";

const journal = struct("scrapeconfig.JournalTargetConfig", {
  max_age: goDuration(7 * 3_600_000),
  json: bool(),
  labels: labelMap,
  path: text(),
  matches: text(),
});
export type PromtailJournal = Of<typeof journal>;

const decompression = struct(
  "scrapeconfig.DecompressionConfig",
  { enabled: bool(), initial_delay: goDuration(), format: text() },
  (config) => {
    if (config.enabled && !["gz", "z"].includes(config.format))
      problem(`decompression format must be gz or z, got ${JSON.stringify(config.format)}`);
    return config;
  },
);

const scrapeFields = {
  job_name: text(),
  pipeline_stages: pipelineStages,
  entry_parser: anything,
  journal: maybe(journal),
  syslog: maybe(syslog),
  loki_push_api: maybe(lokiPush),
  gelf: maybe(gelf),
  decompression,
  encoding: text(),
  relabel_configs: relabelRules("empty or null relabeling rule in scrape config"),
  ...discoveryFields,
  ...otherDiscoveryFields,
};
const scrape = struct("scrapeconfig.Config", { ...scrapeFields, ...unservedTargets });
type GivenScrape = Of<ReturnType<typeof struct<typeof scrapeFields>>>;

const positions = struct("positions.Config", {
  filename: text("/var/log/positions.yaml"),
  sync_period: goDuration(10_000),
  ignore_invalid_yaml: bool(),
});

const limitsConfig = struct("limit.Config", {
  readline_rate: float(10_000),
  readline_burst: integer(10_000),
  readline_rate_enabled: bool(),
  readline_rate_drop: bool(true),
  max_streams: integer(),
  max_line_size: byteSize(),
  max_line_size_truncate: bool(),
});
export type PromtailLimits = Of<typeof limitsConfig>;

/** Of a client only its labels matter: they are part of what queries ask for. */
const client: Kind<ReadonlyMap<string, string>> = {
  initial: () => new Map(),
  read(reader, node) {
    const labels = reader
      .entries(node, "client.Config")
      .find(({ key }: Entry) => key === "external_labels");
    return labels === undefined ? new Map() : labelMap.read(reader, labels.value);
  },
};

const main = struct("config.Config", {
  global: anything,
  server: anything,
  client: maybe(client),
  clients: list(client),
  positions,
  scrape_configs: fullList(scrape as unknown as Kind<GivenScrape>, "empty scrape config section"),
  target_config: maybe(
    struct("file.Config", {
      sync_period: goDuration(10_000),
      stdin: bool(),
      watch_config: anything,
    }),
  ),
  limits_config: limitsConfig,
  options: maybe(struct("config.Options", { stream_lag_labels: text() })),
  tracing: anything,
  file_watch: maybe(map(goDuration())),
  wal: anything,
});

export interface PromtailJob {
  readonly name: string;
  readonly discovery: Discovery;
  readonly relabel: readonly RelabelRule[];
  readonly stages: readonly StagePlan[];
  readonly journal: PromtailJournal | undefined;
  readonly syslog: PromtailSyslog | undefined;
  readonly lokiPush: PromtailPush | undefined;
  readonly gelf: PromtailGelf | undefined;
  readonly decompression: { readonly format: "gz" | "z"; readonly delayMs: number } | undefined;
  /** An IANA name; "" is UTF-8. */
  readonly encoding: string;
}

export interface PromtailConfig {
  readonly file: string;
  readonly jobs: readonly PromtailJob[];
  /** Of the first client that has some. */
  readonly externalLabels: ReadonlyMap<string, string>;
  /** Where promtail kept its positions: read once, so that what it sent is not sent again. */
  readonly positionsFile: string;
  readonly limits: PromtailLimits;
  /** How often targets are looked for. */
  readonly syncPeriodMs: number;
  /** Parts of the file that do nothing here, each with its reason. */
  readonly ignored: readonly string[];
  /** Targets and stages that gave lines, or changed them, and do not here: with their places. */
  readonly unserved: readonly ConfigProblem[];
}

export interface PromtailOptions {
  readonly expandEnv: boolean;
  readonly env: (name: string) => string | undefined;
}

/** Throws `config_invalid`, or as `fs` does for the file itself. */
export function loadPromtailConfig(file: string, options: PromtailOptions): PromtailConfig {
  return parsePromtailConfig(readFileSync(file, "utf8"), file, options);
}

export function parsePromtailConfig(
  given: string,
  file: string,
  { expandEnv: expands, env }: PromtailOptions,
): PromtailConfig {
  const reader = createYamlReader(expands ? expandEnv(given, env) : given, file, dirname(file));
  const read = main.read(reader, reader.root);
  reader.finish();
  return checked(reader, reader.root, () => {
    const jobs = read.scrape_configs.map((one, i) => jobOf(one, i));
    checkEncodings(jobs, reader);
    const clients = [...(read.client === undefined ? [] : [read.client]), ...read.clients];
    return {
      file,
      jobs,
      externalLabels: clients.find(({ size }) => size > 0) ?? new Map(),
      positionsFile: read.positions.filename,
      limits: read.limits_config,
      syncPeriodMs: read.target_config?.sync_period ?? 10_000,
      ignored: ignoredOf(read, clients.length),
      unserved: reader.remarks(),
    };
  });
}

function jobOf(one: GivenScrape, index: number): PromtailJob {
  const { decompression: packed } = one;
  return {
    name: one.job_name || `job ${index + 1}`,
    discovery: discoveryOf(withHosts(one)),
    relabel: rulesOf(one.relabel_configs, "utf8"),
    stages: one.pipeline_stages,
    journal: one.journal,
    syslog: one.syslog,
    lokiPush: one.loki_push_api,
    gelf: one.gelf,
    decompression: packed.enabled
      ? { format: packed.format as "gz" | "z", delayMs: packed.initial_delay }
      : undefined,
    encoding: one.encoding,
  };
}

/** Static groups of files need no target: it is always this host. */
function withHosts(one: GivenScrape): GivenScrape {
  const groups = one.static_configs.map((group) =>
    group.targets.length > 0 ? group : { ...group, targets: ["localhost"] },
  );
  return { ...one, static_configs: groups };
}

function checkEncodings(jobs: readonly PromtailJob[], reader: YamlReader): void {
  for (const { encoding, name } of jobs)
    if (encoding !== "" && !isEncoding(encoding))
      reader.fail(reader.root, `job ${name}: unknown encoding ${JSON.stringify(encoding)}`);
}

/** Whether the runtime can decode it. */
export function isEncoding(name: string): boolean {
  try {
    new TextDecoder(name);
    return true;
  } catch {
    return false;
  }
}

function ignoredOf(read: Of<typeof main>, clients: number): string[] {
  const out: string[] = [];
  if (clients > 0)
    out.push("clients: lines are kept here; only their external_labels are taken over");
  if (read.server) out.push("server: this process has its own ports");
  if (read.tracing) out.push("tracing: this process traces itself");
  if (read.wal) out.push("wal: the journal keeps what was read");
  if (read.target_config?.stdin === true)
    out.push("target_config.stdin: standard input is not read");
  if (read.limits_config.max_streams > 0)
    out.push("limits_config.max_streams: there is no limit of streams here");
  return out;
}
