/** The Redis collector: asks one server and gives redis_exporter's metrics, `redis_up 0` when it does not answer. */
import { readFile } from "node:fs/promises";
import { type Clock, TriptychError } from "@triptych/model";
import type { RedisCollectorConfig } from "../../config/collect-schema.ts";
import type { Collector } from "../collector/collector.ts";
import { createFamilies, type Families } from "../collector/families.ts";
import { addInfo } from "./info.ts";
import {
  openRedis,
  type RedisAddress,
  type RedisConnection,
  RedisError,
  type Reply,
} from "./resp.ts";

export type RedisTarget = Pick<
  RedisCollectorConfig,
  "url" | "passwordFile" | "tlsCaFile" | "tlsInsecure"
>;

interface ParsedUrl {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  readonly isTls: boolean;
  readonly user: string;
  readonly password: string;
  /** Without user and password. */
  readonly shown: string;
}

const DEFAULT_PORT = 6379;

/** Throws `config_invalid` when the URL is none; the message does not show it, as there may be a password in it. */
export function createRedisCollector(
  target: RedisTarget,
  deps: {
    readonly clock: Clock;
    /** Told why the server could not be asked. */
    readonly onFailure: (message: string) => void;
  },
): Collector {
  const url = parseUrl(target.url);
  const { clock } = deps;
  let connection: RedisConnection | undefined;
  const connect = async (signal: AbortSignal): Promise<RedisConnection> => {
    if (connection?.isOpen === true) return connection;
    connection = await openRedis(await addressOf(url, target), signal);
    const password =
      target.passwordFile === ""
        ? url.password
        : (await readFile(target.passwordFile, "utf8")).replace(/\r?\n$/, "");
    if (password !== "")
      await connection.command("AUTH", ...(url.user === "" ? [] : [url.user]), password);
    await connection.command("CLIENT", "SETNAME", "triptych").catch(onlyRefusals);
    return connection;
  };
  return {
    kind: "redis",
    address: url.shown,
    async collect(signal) {
      const out = createFamilies();
      const startMs = clock.monotonicMs();
      let failure = "";
      const stop = (): void => connection?.close();
      signal.addEventListener("abort", stop, { once: true });
      try {
        const open = await connect(signal);
        const connectSeconds = (clock.monotonicMs() - startMs) / 1000;
        await ask(open, out, clock.nowMs());
        out.one(
          "redis_exporter_last_scrape_connect_time_seconds",
          "gauge",
          "exporter_last_scrape_connect_time_seconds metric",
          connectSeconds,
        );
      } catch (error) {
        connection?.close();
        connection = undefined;
        failure = error instanceof Error ? error.message : String(error);
        if (signal.aborted) failure = "the server did not answer in time";
        deps.onFailure(failure);
      } finally {
        signal.removeEventListener("abort", stop);
      }
      out.one("redis_up", "gauge", "Information about the Redis instance", failure === "" ? 1 : 0);
      out
        .family("redis_exporter_last_scrape_error", "gauge", "The last scrape error status.")
        .add(failure === "" ? 0 : 1, { err: failure.slice(0, 200) });
      out.one(
        "redis_exporter_last_scrape_duration_seconds",
        "gauge",
        "exporter_last_scrape_duration_seconds metric",
        (clock.monotonicMs() - startMs) / 1000,
      );
      return out.render();
    },
    async close() {
      connection?.close();
    },
  };
}

/** Managed servers forbid some commands; a lost connection is no refusal. */
function onlyRefusals(error: unknown): null {
  if (error instanceof RedisError) return null;
  throw error;
}

async function ask(redis: RedisConnection, out: Families, nowMs: number): Promise<void> {
  const optional = (...words: readonly string[]): Promise<Reply> =>
    redis.command(...words).catch(onlyRefusals);
  const info = await redis.command("INFO", "ALL");
  if (typeof info !== "string") throw new Error("INFO gave no text");
  addInfo(info, out, nowMs);
  await addConfig(optional, out);
  await addSlowlog(optional, out);
  await addLatency(optional, out);
  if (/^cluster_enabled:1/m.test(info)) addCluster(await optional("CLUSTER", "INFO"), out);
}

type Optional = (...words: readonly string[]) => Promise<Reply>;

