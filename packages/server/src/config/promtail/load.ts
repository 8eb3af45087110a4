/**
 * Loads a configuration of promtail unchanged: text in, jobs with their discoveries, relabelling and stages out, or an
 * error with file, line and column (`config_invalid`). What concerns another Loki (`clients`), promtail's own server
 * or its tracing means nothing here, and `ignored` says so.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { RelabelRule } from "@triptych/lang";
import {
  bool,
  checked,
  type Fields,
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
import { discoveryFields } from "../prometheus/discovery-config.ts";
import { otherDiscoveryFields } from "../prometheus/discovery-others.ts";
import { labelMap } from "../prometheus/labels.ts";
import { relabelRules, rulesOf } from "../prometheus/relabel-config.ts";
import { type Discovery, discoveryOf } from "../prometheus/scrape-config.ts";
import { createYamlReader, type Entry, type YamlReader } from "../prometheus/yaml-reader.ts";
import { expandEnv } from "./expand-env.ts";
import { anything, byteSize, goDuration } from "./go-scalars.ts";
import { pipelineStages, type StagePlan } from "./stages.ts";

const journal = struct("scrapeconfig.JournalTargetConfig", {
  max_age: goDuration(7 * 3_600_000),
  json: bool(),
  labels: labelMap,
  path: text(),
  matches: text(),
});
export type PromtailJournal = Of<typeof journal>;

const syslog = struct(
  "scrapeconfig.SyslogTargetConfig",
  {
    listen_address: text(),
    listen_protocol: text("tcp"),
    idle_timeout: goDuration(120_000),
    label_structured_data: bool(),
    labels: labelMap,
    use_incoming_timestamp: bool(),
    use_rfc5424_message: bool(),
    syslog_format: text("rfc5424"),
    max_message_length: byteSize(8192),
    tls_config: maybe(
      struct("promconfig.TLSConfig", {
        cert_file: text(),
        key_file: text(),
        ca_file: text(),
        server_name: text(),
        insecure_skip_verify: bool(),
        min_version: text(),
      }),
    ),
  },
  (config) => {
    if (config.listen_address === "") problem("syslog needs a listen_address");
    if (config.listen_protocol !== "tcp" && config.listen_protocol !== "udp")
      problem(`syslog listen_protocol must be tcp or udp, got ${config.listen_protocol}`);
    if (config.syslog_format !== "rfc5424" && config.syslog_format !== "rfc3164")
      problem(`syslog_format must be rfc5424 or rfc3164, got ${config.syslog_format}`);
    return config;
  },
);
export type PromtailSyslog = Of<typeof syslog>;

const decompression = struct(
  "scrapeconfig.DecompressionConfig",
  { enabled: bool(), initial_delay: goDuration(), format: text() },
  (config) => {
    if (config.enabled && !["gz", "z"].includes(config.format))
      problem(`decompression format must be gz or z, got ${JSON.stringify(config.format)}`);
    return config;
  },
);

/** Targets of promtail that we do not serve, and what to do instead. */
const unsupported: { readonly [key: string]: string } = {
  loki_push_api: "send to this server's own /loki/api/v1/push",
  gelf: "send with a shipper that speaks OTLP or Loki's push",
  gcplog: "send with a shipper that speaks OTLP",
  azure_event_hubs: "send with a shipper that speaks OTLP",
  azure_event_hub: "send with a shipper that speaks OTLP",
  windows_events: "Windows is not supported",
  kafka: "consume with a shipper that speaks OTLP or Loki's push",
  cloudflare: "send with a shipper that speaks OTLP",
  heroku_drain: "send with a shipper that speaks OTLP",
};

/** Ends the reading with what is not supported, named. */
function refusedTarget(key: string, advice: string): Kind<undefined> {
  return {
    initial: () => undefined,
    read: (reader, node) =>
      reader.isNull(node)
        ? undefined
        : reader.fail(node, `${key} of scrape_configs is not supported: ${advice}`),
  };
}
const refusedTargets: Fields = Object.fromEntries(
  Object.entries(unsupported).map(([key, advice]) => [key, refusedTarget(key, advice)]),
);

const scrapeFields = {
  job_name: text(),
  pipeline_stages: pipelineStages,
  entry_parser: anything,
  journal: maybe(journal),
  syslog: maybe(syslog),
  decompression,
  encoding: text(),
  relabel_configs: relabelRules("empty or null relabeling rule in scrape config"),
  ...discoveryFields,
  ...otherDiscoveryFields,
};
const scrape = struct("scrapeconfig.Config", { ...scrapeFields, ...refusedTargets });
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
