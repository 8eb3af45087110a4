/**
 * What the Prometheus API answers about scraping: `/targets`, `/targets/metadata`, `/targets/relabel_steps`,
 * `/scrape_pools` and `/scrape_pools/config`. Pure: the view of the scrape manager and parameters in, the `data` of
 * the answer out. Throws `query_invalid` for parameters that are wrong, in Prometheus' words.
 */
import { compileRelabel, type CompileRegex, type RelabelRule } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { stringify } from "yaml";
import { printDuration } from "../../config/prometheus/scalars.ts";
import { matchersOf } from "./exchange.ts";
import type { PoolView } from "../../receivers/scrape/manager.ts";
import type { TargetMetadata } from "./views.ts";

type LabelJson = { readonly [name: string]: string };

export interface ActiveTargetJson {
  readonly discoveredLabels: LabelJson;
  readonly labels: LabelJson;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly globalUrl: string;
  readonly lastError: string;
  readonly lastScrape: string;
  readonly lastScrapeDuration: number;
  readonly health: "unknown" | "up" | "down";
  readonly scrapeInterval: string;
  readonly scrapeTimeout: string;
}

export interface TargetsJson {
  readonly activeTargets: readonly ActiveTargetJson[];
  readonly droppedTargets: readonly {
    readonly discoveredLabels: LabelJson;
    readonly scrapePool: string;
  }[];
  readonly droppedTargetCounts: { readonly [pool: string]: number } | null;
}

/** Go's zero time: what `lastScrape` is before the first. */
const NEVER = "0001-01-01T00:00:00Z";

/** `externalUrl`: where users reach us, for targets that only we can reach under their own address. */
export function targetsAnswer(
  view: readonly PoolView[],
  params: URLSearchParams,
  externalUrl?: URL,
): TargetsJson {
  const state = (params.get("state") ?? "").toLowerCase();
  const wanted = params.get("scrapePool") ?? "";
  const shows = (what: string): boolean => ["", "any", what].includes(state);
  const pools = view.filter(({ name }) => wanted === "" || name === wanted);
  return {
    activeTargets: shows("active") ? pools.flatMap((pool) => activeTargets(pool, externalUrl)) : [],
    droppedTargets: shows("dropped")
      ? pools.flatMap(({ name, dropped }) =>
          dropped.map(({ discovered }) => ({
            discoveredLabels: labelJson(discovered),
            scrapePool: name,
          })),
        )
      : [],
    droppedTargetCounts: shows("dropped")
      ? Object.fromEntries(view.map(({ name, droppedCount }) => [name, droppedCount]))
      : null,
  };
}

function activeTargets(
  { name, active }: PoolView,
  externalUrl: URL | undefined,
): ActiveTargetJson[] {
  return active.map((loop) => {
    const { target } = loop;
    const { health, lastError, lastScrapeMs, lastSeconds } = loop.view();
    return {
      discoveredLabels: labelJson(target.discovered),
      labels: labelJson(target.labels),
      scrapePool: name,
      scrapeUrl: target.url,
      globalUrl: globalUrl(target.url, externalUrl),
      lastError,
      lastScrape: lastScrapeMs === 0 ? NEVER : new Date(lastScrapeMs).toISOString(),
      lastScrapeDuration: lastSeconds,
      health,
      scrapeInterval: printDuration(target.intervalMs),
      scrapeTimeout: printDuration(target.timeoutMs),
    };
  });
}

