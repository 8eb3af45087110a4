/** `triptych check` of a `prometheus.yml`: whether it loads, and what in it does less than it says. */
import { existsSync } from "node:fs";
import { TriptychError } from "@triptych/model";
import { processFiles } from "../config/prometheus/config-files.ts";
import {
  type ConfigFiles,
  loadPrometheusConfig,
  type PrometheusConfig,
} from "../config/prometheus/load.ts";
import { expandRulePaths } from "../config/rules/rule-paths.ts";
import { printDuration } from "../config/prometheus/scalars.ts";
import { type ConfigProblem, problemOf } from "../config/prometheus/yaml-reader.ts";

export interface CheckProblem extends ConfigProblem {
  /** A warning does not keep the file from being used. */
  readonly severity: "error" | "warning";
}

/** Problems in the order of importance; none when the file is fine. Never throws for what is in the file. */
export function checkPrometheusFile(
  file: string,
  files: ConfigFiles = processFiles(process.env),
): readonly CheckProblem[] {
  const warnings: string[] = [];
  try {
    const config = loadPrometheusConfig(file, { files, warn: (one) => warnings.push(one) });
    return [...warnings, ...doubts(config)].map((message) => ({
      file,
      line: 1,
      column: 1,
      message,
      severity: "warning",
    }));
  } catch (error) {
    const problem = problemOf(error);
    if (problem !== undefined) return [{ ...problem, severity: "error" }];
    const isOurs = error instanceof TriptychError;
    const message = error instanceof Error ? error.message : String(error);
    if (!isOurs && (error as { code?: unknown }).code === undefined) throw error;
    return [{ file, line: 1, column: 1, message, severity: "error" }];
  }
}

/** The rule files that it names and that are there; none when it is wrong. */
export function ruleFilesOf(
  file: string,
  files: ConfigFiles = processFiles(process.env),
): readonly string[] {
  try {
    return expandRulePaths(loadPrometheusConfig(file, { files }).rule_files, ".");
  } catch {
    // What is wrong is told by the check itself.
    return [];
  }
}

/** Keys that stand in no other file we know. */
const OWN_KEYS = [
  ...["scrape_configs", "rule_files", "scrape_config_files", "alerting", "remote_write"],
  ...["remote_read"],
];
/** With these alone it may be a `prometheus.yml`; `otlp` is also a key of our own file. */
const SHARED_KEYS = ["global", "storage", "runtime", "tracing", "otlp"];
const OTLP_KEYS =
  /^\s+(?:promote_|ignore_resource|translation_|keep_identifying|convert_|label_name_|disable_)/m;

/** Whether a file looks like a `prometheus.yml`: its top-level keys are none of another file's. */
export function looksLikePrometheusFile(topLevelKeys: readonly string[], text = ""): boolean {
  const has = (known: readonly string[]) => topLevelKeys.some((key) => known.includes(key));
  if (has(OWN_KEYS)) return !topLevelKeys.includes("receivers");
  if (!has(SHARED_KEYS) || !topLevelKeys.every((key) => SHARED_KEYS.includes(key))) return false;
  return topLevelKeys.some((key) => key !== "otlp") || OTLP_KEYS.test(text);
}

/** So far an instant query looks back unless told otherwise: what is older counts as gone. */
const LOOKBACK_MS = 300_000;

function doubts(config: PrometheusConfig): string[] {
  const out: string[] = [];
  for (const file of config.rule_files)
    if (!/[*?[]/.test(file) && !existsSync(file)) out.push(`the rule file ${file} does not exist`);
  for (const job of config.scrape_configs) {
    const name = `job ${JSON.stringify(job.job_name)}`;
    for (const key of job.discovery.unsupported)
      out.push(`${name}: ${key} is read, but this discovery is not run: it gives no targets`);
    for (const file of clientFiles(job))
      if (!existsSync(file)) out.push(`${name}: the file ${file} does not exist`);
    if (job.scrape_interval >= LOOKBACK_MS)
      out.push(
        `${name}: a scrape_interval of ${printDuration(job.scrape_interval)} leaves gaps, since queries look back ${printDuration(LOOKBACK_MS)}; scrape more often`,
      );
  }
  for (const { discovery } of config.alerting.alertmanagers)
    for (const key of discovery.unsupported)
      out.push(`alertmanagers: ${key} is read, but this discovery is not run`);
  return out;
}

function clientFiles(job: PrometheusConfig["scrape_configs"][number]): string[] {
  const { tls_config: tls, basic_auth: basic, authorization } = job;
  return [
    tls.ca_file,
    tls.cert_file,
    tls.key_file,
    basic?.password_file ?? "",
    basic?.username_file ?? "",
    authorization?.credentials_file ?? "",
  ].filter((file) => file !== "");
}
