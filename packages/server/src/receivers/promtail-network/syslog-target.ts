/** A `syslog` job of promtail: TCP, TLS or UDP, labels by promtail's names for what a message says, then its stages. */
import { readFile } from "node:fs/promises";
import { reverse } from "node:dns/promises";
import { asTriptychError } from "@triptych/model";
import { parseSyslog, SYSLOG_FACILITIES, type SyslogMessage } from "@triptych/wire";
import type { PromtailSyslog } from "../../config/promtail/network-targets.ts";
import { createLineServer, type FrameSource, type LineTls } from "../lines/line-server.ts";
import type { LogSourceDeps } from "../log-lines/submit.ts";
import type { RawLine } from "../log-stages/pipeline.ts";
import { bindUdp } from "../sockets.ts";
import type { ListenAddress } from "./listen-address.ts";
import type { NetworkLines } from "./network-lines.ts";
import { labelsOfLine, type TargetLabels } from "./target-labels.ts";

export interface SyslogTarget {
  readonly config: PromtailSyslog;
  readonly labels: TargetLabels;
  /** Whether rules ask for the sender's name, which must be looked up then. */
  readonly wantsHostname: boolean;
}

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

const SEVERITIES = [
  ...(["emergency", "alert", "critical", "error"] as const),
  ...(["warning", "notice", "informational", "debug"] as const),
] as const;

/** Throws `port_in_use`, and as `fs` does for certificates. */
export async function listenSyslog(
  target: SyslogTarget,
  { host, port }: ListenAddress,
  { lines, deps }: { readonly lines: NetworkLines; readonly deps: LogSourceDeps },
): Promise<Listening> {
  const { config } = target;
  const names = createHostnames(target.wantsHostname);
  const read = (frame: Uint8Array, from: FrameSource): RawLine[] =>
    linesOf(frame, from, { ...target, names });
  const report = (error: Error): void =>
    deps.log("error", `syslog of promtail's file failed: ${error.message}`);
  if (config.listen_protocol === "tcp") {
    const tls = await tlsOf(config);
    const server = createLineServer<RawLine>({
      ...deps,
      report,
      batcher: lines,
      frameBytesMax: config.max_message_length,
      countsOctets: true,
      drafts: read,
      welcome: names.find,
      idleMsMax: config.idle_timeout,
      ...(tls === undefined ? {} : { tls }),
    });
    const bound = await server.listen(host, port);
    return { port: bound, close: () => server.close() };
  }
  const socket = await bindUdp(host, port);
  socket.on("message", (bytes, { address }) => {
    const peer = address.replace(/^::ffff:/, "");
    void names.find(peer);
    const arrivalNs = BigInt(Math.floor(deps.clock.nowMs())) * 1_000_000n;
    try {
      const frame = bytes.subarray(0, config.max_message_length);
      for (const line of read(frame, { arrivalNs, peer }))
        if (!lines.add(line)) deps.next.discarded("queue_full", 1);
    } catch (error) {
      deps.next.discarded(asTriptychError(error).code, 1);
    }
  });
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => void socket.close(() => resolve())),
  };
}

async function tlsOf({ tls_config: tls }: PromtailSyslog): Promise<LineTls | undefined> {
  if (tls === undefined) return undefined;
  const [cert, key] = await Promise.all([
    readFile(tls.cert_file, "utf8"),
    readFile(tls.key_file, "utf8"),
  ]);
  return tls.ca_file === ""
    ? { cert, key }
    : { cert, key, ca: await readFile(tls.ca_file, "utf8") };
}

const decoder = new TextDecoder();

/** A message without a text is no line. */
function linesOf(
  frame: Uint8Array,
  { arrivalNs, peer }: FrameSource,
  { config, labels, names }: SyslogTarget & { readonly names: Hostnames },
): RawLine[] {
  const message = parseSyslog(frame, { arrivalMs: Number(arrivalNs / 1_000_000n), zoneMinutes: 0 });
  if (message.start >= message.end) return [];
  const found = labelsOfLine(labels, known(message, { config, peer, hostname: names.of(peer) }));
  if (found === undefined) return [];
  const from = config.use_rfc5424_message ? 0 : message.start;
  const ownNs = config.use_incoming_timestamp ? message.timeNs : undefined;
  return [
    {
      line: decoder.decode(message.bytes.subarray(from, message.end)),
      timeNs: ownNs ?? arrivalNs,
      labels: found,
    },
  ];
}

function* known(
  message: SyslogMessage,
  {
    config,
    peer,
    hostname,
  }: { readonly config: PromtailSyslog; readonly peer: string; readonly hostname: string },
): Generator<readonly [string, string]> {
  yield ["__syslog_connection_ip_address", peer];
  yield ["__syslog_connection_hostname", hostname];
  yield ["__syslog_message_severity", SEVERITIES[message.severity] ?? ""];
  yield ["__syslog_message_facility", SYSLOG_FACILITIES[message.facility] ?? ""];
  yield ["__syslog_message_hostname", message.hostname];
  yield ["__syslog_message_app_name", message.appName];
  yield ["__syslog_message_proc_id", message.procId];
  yield ["__syslog_message_msg_id", message.msgId];
  if (!config.label_structured_data) return;
  for (const { id, params } of message.structuredData)
    for (const [name, value] of params)
      yield [`__syslog_message_sd_${id.replaceAll("@", "_")}_${name}`, value];
}

interface Hostnames {
  /** "" as long as it is not known. */
  of(address: string): string;
  /** Looks it up; never rejects. */
  find(address: string): Promise<void>;
}

const NAMES_MAX = 10_000;

function createHostnames(wanted: boolean): Hostnames {
  const names = new Map<string, string>();
  return {
    of: (address) => names.get(address) ?? "",
    async find(address) {
      if (!wanted || names.has(address)) return;
      if (names.size >= NAMES_MAX) names.clear();
      names.set(address, "");
      const found = await reverse(address).catch(() => []);
      names.set(address, found.join(","));
    },
  };
}
