/**
 * The Beats protocol over TCP or TLS, as Logstash's input of that name takes it: Filebeat's `output.logstash`, and
 * Logstash's own output `lumberjack`.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { BeatsConfig } from "../../config/beats-schema.ts";
import type { LineTls } from "../lines/line-server.ts";
import { listenTcp } from "../sockets.ts";
import { readTlsFiles } from "../tls-files.ts";
import { serveBeats } from "./connection.ts";
import { type BeatsReceiverDeps, createBeatsReceiver } from "./receiver.ts";

export interface BeatsDeps extends BeatsReceiverDeps {
  readonly config: BeatsConfig;
}

export interface BeatsServer {
  /** Resolves with the port, which is a free one when `port` is 0. Throws `port_in_use`, `config_invalid`. */
  listen(host: string, port: number): Promise<number>;
  /** Takes no more; what is not acknowledged by then is its sender's. Safe to call twice. */
  close(): Promise<void>;
}

const HANDSHAKE_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

export function createBeatsServer(deps: BeatsDeps): BeatsServer {
  const { config, next } = deps;
  const receiver = createBeatsReceiver(deps);
  const connections = new Map<Socket, Promise<void>>();
  let server: Server | undefined;
  const connected = (socket: Socket): void => {
    socket.on("error", () => socket.destroy());
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const work = serveBeats(socket, { ...deps, receiver, frameBytesMax: config.frameBytesMax });
    connections.set(
      socket,
      work.finally(() => connections.delete(socket)),
    );
  };
  return {
    async listen(host, port) {
      server = openServer(await readTlsFiles(config, "beats"), connected);
      server.maxConnections = config.connectionsMax;
      server.on("drop", () => next.discarded("too_many_connections", 1));
      server.on("tlsClientError", (_error, socket: Socket) => {
        next.discarded("tls_handshake_failed", 1);
        socket.destroy();
      });
      return await listenTcp(server, host, port);
    },
    async close() {
      const open = server;
      server = undefined;
      const closed = open && new Promise((resolve) => open.close(resolve));
      for (const socket of connections.keys()) socket.destroy();
      await Promise.all(connections.values());
      await closed;
    },
  };
}

function openServer(tls: LineTls | undefined, connected: (socket: Socket) => void): Server {
  if (tls === undefined) return createServer({ allowHalfOpen: true }, connected);
  const client = tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  const options = { ...tls, ...client, handshakeTimeout: HANDSHAKE_MS, allowHalfOpen: true };
  return createTlsServer(options, connected);
}