/** Numbers of the configuration that redis_exporter shows. */
const settings: { readonly [name: string]: string } = {
  maxmemory: "config_maxmemory",
  maxclients: "config_maxclients",
  "io-threads": "config_io_threads",
};

async function addConfig(optional: Optional, out: Families): Promise<void> {
  for (const [name, metric] of Object.entries(settings)) {
    const reply = await optional("CONFIG", "GET", name);
    if (!Array.isArray(reply) || reply[1] === undefined) continue;
    const value = Number(reply[1]);
    if (!Number.isNaN(value)) out.one(`redis_${metric}`, "gauge", `${metric} metric`, value);
  }
}

async function addSlowlog(optional: Optional, out: Families): Promise<void> {
  const length = await optional("SLOWLOG", "LEN");
  if (typeof length === "number") out.one("redis_slowlog_length", "gauge", "Total slowlog", length);
  const last = await optional("SLOWLOG", "GET", "1");
  if (!Array.isArray(last)) return;
  const entry: unknown = last[0];
  const [id, , microseconds] = Array.isArray(entry) ? entry : [];
  if (typeof id === "number") out.one("redis_slowlog_last_id", "gauge", "Last id of slowlog", id);
  out.one(
    "redis_last_slow_execution_duration_seconds",
    "gauge",
    "The amount of time needed for last slow execution, in seconds",
    typeof microseconds === "number" ? microseconds / 1e6 : 0,
  );
}

async function addLatency(optional: Optional, out: Families): Promise<void> {
  const events = await optional("LATENCY", "LATEST");
  for (const event of Array.isArray(events) ? events : []) {
    const [name, at, milliseconds] = Array.isArray(event) ? event : [];
    if (typeof name !== "string") continue;
    const labels = { event_name: name };
    const gauge = (metric: string, help: string, value: unknown): void =>
      out.family(`redis_${metric}`, "gauge", help).add(Number(value), labels);
    gauge("latency_spike_last", "When the latency spike last occurred", at);
    gauge(
      "latency_spike_duration_seconds",
      "Length of the last latency spike in seconds",
      Number(milliseconds) / 1000,
    );
  }
}

function addCluster(reply: Reply, out: Families): void {
  if (typeof reply !== "string") return;
  for (const line of reply.split("\n")) {
    const [key = "", value = ""] = line.trim().split(":");
    if (!/^cluster_[a-z_]+$/.test(key)) continue;
    const number = value === "ok" ? 1 : value === "fail" ? 0 : Number(value);
    if (Number.isNaN(number)) continue;
    const renamed: { readonly [key: string]: string } = {
      cluster_stats_messages_sent: "cluster_messages_sent_total",
      cluster_stats_messages_received: "cluster_messages_received_total",
    };
    const name = Object.hasOwn(renamed, key) ? (renamed[key] as string) : key;
    out.one(`redis_${name}`, "gauge", `${name} metric`, number);
  }
}

async function addressOf(url: ParsedUrl, target: RedisTarget): Promise<RedisAddress> {
  const ca = target.tlsCaFile === "" ? undefined : await readFile(target.tlsCaFile, "utf8");
  return { ...url, tls: url.isTls ? { ca, insecure: target.tlsInsecure } : undefined };
}

/** `redis://`, `rediss://`, `unix://`, or `host:port`. */
export function parseUrl(text: string): ParsedUrl {
  const [socket, user = "", password = "", path = ""] =
    /^unix:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?[^/@]*(\/.*)$/.exec(text) ?? [];
  if (socket !== undefined)
    return {
      host: "",
      port: 0,
      socketPath: decoded(path),
      isTls: false,
      user: decoded(user),
      password: decoded(password),
      shown: path,
    };
  const full = /^[a-z]+:\/\//.test(text) ? text : `redis://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || !["redis:", "rediss:"].includes(url.protocol))
    throw new TriptychError(
      "config_invalid",
      "collect.redis: a url is neither redis://, rediss://, unix:// nor host:port",
    );
  const host = url.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1";
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  return {
    host,
    port,
    socketPath: undefined,
    isTls: url.protocol === "rediss:",
    user: decoded(url.username),
    password: decoded(url.password),
    shown: `${host.includes(":") ? `[${host}]` : host}:${port}`,
  };
}

/** A `%` that escapes nothing stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
