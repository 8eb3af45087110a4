/** `scrape_configs`: a job as written, and as it is once `global` filled what it left out. */
import type { NameScheme } from "@triptych/lang";
import {
  type DiscoveryConfigs,
  type DiscoveryKey,
  discoveryFields,
  type StaticGroup,
} from "./discovery-config.ts";
import { otherDiscoveryFields, otherDiscoveryKeys } from "./discovery-others.ts";
import {
  checkProtocol,
  checkProtocols,
  defaultProtocols,
  type Escaping,
  escapings,
  type GlobalConfig,
  nameScheme,
  type ScrapeProtocol,
  scrapeLimitFields,
} from "./global-config.ts";
import { checkHttpClient, httpClientFields } from "./http-client.ts";
import {
  bool,
  checked,
  count,
  float,
  type Kind,
  list,
  map,
  maybeBool,
  maybeList,
  type Of,
  Problem,
  path,
  problem,
  struct,
  text,
} from "./kinds.ts";
import { type GivenRule, relabelRules, rulesOf } from "./relabel-config.ts";
import { duration } from "./scalars.ts";
import type { YamlNode, YamlReader } from "./yaml-reader.ts";

const fields = {
  job_name: text(),
  honor_labels: bool(),
  honor_timestamps: bool(true),
  track_timestamps_staleness: bool(),
  params: map(list(text())),
  scrape_interval: duration(),
  scrape_timeout: duration(),
  scrape_protocols: maybeList(text()),
  fallback_scrape_protocol: text(),
  scrape_native_histograms: maybeBool,
  always_scrape_classic_histograms: maybeBool,
  convert_classic_histograms_to_nhcb: maybeBool,
  scrape_failure_log_file: path,
  metrics_path: text("/metrics"),
  scheme: text("http"),
  enable_compression: bool(true),
  ...scrapeLimitFields,
  native_histogram_bucket_limit: count(),
  native_histogram_min_bucket_factor: float(),
  metric_name_validation_scheme: nameScheme,
  metric_name_escaping_scheme: text(),
  extra_scrape_metrics: maybeBool,
  ...discoveryFields,
  ...otherDiscoveryFields,
  ...httpClientFields,
  relabel_configs: relabelRules("empty or null target relabeling rule in scrape config"),
  metric_relabel_configs: relabelRules("empty or null metric relabeling rule in scrape config"),
};

const given = struct("config.ScrapeConfig", fields, (config) => {
  if (config.job_name === "") problem("job_name is empty");
  if (config.relabel_configs.length === 0) checkStaticTargets(config.static_configs);
  return checkHttpClient(config);
});
type GivenScrape = Of<typeof given>;

/** People write addresses with a scheme or path where a host and port belong. Throws a `Problem`. */
export function checkStaticTargets(groups: readonly StaticGroup[]): void {
  for (const { targets } of groups) for (const target of targets) checkTargetAddress(target);
}

export function checkTargetAddress(address: string): void {
  if (address.includes("/")) problem(`${JSON.stringify(address)} is not a valid hostname`);
}

/** A job as written: `resolve` fills what it leaves out. */
export interface ReadScrape {
  readonly jobName: string;
  readonly node: YamlNode;
  resolve(global: GlobalConfig): ScrapeConfig;
}

/** A job, complete. Durations in milliseconds, sizes in bytes, limits 0 for none. */
export interface ScrapeConfig
  extends Omit<
    GivenScrape,
    | "relabel_configs"
    | "metric_relabel_configs"
    | "scrape_protocols"
    | "fallback_scrape_protocol"
    | "scrape_native_histograms"
    | "always_scrape_classic_histograms"
    | "convert_classic_histograms_to_nhcb"
    | "extra_scrape_metrics"
    | "metric_name_validation_scheme"
    | "metric_name_escaping_scheme"
    | DiscoveryKey
    | keyof typeof otherDiscoveryFields
  > {
  readonly relabel_configs: readonly GivenRule[];
  readonly metric_relabel_configs: readonly GivenRule[];
  readonly scrape_protocols: readonly ScrapeProtocol[];
  readonly fallback_scrape_protocol: ScrapeProtocol | "";
  readonly scrape_native_histograms: boolean;
  readonly always_scrape_classic_histograms: boolean;
  readonly convert_classic_histograms_to_nhcb: boolean;
  readonly extra_scrape_metrics: boolean;
  readonly metric_name_validation_scheme: NameScheme;
  readonly metric_name_escaping_scheme: Escaping;
  readonly discovery: Discovery;
  /** It stands in one of `scrape_config_files`. */
  readonly isOfFile?: boolean;
}

export interface Discovery {
  readonly configs: DiscoveryConfigs;
  /** Keys of discoveries that are configured and that we do not run. */
  readonly unsupported: readonly string[];
}

