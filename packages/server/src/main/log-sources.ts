/** Lines that are fetched: files, containers, systemd's journal, as the configuration and promtail's files say. */
import { hostname } from "node:os";
import { createHttpClient } from "../http-client/client.ts";
import { createLogSources, type LogSources } from "../receivers/log-sources.ts";
import type { IngestNext } from "../receivers/next.ts";
import { compileRegex } from "../regex/compile.ts";
import { systemClock as clock } from "../self/clock.ts";
import type { Core } from "./core.ts";
import { VERSION } from "./status.ts";

export function openLogSources(core: Core, next: IngestNext): LogSources {
  const { config, limits, log, metrics, problems } = core;
  const sources = createLogSources({
    clock,
    next,
    limits,
    log,
    metrics,
    problems,
    config,
    dataDirectory: config.data,
    random: Math.random,
    env: process.env,
    hostname: hostname(),
    compileRegex,
    createClient: (client) =>
      createHttpClient(client, { clock, env: process.env, userAgent: `Triptych/${VERSION}` }),
  });
  core.onClose(() => sources.close());
  return sources;
}
