/**
 * The ruler of a Loki configuration: where its rule files are, how often they are evaluated, and who is told. Its keys
 * stand in several parts of the file, so it is read as a whole.
 */
import { dirname, isAbsolute, join } from "node:path";
import { parseDurationMs } from "@triptych/lang";
import { isSettings, type Settings } from "./settings.ts";

interface KeyNote {
  readonly path: readonly string[];
  readonly text: string;
}

type Fail = (path: readonly string[], message: string) => never;

/** Settings for `loki`, and what of the ruler has no meaning here. */
export function rulerOf(
  whole: unknown,
  file: string,
  fail: Fail,
): { readonly settings: Settings; readonly notes: readonly KeyNote[] } {
  const at = (...path: string[]): unknown => valueAt(whole, path);
  const directory = directoryOf(at);
  const interval = at("ruler", "evaluation_interval");
  const urls = alertmanagersOf(at("ruler", "alertmanager_url"), fail);
  const notes = unserved(at);
  if (directory !== undefined && typeof directory.value !== "string")
    return fail(directory.path, "is not the name of a directory");
  const loki: Settings = {
    ...(directory === undefined
      ? {}
      : { ruleFiles: [join(placed(String(directory.value), file), "*", "*")] }),
    ...(interval === undefined ? {} : { evaluationIntervalSeconds: seconds(interval, fail) }),
    ...(urls.length === 0 ? {} : { alertmanagers: urls }),
    ...(at("ruler", "enable_api") === false ? { rulesApi: false } : {}),
  };
  return { settings: Object.keys(loki).length === 0 ? {} : { loki }, notes };
}

function valueAt(whole: unknown, path: readonly string[]): unknown {
  let found = whole;
  for (const key of path)
    found = isSettings(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found ?? undefined;
}

/** The newer part first, then the ruler's own, then what all parts share. */
const directories: readonly (readonly string[])[] = [
  ["ruler_storage", "local", "directory"],
  ["ruler", "storage", "local", "directory"],
  ["common", "storage", "filesystem", "rules_directory"],
];

function directoryOf(
  at: (...path: string[]) => unknown,
): { readonly path: readonly string[]; readonly value: unknown } | undefined {
  for (const path of directories) {
    const value = at(...path);
    if (value !== undefined && value !== "") return { path, value };
  }
  return undefined;
}

/** Loki means paths from where it was started; that is beside its file, if anywhere. */
const placed = (directory: string, file: string): string =>
  isAbsolute(directory) ? directory : join(dirname(file), directory);

function seconds(given: unknown, fail: Fail): number {
  try {
    const ms = parseDurationMs(String(given));
    if (ms > 0) return ms / 1000;
  } catch {
    // Told below, with its place.
  }
  return fail(
    ["ruler", "evaluation_interval"],
    `${JSON.stringify(String(given).slice(0, 50))} is not a duration such as 1m`,
  );
}

function alertmanagersOf(given: unknown, fail: Fail): string[] {
  const urls = String(given ?? "")
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  for (const url of urls)
    if (!URL.canParse(url))
      return fail(
        ["ruler", "alertmanager_url"],
        `${JSON.stringify(url.slice(0, 100))} is not a URL`,
      );
  return urls;
}

const OBJECTS =
  "rules are read from files of a local directory, or come over the API: `lokitool rules` copies those of an object store";

function unserved(at: (...path: string[]) => unknown): KeyNote[] {
  const notes: KeyNote[] = [];
  const tell = (path: string[], text: string): void => {
    if (at(...path) !== undefined) notes.push({ path, text: `${path.join(".")}: ${text}` });
  };
  for (const path of [
    ["ruler", "storage", "type"],
    ["ruler_storage", "backend"],
  ])
    if (!["local", "", undefined].includes(at(...path) as string | undefined)) tell(path, OBJECTS);
  tell(
    ["ruler", "remote_write"],
    "recorded series are kept here; `remote_write` of prometheus.yml sends them on",
  );
  tell(["ruler", "external_labels"], "`global.external_labels` of prometheus.yml is for all rules");
  tell(["ruler", "external_url"], "links of alerts go to where Triptych listens");
  return notes;
}
