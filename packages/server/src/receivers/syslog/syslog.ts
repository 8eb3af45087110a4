/**
 * Syslog over UDP (RFC 5426), TCP (RFC 6587: lines or counted frames) and TLS (RFC 5425). Messages of RFC 5424 and
 * RFC 3164 are told apart one by one. Nobody is answered: over TCP and TLS a sender is made to wait, a datagram for which
 * there is no room is dropped and counted.
 */
import type { RemoteInfo, Socket } from "node:dgram";
import { asTriptychError, type Clock, type Limits, type TriptychError } from "@triptych/model";
import { draftOfSyslog, type LogDraft, parseSyslog } from "@triptych/wire";
import { createLineBatcher, type LineBatcher } from "../lines/line-batcher.ts";
import {
  createLineServer,
  type FrameSource,
  type LineServer,
  type LineTls,
} from "../lines/line-server.ts";
import type { IngestNext } from "../next.ts";
import { bindUdp } from "../sockets.ts";

export interface SyslogDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours. */
  readonly report: (error: TriptychError) => void;
  /** Minutes east of UTC of senders whose times have no zone (RFC 3164); 0 unless given. */
  readonly zoneMinutes?: number;
  /** Over TCP; 512 unless given. */
  readonly connectionsMax?: number;
}

/** The standard's ports: 514 for UDP and, by custom, TCP; 6514 for TLS. The first needs the right to bind it. */
export const SYSLOG_PORTS = { plain: 514, tls: 6514 } as const;

/** What stands before the text: no header is longer. */
const HEADER_BYTES_MAX = 8 * 1024;

export function createSyslogTcp(deps: SyslogDeps & { readonly tls?: LineTls }): LineServer {
  const batcher = createLineBatcher(deps);
  const server = createLineServer({
    ...deps,
    batcher,
    // One byte more than is kept tells that there was more.
    frameBytesMax: deps.limits.logLineBytesMax + HEADER_BYTES_MAX,
    countsOctets: true,
    drafts: (frame, from) => syslogDrafts(frame, from, deps),
  });
  return {
    listen: (host, port) => server.listen(host, port),
    async close() {
      await server.close();
      await batcher.close();
    },
  };
}

/** Empty frames are what some senders write between lines. */
function syslogDrafts(
  frame: Uint8Array,
  { arrivalNs, peer }: FrameSource,
  { zoneMinutes = 0 }: SyslogDeps,
): LogDraft[] {
  const arrivalMs = Number(arrivalNs / 1_000_000n);
  const message = parseSyslog(frame, { arrivalMs, zoneMinutes });
  const isEmpty =
    message.start === message.end && message.hostname === "" && message.appName === "";
  return isEmpty ? [] : [draftOfSyslog(message, { arrivalNs, peer })];
}

export function createSyslogUdp(deps: SyslogDeps): LineServer {
  const batcher = createLineBatcher(deps);
  let socket: Socket | undefined;
  return {
    async listen(host, port) {
      const bound = await bindUdp(host, port);
      socket = bound;
      // Errors of single datagrams (an ICMP answer) leave the socket usable.
      bound.on("error", (error) => deps.report(asTriptychError(error)));
      bound.on("message", (bytes, from) => takeDatagram(bytes, { from, batcher, deps }));
      return bound.address().port;
    },
    async close() {
      const open = socket;
      socket = undefined;
      if (open !== undefined) await new Promise<void>((resolve) => open.close(resolve));
      await batcher.close();
    },
  };
}

interface Datagram {
  readonly from: RemoteInfo;
  readonly batcher: LineBatcher;
  readonly deps: SyslogDeps;
}

function takeDatagram(bytes: Uint8Array, { from, batcher, deps }: Datagram): void {
  const arrivalNs = BigInt(Math.floor(deps.clock.nowMs())) * 1_000_000n;
  const peer = from.address.replace(/^::ffff:/, "");
  try {
    for (const draft of syslogDrafts(bytes, { arrivalNs, peer }, deps))
      if (!batcher.add(draft)) deps.next.discarded("queue_full", 1);
  } catch (thrown) {
    const error = asTriptychError(thrown);
    deps.next.discarded(error.code, 1);
    if (error.code === "internal") deps.report(error);
  }
}
