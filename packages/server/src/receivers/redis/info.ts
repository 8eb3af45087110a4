/** `INFO ALL` as metrics, by redis_exporter's names. */
import type { Families, FamilyLabels, FamilyType } from "../collector/families.ts";
import { counters, gauges } from "./info-fields.ts";

/** Commands with arguments of their own, such as modules', can be many. */
const LINES_MAX = 20_000;

export function addInfo(text: string, out: Families, nowMs: number): void {
  const add: Add = (name, value, labels, type = "gauge", help = `${name} metric`) => {
    if (!Number.isNaN(value)) out.family(`redis_${name}`, type, help).add(value, labels);
  };
  const fields = new Map<string, string>();
  const commands = new Map<string, CommandStats>();
  let section = "";
  for (const line of text.split("\n", LINES_MAX)) {
    if (line.startsWith("# ")) {
      section = line.slice(2).trim();
      continue;
    }
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const key = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    fields.set(key, value);
    const special = Object.hasOwn(sections, section) ? sections[section] : undefined;
    if (special?.(key, value, { add, fields, commands }) === true) continue;
    addField(key, value, add);
  }
  addLatencies(commands, out);
  addInstance(fields, add);
  const uptime = Number(fields.get("uptime_in_seconds") ?? Number.NaN);
  add(
    "start_time_seconds",
    Math.floor(nowMs / 1000) - uptime,
    {},
    "gauge",
    "Start time of the Redis instance since unix epoch in seconds.",
  );
}

type Add = (
  name: string,
  value: number,
  labels?: FamilyLabels,
  type?: FamilyType,
  help?: string,
) => void;

interface CommandStats {
  calls: number;
  microseconds: number;
  quantiles: readonly (readonly [quantile: number, microseconds: number])[];
}

interface Context {
  readonly add: Add;
  readonly fields: ReadonlyMap<string, string>;
  readonly commands: Map<string, CommandStats>;
}

/** Lines that are not one number; true when the line is done with. */
const sections: Readonly<
  Record<string, (key: string, value: string, context: Context) => boolean>
> = {
  Keyspace: keyspace,
  Replication: replication,
  Commandstats: commandStats,
  Latencystats: latencyStats,
  Errorstats: errorStats,
};

function addField(key: string, value: string, add: Add): void {
  const isCounter = Object.hasOwn(counters, key);
  const name = isCounter ? counters[key] : Object.hasOwn(gauges, key) ? gauges[key] : undefined;
  if (name === undefined) return;
  const number = numberOf(value) * (key === "latest_fork_usec" ? 1e-6 : 1);
  add(name, number, {}, isCounter ? "counter" : "gauge");
}

function numberOf(value: string): number {
  if (value === "ok" || value === "true") return 1;
  if (value === "err" || value === "fail" || value === "false") return 0;
  return value === "" ? Number.NaN : Number(value);
}

/** `a=1,b=2`. */
function pairsOf(text: string): Map<string, string> {
  return new Map(
    text.split(",").map((part) => {
      const equals = part.indexOf("=");
      return [part.slice(0, Math.max(0, equals)), part.slice(equals + 1)];
    }),
  );
}

function keyspace(db: string, value: string, { add }: Context): boolean {
  if (!db.startsWith("db")) return false;
  const pairs = pairsOf(value);
  const of = (name: string): number => Number(pairs.get(name) ?? Number.NaN);
  add("db_keys", of("keys"), { db }, "gauge", "Total number of keys by DB");
  add("db_keys_expiring", of("expires"), { db }, "gauge", "Total number of expiring keys by DB");
  add("db_avg_ttl_seconds", of("avg_ttl") / 1000, { db }, "gauge", "Avg TTL in seconds");
  add("db_keys_cached", of("cached_keys"), { db }, "gauge", "Total number of cached keys by DB");
  return true;
}

function replication(key: string, value: string, { add, fields }: Context): boolean {
  const master = {
    master_host: fields.get("master_host") ?? "",
    master_port: fields.get("master_port") ?? "",
  };
  if (/^slave\d+$/.test(key)) {
    const pairs = pairsOf(value);
    const labels = {
      slave_ip: pairs.get("ip") ?? "",
      slave_port: pairs.get("port") ?? "",
      slave_state: pairs.get("state") ?? "",
    };
    const of = (name: string): number => Number(pairs.get(name) ?? Number.NaN);
    add("connected_slave_offset_bytes", of("offset"), labels, "gauge", "Offset of connected slave");
    add("connected_slave_lag_seconds", of("lag"), labels, "gauge", "Lag of connected slave");
    return true;
  }
  switch (key) {
    case "master_link_status":
      add(
        "master_link_up",
        value === "up" ? 1 : 0,
        master,
        "gauge",
        "Master link status on Redis slave",
      );
      return true;
    case "master_last_io_seconds_ago":
      add(key, Number(value), master, "gauge", "Master last io seconds ago");
      return true;
    case "master_sync_in_progress":
      add(key, Number(value), master, "gauge", "Master sync in progress");
      return true;
    case "slave_repl_offset":
      add(key, Number(value), master, "gauge", "Slave replication offset");
      return true;
    default:
      return false;
  }
}

