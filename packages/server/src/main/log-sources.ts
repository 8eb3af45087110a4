/** Lines that are fetched: files, containers, systemd's journal, as the configuration and promtail's files say. */
import { hostname } from "node:os";
import { createLogSources, type LogSources } from "../receivers/log-sources.ts";
import type { IngestNext } from "../receivers/next.ts";
import { createHttpClient } from "../http-client/client.ts";
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
  for (const { job } of sources.syslog)
    problems.raise(
      `promtail_syslog_${job}`,
      `the job ${job} of a promtail file listens for syslog, which its file cannot open here: enable \`syslog\` in the configuration and send there`,
      0,
    );
  return sources;
}