function labelJson(labels: ReadonlyMap<string, string>): LabelJson {
  return Object.fromEntries([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A loopback address means nothing to who reads it elsewhere: the host we are known by takes its place. */
function globalUrl(address: string, externalUrl: URL | undefined): string {
  if (externalUrl === undefined || !URL.canParse(address)) return address;
  const url = new URL(address);
  if (!["localhost", "127.0.0.1", "[::1]"].includes(url.hostname)) return address;
  url.hostname = externalUrl.hostname;
  return url.href;
}

export function targetMetadataAnswer(
  view: readonly PoolView[],
  params: URLSearchParams,
  compileRegex: CompileRegex,
): readonly TargetMetadata[] {
  const limit = limitOf(params.get("limit") ?? "");
  const metric = params.get("metric") ?? "";
  const matches = targetMatcher(params.get("match_target") ?? "", compileRegex);
  const out: TargetMetadata[] = [];
  for (const { active } of view)
    for (const loop of active) {
      // As Prometheus counts: a target begun is told in full.
      if (limit >= 0 && out.length >= limit) return out;
      if (!matches(loop.target.labels)) continue;
      const target = labelJson(loop.target.labels);
      for (const { family, type, help, unit } of loop.state().metadata.list())
        if (metric === "") out.push({ target, metric: family, type, help, unit });
        else if (family === metric) out.push({ target, type, help, unit });
    }
  return out;
}

function limitOf(text: string): number {
  if (text === "") return -1;
  if (!/^[-+]?\d+$/.test(text)) throw new TriptychError("query_invalid", "limit must be a number");
  return Number(text);
}

function targetMatcher(
  selector: string,
  compileRegex: CompileRegex,
): (labels: ReadonlyMap<string, string>) => boolean {
  if (selector === "") return () => true;
  const tests = matchersOf(selector, 'invalid parameter "match_target": ').map(
    ({ name, op, value }) => {
      const isRegex = op === "=~" || op === "!~";
      const regex = isRegex ? compileRegex(value) : undefined;
      const wanted = op === "=" || op === "=~";
      return (labels: ReadonlyMap<string, string>): boolean => {
        const text = labels.get(name) ?? "";
        return (regex === undefined ? text === value : regex.matches(text)) === wanted;
      };
    },
  );
  return (labels) => tests.every((test) => test(labels));
}

export function scrapePoolsAnswer(view: readonly PoolView[]): {
  readonly scrapePools: readonly string[];
} {
  return { scrapePools: view.map(({ name }) => name).sort() };
}

/** The effective configuration of a pool, without secrets. */
export function scrapePoolConfigAnswer(
  view: readonly PoolView[],
  params: URLSearchParams,
): { readonly yaml: string } {
  const { config } = poolOf(view, params);
  const shown = {
    job_name: config.job_name,
    honor_labels: config.honor_labels || undefined,
    honor_timestamps: config.honor_timestamps,
    track_timestamps_staleness: config.track_timestamps_staleness,
    scrape_interval: printDuration(config.scrape_interval),
    scrape_timeout: printDuration(config.scrape_timeout),
    scrape_protocols: config.scrape_protocols,
    metrics_path: config.metrics_path,
    scheme: config.scheme,
    enable_compression: config.enable_compression,
    follow_redirects: config.follow_redirects,
    enable_http2: config.enable_http2,
    relabel_configs: rulesJson(config.relabel_configs),
    metric_relabel_configs: rulesJson(config.metric_relabel_configs),
  };
  return { yaml: stringify(shown, { keepUndefined: false }) };
}

function rulesJson(rules: readonly RelabelRule[]): readonly RuleJson[] | undefined {
  return rules.length === 0 ? undefined : rules.map(ruleJson);
}

interface RuleJson {
  readonly [key: string]: string | number | readonly string[];
}

function ruleJson(rule: RelabelRule): RuleJson {
  return {
    ...(rule.sourceLabels.length === 0 ? {} : { source_labels: rule.sourceLabels }),
    separator: rule.separator,
    regex: rule.regex,
    ...(rule.modulus === 0n ? {} : { modulus: Number(rule.modulus) }),
    ...(rule.targetLabel === "" ? {} : { target_label: rule.targetLabel }),
    replacement: rule.replacement,
    action: rule.action,
  };
}

export interface RelabelStepJson {
  readonly rule: RuleJson;
  readonly output: LabelJson;
  readonly keep: boolean;
}

/** What each rule of a pool makes of the labels in the parameter `labels`. */
export function relabelStepsAnswer(
  view: readonly PoolView[],
  params: URLSearchParams,
  compileRegex: CompileRegex,
): { readonly steps: readonly RelabelStepJson[] } {
  const pool = poolOf(view, params);
  const labels = labelsParam(params.get("labels") ?? "");
  let keep = true;
  const steps = pool.config.relabel_configs.map((rule) => {
    keep = keep && compileRelabel([rule], compileRegex)(labels);
    return { rule: ruleJson(rule), output: keep ? labelJson(labels) : {}, keep };
  });
  return { steps };
}

function poolOf(view: readonly PoolView[], params: URLSearchParams): PoolView {
  const wanted = params.get("scrapePool") ?? "";
  if (wanted === "") throw new TriptychError("query_invalid", "no scrapePool parameter provided");
  const pool = view.find(({ name }) => name === wanted);
  if (pool !== undefined) return pool;
  throw new TriptychError(
    "query_invalid",
    `error retrieving scrape config: scrape pool ${JSON.stringify(wanted)} not found`,
  );
}

function labelsParam(text: string): Map<string, string> {
  if (text === "") throw new TriptychError("query_invalid", "no labels parameter provided");
  const wrong = (why: string): never => {
    throw new TriptychError("query_invalid", `error parsing labels: ${why}`);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return wrong(error instanceof Error ? error.message : "");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    return wrong("not an object");
  const entries = Object.entries(parsed).map(([name, value]): [string, string] =>
    typeof value === "string"
      ? [name, value]
      : wrong(`the value of ${JSON.stringify(name)} is no text`),
  );
  return new Map(entries.filter(([, value]) => value !== ""));
}