function statsOf(commands: Map<string, CommandStats>, cmd: string): CommandStats {
  let stats = commands.get(cmd);
  if (stats === undefined) {
    stats = { calls: Number.NaN, microseconds: Number.NaN, quantiles: [] };
    commands.set(cmd, stats);
  }
  return stats;
}

function commandStats(key: string, value: string, { add, commands }: Context): boolean {
  if (!key.startsWith("cmdstat_")) return false;
  const cmd = key.slice("cmdstat_".length);
  const pairs = pairsOf(value);
  const of = (name: string): number => Number(pairs.get(name) ?? Number.NaN);
  const stats = statsOf(commands, cmd);
  stats.calls = of("calls");
  stats.microseconds = of("usec");
  const counter = (name: string, number: number, help: string): void =>
    add(name, number, { cmd }, "counter", help);
  counter("commands_total", stats.calls, "Total number of calls per command");
  counter(
    "commands_duration_seconds_total",
    stats.microseconds / 1e6,
    "Total amount of time in seconds spent per command",
  );
  counter(
    "commands_rejected_calls_total",
    of("rejected_calls"),
    "Total number of errors within command execution per command",
  );
  counter(
    "commands_failed_calls_total",
    of("failed_calls"),
    "Total number of errors prior command execution per command",
  );
  return true;
}

/** `p50=1.003,p99=4.015`. */
function latencyStats(key: string, value: string, { commands }: Context): boolean {
  const prefix = "latency_percentiles_usec_";
  if (!key.startsWith(prefix)) return false;
  statsOf(commands, key.slice(prefix.length)).quantiles = [...pairsOf(value)]
    .map(([name, text]) => [Number(name.slice(1)), Number(text)] as const)
    .filter(([quantile, micros]) => !Number.isNaN(quantile) && !Number.isNaN(micros));
  return true;
}

function addLatencies(commands: ReadonlyMap<string, CommandStats>, out: Families): void {
  const name = "redis_latency_percentiles_usec";
  let text = "";
  const sample = (suffix: string, labels: string, value: number): void => {
    text += `${name}${suffix}{${labels}} ${value}\n`;
  };
  for (const [cmd, { calls, microseconds, quantiles }] of commands) {
    if (quantiles.length === 0 || Number.isNaN(calls)) continue;
    const label = `cmd=${JSON.stringify(cmd)}`;
    for (const [quantile, micros] of quantiles)
      sample("", `${label},quantile="${quantile}"`, micros);
    sample("_sum", label, microseconds);
    sample("_count", label, calls);
  }
  if (text === "") return;
  const help = "A summary of latency percentile distribution per command";
  out.text(`# HELP ${name} ${help}\n# TYPE ${name} summary\n${text}`);
}

function errorStats(key: string, value: string, { add }: Context): boolean {
  const prefix = "errorstat_";
  if (!key.startsWith(prefix)) return false;
  const count = Number(pairsOf(value).get("count") ?? Number.NaN);
  add(
    "errors_total",
    count,
    { err: key.slice(prefix.length) },
    "counter",
    "Total number of errors per error type",
  );
  return true;
}

const instanceFields = [
  "role",
  "redis_version",
  "redis_build_id",
  "redis_mode",
  "os",
  "maxmemory_policy",
  "tcp_port",
  "run_id",
  "process_id",
  "master_replid",
  "valkey_version",
  "valkey_release_stage",
];

function addInstance(fields: ReadonlyMap<string, string>, add: Add): void {
  const of = (name: string): string => fields.get(name) ?? "";
  add(
    "instance_info",
    1,
    Object.fromEntries(instanceFields.map((name) => [name, of(name)])),
    "gauge",
    "Information about the Redis instance",
  );
  if (of("role") !== "slave") return;
  const names = ["master_host", "master_port", "slave_read_only"];
  add(
    "slave_info",
    1,
    Object.fromEntries(names.map((name) => [name, of(name)])),
    "gauge",
    "Information about the Redis slave",
  );
}
