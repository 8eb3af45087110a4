/**
 * Loads `prometheus.yml`: text and the files it names in, a complete configuration out, or an error in Prometheus'
 * words with file, line and column (`config_invalid`). Files and environment are handed in. Followed: Prometheus 3.x.
 */
import { dirname } from "node:path";
import { type GlobalConfig, globalConfig } from "./global-config.ts";
import {
  checked,
  fullList,
  inDirectory,
  type Kind,
  list,
  type Of,
  Problem,
  problem,
  struct,
} from "./kinds.ts";
import { filledText } from "./filled-text.ts";
import { type GivenRule, rulesOf } from "./relabel-config.ts";
import {
  type RemoteReadConfig,
  type RemoteWriteConfig,
  remoteRead,
  remoteWrite,
} from "./remote-config.ts";
import {
  discoveryOf,
  type ScrapeConfig,
  scrapeConfig,
  withoutDiscoveries,
} from "./scrape-config.ts";
import { type AlertmanagerConfig, alerting, otlp, runtime, storage, tracing } from "./sections.ts";
import { createYamlReader, type YamlReader } from "./yaml-reader.ts";

export interface ConfigFiles {
  /** Throws as `fs` does. */
  readText(file: string): string;
  /** Files whose path matches a pattern with `*` in its last part, sorted. */
  glob(pattern: string): readonly string[];
  /** A variable of the environment. */
  env(name: string): string | undefined;
}

export interface LoadOptions {
  readonly files: ConfigFiles;
  /** An agent has no rules, alerts and remote reads. */
  readonly agentMode?: boolean;
  /** Told of what is not wrong, but likely a mistake. */
  readonly warn?: (message: string) => void;
}

export interface PrometheusConfig {
  readonly file: string;
  readonly global: GlobalConfig;
  readonly runtime: Of<typeof runtime>;
  readonly alerting: {
    readonly alert_relabel_configs: readonly GivenRule[];
    readonly alertmanagers: readonly AlertmanagerConfig[];
  };
  /** Absolute or relative to the process, possibly with `*`. */
  readonly rule_files: readonly string[];
  readonly scrape_config_files: readonly string[];
  /** Those of `scrape_config_files` too. */
  readonly scrape_configs: readonly ScrapeConfig[];
  readonly storage: Of<typeof storage>;
  readonly tracing: Of<typeof tracing>;
  readonly remote_write: readonly RemoteWriteConfig[];
  readonly remote_read: readonly RemoteReadConfig[];
  readonly otlp: Of<typeof otlp>;
  /** The file as it may be shown: with defaults, without secrets. */
  readonly text: string;
}

const PATH_PATTERN = /^[^*]*(?:\*[^/]*)?$/;

/** Paths that may have a `*` in their last part. */
function patterns(what: string): Kind<readonly string[]> {
  const one: Kind<string> = {
    initial: () => "",
    read(reader, node) {
      const given = reader.text(node, "string") ?? "";
      return PATH_PATTERN.test(given)
        ? inDirectory(reader.directory, given)
        : reader.fail(node, `invalid ${what} path ${JSON.stringify(given)}`);
    },
  };
  return list(one);
}

const jobs = fullList(scrapeConfig, "empty or null scrape config section");

const main = struct("config.plain", {
  global: globalConfig,
  runtime,
  alerting,
  rule_files: patterns("rule file"),
  scrape_config_files: patterns("scrape config file"),
  scrape_configs: jobs,
  storage,
  tracing,
  remote_write: fullList(remoteWrite, "empty or null remote write config section"),
  remote_read: fullList(remoteRead, "empty or null remote read config section"),
  otlp,
});

const jobsFile = struct("config.ScrapeConfigs", { scrape_configs: jobs });

/** Loads a file and what it names. Throws `config_invalid`, or as `readText` does for the file itself. */
export function loadPrometheusConfig(file: string, options: LoadOptions): PrometheusConfig {
  return parsePrometheusConfig(options.files.readText(file), file, options);
}

export function parsePrometheusConfig(
  text: string,
  file: string,
  options: LoadOptions,
): PrometheusConfig {
  const reader = createYamlReader(text, file, dirname(file));
  const read = main.read(reader, reader.root);
  reader.finish();
  return checked(reader, reader.root, () => complete(read, reader, options));
}