/** The discoveries among the keys of a job or of an Alertmanager. */
export function discoveryOf(
  config: DiscoveryConfigs & { readonly [key: string]: unknown },
): Discovery {
  const pick = <K extends DiscoveryKey>(key: K): [K, DiscoveryConfigs[K]] => [key, config[key]];
  const keys = Object.keys(discoveryFields) as DiscoveryKey[];
  return {
    configs: Object.fromEntries(keys.map(pick)) as unknown as DiscoveryConfigs,
    unsupported: otherDiscoveryKeys.filter((key) => (config[key] as readonly unknown[]).length > 0),
  };
}

const discoveryKeys = new Set<string>([...Object.keys(discoveryFields), ...otherDiscoveryKeys]);

/** The rest of the keys: discoveries are under `discovery`. */
export function withoutDiscoveries<T extends object>(
  config: T,
): Omit<T, DiscoveryKey | keyof typeof otherDiscoveryFields> {
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => !discoveryKeys.has(key)),
  ) as Omit<T, DiscoveryKey | keyof typeof otherDiscoveryFields>;
}

export const scrapeConfig: Kind<ReadScrape> = {
  initial: () => problem("a job has no initial value"),
  read(reader: YamlReader, node: YamlNode) {
    const config = given.read(reader, node);
    return {
      jobName: config.job_name,
      node,
      resolve: (global) => checked(reader, node, () => resolve(config, global)),
    };
  },
};

function resolve(job: GivenScrape, global: GlobalConfig): ScrapeConfig {
  const where = `for scrape config with job name ${JSON.stringify(job.job_name)}`;
  const interval = job.scrape_interval || global.scrape_interval;
  if (job.scrape_timeout > interval)
    problem(`scrape timeout greater than scrape interval ${where}`);
  const withNative = job.scrape_native_histograms ?? global.scrape_native_histograms;
  const scheme = job.metric_name_validation_scheme || global.metric_name_validation_scheme;
  const limits = Object.fromEntries(
    Object.keys(scrapeLimitFields).map((key) => {
      const limit = key as keyof typeof scrapeLimitFields;
      return [limit, job[limit] || global[limit]];
    }),
  ) as { readonly [K in keyof typeof scrapeLimitFields]: number };
  return {
    ...withoutDiscoveries(job),
    ...limits,
    discovery: discoveryOf(job),
    scrape_interval: interval,
    scrape_timeout: job.scrape_timeout || Math.min(global.scrape_timeout, interval),
    scrape_failure_log_file: job.scrape_failure_log_file || global.scrape_failure_log_file,
    scrape_native_histograms: withNative,
    extra_scrape_metrics: job.extra_scrape_metrics ?? global.extra_scrape_metrics,
    scrape_protocols: checkProtocols(
      job.scrape_protocols ?? global.scrape_protocols ?? defaultProtocols(withNative),
      where,
    ),
    fallback_scrape_protocol: fallbackOf(job, where),
    metric_name_validation_scheme: scheme,
    metric_name_escaping_scheme: escapingOf(job, global, scheme),
    always_scrape_classic_histograms:
      job.always_scrape_classic_histograms ?? global.always_scrape_classic_histograms,
    convert_classic_histograms_to_nhcb:
      job.convert_classic_histograms_to_nhcb ?? global.convert_classic_histograms_to_nhcb,
    relabel_configs: rulesOf(job.relabel_configs, scheme),
    metric_relabel_configs: rulesOf(job.metric_relabel_configs, scheme),
  };
}

function fallbackOf(job: GivenScrape, where: string): ScrapeProtocol | "" {
  const wanted = job.fallback_scrape_protocol;
  if (wanted === "") return "";
  try {
    return checkProtocol(wanted);
  } catch (error) {
    if (error instanceof Problem)
      return problem(`invalid fallback_scrape_protocol ${where}: ${error.message}`);
    throw error;
  }
}

function escapingOf(job: GivenScrape, global: GlobalConfig, scheme: NameScheme): Escaping {
  const defaultFor = (of: NameScheme): Escaping =>
    of === "legacy" ? "underscores" : "allow-utf-8";
  const ofGlobal = known(
    global.metric_name_escaping_scheme || defaultFor(global.metric_name_validation_scheme),
    "global",
  );
  const inherited = job.metric_name_validation_scheme === "" ? ofGlobal : defaultFor(scheme);
  const escaping = known(job.metric_name_escaping_scheme || inherited, "scrape config");
  if (escaping === "allow-utf-8" && scheme !== "utf8")
    problem("utf8 metric names requested but validation scheme is not set to UTF8");
  return escaping;
}

function known(wanted: string, whose: string): Escaping {
  return (
    escapings.find((one) => one === wanted) ??
    problem(
      `unknown ${whose} name escaping method specified, must be one of 'allow-utf-8', 'underscores', 'dots', or 'values', got ${JSON.stringify(wanted)}`,
    )
  );
}
