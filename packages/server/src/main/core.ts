/** What all parts of the process share: configuration, limits, our own telemetry, ports, and how it all closes. */
import { hostname } from "node:os";
import { defaultLimits, type Limits } from "@triptych/model";
import type { Config } from "../config/schema.ts";
import { systemClock as clock } from "../self/clock.ts";
import { pathPrefixOf } from "../config/web-schema.ts";
import { externalUrl } from "../self/external-url.ts";
import type { Log } from "../self/log.ts";
import { createMetrics } from "../self/metrics.ts";
import { createProblems } from "../self/problems.ts";
import { createQueryMemoryBudget } from "../self/query-memory.ts";

export const MiB = 1024 * 1024;

/** Everything that comes from outside the process. */
export interface ServerDeps {
  readonly config: Config;
  /** Reads the configuration again. Throws `config_invalid`. */
  readonly load: () => Config;
  readonly log: Log;
  /** The journal can no longer write: the process must end. */
  readonly onDeath: (error: Error) => void;
}

/** What all parts share. Closers run in the opposite order of their registration. */
/** The part of the memory limit that all queries together may hold. The engine has most of it, and garbage is not counted. */
const QUERY_MEMORY_SHARE = 1 / 6;

export function createCore({ config, log, onDeath }: ServerDeps) {
  const closers: (() => Promise<void> | void)[] = [];
  const host = config.listen;
  const metrics = createMetrics();
  return {
    config,
    log,
    onDeath,
    startedAt: new Date(clock.nowMs()).toISOString(),
    ready: false,
    limits: {
      ...defaultLimits,
      bodyBytesMax: config.limits.bodyBytes,
      inFlightBytesMax: inFlightBytes(config),
      queryTimeoutMs: config.limits.queryTimeoutSeconds * 1000,
    } satisfies Limits,
    metrics,
    queryMemory: createQueryMemoryBudget({
      bytesMax: config.memory * QUERY_MEMORY_SHARE,
      clock,
      metrics,
    }),
    problems: createProblems(clock),
    ports: { http: 0, otlpHttp: 0, otlpGrpc: 0 },
    received: { spans: 0, lines: 0, samples: 0 },
    address: (port: number): string => `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    pathPrefix: pathPrefixOf(config.http.pathPrefix, config.http.externalUrl),
    externalUrl: externalUrl({
      given: config.http.externalUrl,
      listen: config.listen,
      port: config.http.port,
      hostname: hostname(),
    }),
    onClose: (close: () => Promise<void> | void) => void closers.push(close),
    async closeAll() {
      for (const close of closers.splice(0).reverse()) {
        await Promise.resolve()
          .then(close)
          .catch((error: unknown) => log("error", "closing failed", { error: String(error) }));
      }
    },
  };
}
export type Core = ReturnType<typeof createCore>;

/** What requests may hold at once: as configured, but no more than an eighth of the memory and at least one body. */
function inFlightBytes({ limits, memory }: Config): number {
  return Math.max(limits.bodyBytes, Math.min(limits.inFlightBytes, Math.floor(memory / 8)));
}