function complete(
  read: Of<typeof main>,
  reader: YamlReader,
  options: LoadOptions,
): PrometheusConfig {
  const scheme = globalOf(read, reader).metric_name_validation_scheme;
  const global = globalOf(read, reader);
  const names = new Map<string, string>();
  const own = read.scrape_configs.map((job) => {
    const resolved = job.resolve(global);
    if (names.has(job.jobName))
      reader.fail(
        job.node,
        `found multiple scrape configs with job name ${JSON.stringify(job.jobName)}`,
      );
    names.set(job.jobName, "main config file");
    return resolved;
  });
  const alertmanagers = read.alerting.alertmanagers.map((one) => ({
    ...withoutDiscoveries(one),
    alert_relabel_configs: rulesOf(one.alert_relabel_configs, scheme),
    relabel_configs: rulesOf(one.relabel_configs, scheme),
    discovery: discoveryOf(one),
  }));
  const alertRules = rulesOf(read.alerting.alert_relabel_configs, scheme);
  checkNames(read.remote_write, "remote write");
  checkNames(read.remote_read, "remote read");
  checkOtlp(read.otlp, global);
  if (options.agentMode === true) checkAgent(read);
  const complete: Omit<PrometheusConfig, "text"> = {
    file: reader.file,
    global: { ...global, external_labels: expanded(global.external_labels, options) },
    runtime: read.runtime,
    alerting: { alert_relabel_configs: alertRules, alertmanagers },
    rule_files: read.rule_files,
    scrape_config_files: read.scrape_config_files,
    scrape_configs: [...own, ...jobsOfFiles(read.scrape_config_files, { global, names, options })],
    storage: read.storage,
    tracing: read.tracing,
    remote_write: read.remote_write.map((one) => ({
      ...one,
      write_relabel_configs: rulesOf(one.write_relabel_configs, scheme),
    })),
    remote_read: read.remote_read,
    otlp: read.otlp,
  };
  return { ...complete, text: filledText(complete) };
}

/** A `global` that is not there has the defaults that one which says nothing has, and one more. */
function globalOf(read: Of<typeof main>, reader: YamlReader): GlobalConfig {
  return read.global.scrape_interval === 0
    ? { ...globalConfig.read(reader, null), metric_name_escaping_scheme: "allow-utf-8" }
    : read.global;
}

function checkNames(list: readonly { readonly name: string }[], what: string): void {
  const seen = new Set<string>();
  for (const { name } of list) {
    if (name !== "" && seen.has(name))
      problem(`found multiple ${what} configs with job name ${JSON.stringify(name)}`);
    seen.add(name);
  }
}

function checkOtlp(
  { translation_strategy: strategy }: Of<typeof otlp>,
  global: GlobalConfig,
): void {
  const needsUtf8 = strategy === "NoTranslation" || strategy === "NoUTF8EscapingWithSuffixes";
  if (needsUtf8 && global.metric_name_validation_scheme === "legacy")
    problem(
      `OTLP translation strategy ${JSON.stringify(strategy)} is not allowed when UTF8 is disabled`,
    );
}

function checkAgent(read: Of<typeof main>): void {
  const { alertmanagers, alert_relabel_configs } = read.alerting;
  const wrong = (field: string): never => problem(`field ${field} is not allowed in agent mode`);
  if (alertmanagers.length > 0 || alert_relabel_configs.length > 0) wrong("alerting");
  if (read.rule_files.length > 0) wrong("rule_files");
  if (read.remote_read.length > 0) wrong("remote_read");
}

/** `$NAME` and `${NAME}` of the environment, and `$$` for a dollar, as Go's `os.Expand`. */
function expanded(
  labels: ReadonlyMap<string, string>,
  { files, warn }: LoadOptions,
): ReadonlyMap<string, string> {
  const variable = (name: string): string => {
    if (name === "$") return "$";
    const value = files.env(name) ?? "";
    if (value === "") warn?.(`the environment variable ${name} of an external label is empty`);
    return value;
  };
  const out = new Map<string, string>();
  for (const [name, value] of labels) {
    const text = value.replaceAll(
      /\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*|[0-9*#$@!?-]))/g,
      (_, braced: string | undefined, bare: string | undefined) => variable(braced ?? bare ?? ""),
    );
    if (text !== "") out.set(name, text);
  }
  return out;
}

interface JobsContext {
  readonly global: GlobalConfig;
  /** Names in use, and where. */
  readonly names: Map<string, string>;
  readonly options: LoadOptions;
}

function jobsOfFiles(globs: readonly string[], context: JobsContext): ScrapeConfig[] {
  const out: ScrapeConfig[] = [];
  for (const pattern of globs)
    for (const file of context.options.files.glob(pattern)) out.push(...jobsOfFile(file, context));
  return out;
}

function jobsOfFile(file: string, { global, names, options }: JobsContext): ScrapeConfig[] {
  const reader = createYamlReader(readFile(file, options), file, dirname(file));
  const read = jobsFile.read(reader, reader.root);
  reader.finish();
  return read.scrape_configs.map((job) => {
    const resolved = job.resolve(global);
    const first = names.get(job.jobName);
    if (first !== undefined)
      reader.fail(
        job.node,
        `found multiple scrape configs with job name ${JSON.stringify(job.jobName)}, first found in ${first}`,
      );
    names.set(job.jobName, JSON.stringify(file));
    return { ...resolved, isOfFile: true };
  });
}

function readFile(file: string, { files }: LoadOptions): string {
  try {
    return files.readText(file);
  } catch (error) {
    throw new Problem(`${JSON.stringify(file)}: ${error instanceof Error ? error.message : ""}`);
  }
}
