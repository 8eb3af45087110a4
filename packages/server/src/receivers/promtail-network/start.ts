/**
 * Opens what jobs of promtail listen on. An address that cannot be opened is told as a problem and tried again: another
 * process may still have it, and the other jobs go on meanwhile.
 */
import { compileRelabel } from "@triptych/lang";
import { asTriptychError } from "@triptych/model";
import type { PromtailConfig, PromtailJob } from "../../config/promtail/load.ts";
import { repeat } from "../../self/repeat.ts";
import type { Source, SourceContext } from "../log-lines/source.ts";
import type { Stage } from "../log-stages/entry.ts";
import { listenGelf } from "./gelf-target.ts";
import { type ListenAddress, parseListenAddress } from "./listen-address.ts";
import { createNetworkLines } from "./network-lines.ts";
import { listenPush } from "./push-target.ts";
import { type Listening, listenSyslog } from "./syslog-target.ts";
import type { TargetLabels } from "./target-labels.ts";

export interface NetworkJob {
  readonly job: PromtailJob;
  readonly config: PromtailConfig;
  readonly stage: Stage;
  /** Names the job among all. */
  readonly key: string;
}

const RETRY_MS = 5_000;

/** Throws `config_invalid` for addresses that are none. */
export function checkNetworkTargets({ syslog, gelf }: PromtailJob): void {
  for (const one of [syslog, gelf]) if (one !== undefined) parseListenAddress(one.listen_address);
}

/** Listens, or has begun to try again. */
export async function startNetworkTargets(
  network: NetworkJob,
  context: SourceContext,
): Promise<Source[]> {
  const { job, config, stage, key } = network;
  const relabel = compileRelabel(job.relabel, context.compileRegex);
  const labelsOf = (labels: ReadonlyMap<string, string>): TargetLabels => ({
    labels,
    relabel,
    externalLabels: config.externalLabels,
    job: job.name,
  });
  const sources: Source[] = [];
  const { syslog, gelf, lokiPush } = job;
  if (syslog !== undefined) {
    const lines = createNetworkLines({ source: `${key} syslog`, stage }, context);
    const wantsHostname = job.relabel.some(
      ({ sourceLabels, action }) =>
        action.startsWith("label") || sourceLabels.includes("__syslog_connection_hostname"),
    );
    const target = { config: syslog, labels: labelsOf(syslog.labels), wantsHostname };
    const address = parseListenAddress(syslog.listen_address);
    const open = (): Promise<Listening> => listenSyslog(target, address, { lines, deps: context });
    sources.push(await keptOpen(open, { address, what: "syslog", network, context }), lines);
  }
  if (gelf !== undefined) {
    const lines = createNetworkLines({ source: `${key} gelf`, stage }, context);
    const target = { config: gelf, labels: labelsOf(gelf.labels) };
    const address = parseListenAddress(gelf.listen_address);
    const open = (): Promise<Listening> => listenGelf(target, address, { lines, deps: context });
    sources.push(await keptOpen(open, { address, what: "gelf", network, context }), lines);
  }
  if (lokiPush !== undefined && !lokiPush.server.wantsTls) {
    const target = { config: lokiPush, labels: labelsOf(lokiPush.labels), stage, key };
    const { address: host, port } = lokiPush.server;
    const address = parseListenAddress(`${host.includes(":") ? `[${host}]` : host}:${port}`);
    const open = (): Promise<Listening> => listenPush(target, address, context);
    sources.push(await keptOpen(open, { address, what: "loki_push_api", network, context }));
  }
  return sources;
}

interface Opening {
  readonly address: ListenAddress;
  readonly what: string;
  readonly network: NetworkJob;
  readonly context: SourceContext;
}

async function keptOpen(
  open: () => Promise<Listening>,
  { address, what, network, context }: Opening,
): Promise<Source> {
  const { clock, log, problems } = context;
  const { job, config } = network;
  const code = `promtail_listen ${config.file} ${job.name} ${what}`;
  let listening: Listening | undefined;
  let closed = false;
  let stop = (): void => {};
  let running: Promise<void> = Promise.resolve();
  const attempt = async (): Promise<void> => {
    if (closed) return;
    try {
      listening = await open();
      stop();
      problems.clear(code);
      const { port } = listening;
      log("info", `${what} of promtail's file listens`, { job: job.name, ...address, port });
    } catch (thrown) {
      const { message } = asTriptychError(thrown);
      problems.raise(code, `${what} of the job ${job.name} of ${config.file}: ${message}`, 0);
      log("warn", `${what} of promtail's file does not listen: ${message}`, { job: job.name });
    }
  };
  await attempt();
  if (listening === undefined)
    stop = repeat(clock, RETRY_MS, () => {
      running = attempt();
      return running;
    });
  return {
    async close() {
      closed = true;
      stop();
      await running;
      problems.clear(code);
      await listening?.close();
    },
  };
}
