/** Targets: from discovered labels, by relabelling, to an address to scrape (Prometheus' `PopulateLabels`). */
import { createHash } from "node:crypto";
import { isLabelValue, type LabelMap, type Relabel } from "@triptych/lang";
import { Problem } from "../../config/prometheus/kinds.ts";
import { parseDuration, printDuration } from "../../config/prometheus/scalars.ts";
import { checkTargetAddress, type ScrapeConfig } from "../../config/prometheus/scrape-config.ts";
import type { TargetGroup } from "../discovery/target-group.ts";

export interface Target {
  /** Equal for equal labels and address only. */
  readonly key: string;
  /** Before relabelling. */
  readonly discovered: ReadonlyMap<string, string>;
  /** What its series get: no label that begins with `__`. */
  readonly labels: ReadonlyMap<string, string>;
  /** Equal for equal `labels` only: targets that have it in common write the same series. */
  readonly labelsKey: string;
  readonly url: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly withNative: boolean;
  readonly keepsClassic: boolean;
  readonly toCustomBuckets: boolean;
  readonly unixSocket: string | undefined;
  /** For the offset in the interval: 48 bits. */
  readonly hash: number;
}

export type Populated =
  | { readonly kind: "target"; readonly target: Target }
  | { readonly kind: "dropped"; readonly discovered: ReadonlyMap<string, string> }
  | { readonly kind: "failed"; readonly problem: string };

const NATIVE = "__scrape_native_histograms__";
const CLASSIC = "__always_scrape_classic_histograms__";
const CUSTOM = "__convert_classic_histograms_to_nhcb__";

/** Labels a target has before relabelling. */
export function discoveredLabels(
  job: ScrapeConfig,
  group: TargetGroup,
  own: ReadonlyMap<string, string>,
): LabelMap {
  const labels: LabelMap = new Map();
  const add = (name: string, value: string): void => {
    if (value !== "" && !labels.has(name)) labels.set(name, value);
  };
  for (const [name, value] of own) add(name, value);
  for (const [name, value] of group.labels) if (!own.has(name)) add(name, value);
  add("job", job.job_name);
  add("__scrape_interval__", printDuration(job.scrape_interval));
  add("__scrape_timeout__", printDuration(job.scrape_timeout));
  add("__metrics_path__", job.metrics_path);
  add("__scheme__", job.scheme);
  add(CUSTOM, String(job.convert_classic_histograms_to_nhcb));
  add(CLASSIC, String(job.always_scrape_classic_histograms));
  add(NATIVE, String(job.scrape_native_histograms));
  for (const [name, values] of job.params) add(`__param_${name}`, values[0] ?? "");
  return labels;
}

export function populate(
  job: ScrapeConfig,
  relabel: Relabel,
  discovered: ReadonlyMap<string, string>,
): Populated {
  const labels = new Map(discovered);
  if (!relabel(labels)) return { kind: "dropped", discovered };
  try {
    const target = targetOf(job, labels, discovered);
    // A target without any label would give series that nobody can tell apart from our own.
    return target.labels.size === 0 ? { kind: "dropped", discovered } : { kind: "target", target };
  } catch (error) {
    if (error instanceof Problem) return { kind: "failed", problem: error.message };
    throw error;
  }
}

function targetOf(
  job: ScrapeConfig,
  labels: LabelMap,
  discovered: ReadonlyMap<string, string>,
): Target {
  const address = labels.get("__address__") ?? "";
  if (address === "") throw new Problem("no address");
  checkTargetAddress(address);
  const { intervalMs, timeoutMs } = timesOf(labels);
  const flag = (name: string, what: string): boolean => boolOf(labels.get(name) ?? "", what);
  const flags = {
    toCustomBuckets: flag(CUSTOM, "convert classic histograms to nhcb"),
    keepsClassic: flag(CLASSIC, "always scrape classic histograms"),
    withNative: flag(NATIVE, "scrape native histograms"),
  };
  if (!labels.has("instance")) labels.set("instance", address);
  const own = new Map<string, string>();
  for (const [name, value] of labels) {
    if (!isLabelValue(value))
      throw new Problem(
        `invalid label value for ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
      );
    if (!name.startsWith("__")) own.set(name, value);
  }
  const url = urlOf(job, labels, address);
  const unixSocket = labels.get("__unix_socket__");
  const key = JSON.stringify([
    [...labels]
      .filter(([name]) => !name.startsWith("__meta_"))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
    url,
  ]);
  const hash = createHash("sha256").update(key).digest().readUIntBE(0, 6);
  const labelsKey = JSON.stringify([...own].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    key,
    discovered,
    labels: own,
    labelsKey,
    url,
    intervalMs,
    timeoutMs,
    ...flags,
    unixSocket,
    hash,
  };
}

function timesOf(labels: LabelMap): { readonly intervalMs: number; readonly timeoutMs: number } {
  const read = (name: string, what: string): number => {
    const text = labels.get(name) ?? "";
    let ms: number;
    try {
      ms = parseDuration(text);
    } catch (error) {
      throw new Problem(
        `error parsing scrape ${what}: ${error instanceof Error ? error.message : ""}`,
      );
    }
    if (ms === 0) throw new Problem(`scrape ${what} cannot be 0`);
    return ms;
  };
  const intervalMs = read("__scrape_interval__", "interval");
  const timeoutMs = read("__scrape_timeout__", "timeout");
  if (timeoutMs > intervalMs)
    throw new Problem(
      `scrape timeout cannot be greater than scrape interval ("${labels.get("__scrape_timeout__")}" > "${labels.get("__scrape_interval__")}")`,
    );
  return { intervalMs, timeoutMs };
}

/** As Go's `strconv.ParseBool`; nothing is false. */
function boolOf(text: string, what: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["", "0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  throw new Problem(
    `error parsing ${what}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function urlOf(job: ScrapeConfig, labels: LabelMap, address: string): string {
  const params = new Map([...job.params].map(([name, values]) => [name, [...values]]));
  for (const [name, value] of labels) {
    if (!name.startsWith("__param_")) continue;
    const key = name.slice("__param_".length);
    const values = params.get(key);
    if (values === undefined || values.length === 0) params.set(key, [value]);
    else values[0] = value;
  }
  const query = new URLSearchParams();
  for (const [name, values] of [...params].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (const value of values) query.append(name, value);
  const path = labels.get("__metrics_path__") ?? "";
  const text = `${labels.get("__scheme__") ?? ""}://${address}${path.startsWith("/") || path === "" ? path : `/${path}`}`;
  const search = query.size === 0 ? "" : `?${query.toString()}`;
  if (!URL.canParse(text)) throw new Problem(`invalid URL ${JSON.stringify(text)}`);
  // A path may hold `?` and `#`, which are part of it here.
  return `${text.replaceAll("?", "%3F").replaceAll("#", "%23")}${search}`;
}
