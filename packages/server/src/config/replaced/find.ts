/** Finds files of replaced programs in a directory, and tells by their keys what a file is. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseReplaced, type ReplacedKind } from "./replaced.ts";
import { isSettings, merged, type Settings } from "./settings.ts";

const names: { readonly [kind in "tempo" | "loki"]: readonly string[] } = {
  tempo: ["tempo.yaml", "tempo.yml", "tempo-config.yaml", "tempo-config.yml"],
  loki: ["loki.yaml", "loki.yml", "loki-config.yaml", "loki-config.yml"],
};
const promtailNames = [
  ...["promtail.yaml", "promtail.yml", "promtail-config.yaml", "promtail-config.yml"],
];

/** Settings that hold where `triptych.yaml` says nothing. Throws `config_invalid`. */
export function settingsOf(directory: string): Settings {
  let settings: Settings = {};
  for (const kind of ["tempo", "loki"] as const)
    for (const file of present(directory, names[kind]))
      settings = merged(settings, readOne(kind, file));
  const files = present(directory, promtailNames);
  return files.length === 0 ? settings : merged(settings, { promtail: { files } });
}

function readOne(kind: "tempo" | "loki", file: string): Settings {
  const { settings } = parseReplaced(kind, readFileSync(file, "utf8"), file);
  const { loki } = settings;
  if (!isSettings(loki) || !Array.isArray(loki["ruleFiles"])) return settings;
  const ruleFiles = (loki["ruleFiles"] as readonly string[]).map((one) =>
    found(one, dirname(file)),
  );
  return { ...settings, loki: { ...loki, ruleFiles } };
}

/** Directories of a container are rarely there; the one that was mounted lies beside the file, by the same name. */
function found(pattern: string, beside: string): string {
  const given = dirname(dirname(pattern));
  const here = join(beside, basename(given));
  return !existsSync(given) && existsSync(here) ? join(here, "*", "*") : pattern;
}

const present = (directory: string, all: readonly string[]): string[] =>
  all.map((name) => join(directory, name)).filter((file) => existsSync(file));

/** What a file with these keys at its top is; nothing for all others. */
export function replacedKind(keys: readonly string[]): ReplacedKind | "promtail" | undefined {
  const has = (...wanted: readonly string[]): boolean => wanted.some((key) => keys.includes(key));
  if (has("datasources", "deleteDatasources")) return "datasources";
  if (has("scrape_configs") && has("positions", "clients", "client", "limits_config"))
    return "promtail";
  if (has("schema_config", "storage_config", "limits_config", "pattern_ingester")) return "loki";
  if (has("distributor", "compactor", "metrics_generator", "ingester") && !has("receivers"))
    return "tempo";
  return undefined;
}
