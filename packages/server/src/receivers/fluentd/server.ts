/**
 * Fluentd's forward protocol over TCP or TLS, with its heartbeats over UDP. A connection is read no faster than its
 * messages become durable, so a sender is slowed down by TCP itself; nothing is dropped because we are busy.
 */
import type { Socket as UdpSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { hostname } from "node:os";
import { createServer as createTlsServer } from "node:tls";
import { asTriptychError, sleep, TriptychError } from "@triptych/model";
import { createMsgpackScanner, encodeMsgpack } from "@triptych/wire";
import type { FluentdConfig } from "../../config/fluentd-schema.ts";
import { createMessageBuffer } from "../message-buffer.ts";
import { createReservation } from "../reservation.ts";
import { bindUdp, listenTcp } from "../sockets.ts";
import { createHandshake, type Handshake } from "./handshake.ts";
import { createFluentdReceiver, type FluentdReceiverDeps } from "./receiver.ts";

export interface FluentdDeps extends Omit<FluentdReceiverDeps, "messageBytesMax"> {
  readonly config: FluentdConfig;
}

export interface FluentdServer {
  /** Resolves with the port, which is a free one when `port` is 0. Throws `port_in_use`, `config_invalid`. */
  listen(host: string, port: number): Promise<number>;
  /** Takes no more and waits for what was read. Safe to call twice. */
  close(): Promise<void>;
}

/** A handshake, or a message that has begun, must be whole by then. */
const HANDSHAKE_MS_MAX = 10_000;
const PARTIAL_MS_MAX = 120_000;
/** Waited before what was not taken is tried again. */
const RETRY_MS = 500;
/** Tries for a sender that went away and does not wait for an answer: about a minute. */
const ORPHAN_TRIES_MAX = 120;

export function createFluentdServer(deps: FluentdDeps): FluentdServer {
  const { config, next, clock } = deps;
  const receiver = createFluentdReceiver({ ...deps, messageBytesMax: config.messageBytesMax });
  const connections = new Map<Socket, Promise<void>>();
  let server: Server | undefined;
  let heartbeat: UdpSocket | undefined;
  let closing = false;

  /**
   * Tries until everything was taken; gives up when we close, or nobody waits for it any more. Whether the connection
   * may go on.
   */
  const deliver = async (socket: Socket, messages: readonly Uint8Array[]): Promise<boolean> => {
    const acknowledge = (chunk: string): void => {
      if (socket.writable) socket.write(encodeMsgpack({ ack: chunk }));
    };
    let rest = messages;
    let isSound = true;
    for (let orphanTries = 0; rest.length > 0; ) {
      const { left, error, isBroken } = await receiver.accept(rest, acknowledge);
      if (isBroken) isSound = false;
      if (error === undefined || left.length === 0) return isSound;
      rest = left;
      if (closing || (socket.destroyed && ++orphanTries > ORPHAN_TRIES_MAX)) {
        next.discarded(error.code, rest.length);
        return false;
      }
      await sleep(clock, RETRY_MS);
    }
    return isSound;
  };
  /** Waits for room instead of refusing: the sender waits with us. */
  const hold = async (socket: Socket, bytes: number, held: Held): Promise<void> => {
    while (!closing && !socket.destroyed) {
      try {
        held.hold(bytes);
        return;
      } catch {
        await sleep(clock, RETRY_MS);
      }
    }
  };
  const shake = (socket: Socket, handshake: Handshake, ping: Uint8Array): boolean => {
    const { pong, refusal } = handshake.answer(ping);
    socket.write(pong);
    if (refusal !== undefined) next.discarded("fluentd_unauthorized", 1);
    return refusal === undefined;
  };
  const serve = async (socket: Socket): Promise<void> => {
    const buffer = createMessageBuffer(createMsgpackScanner(config.messageBytesMax));
    let held = createReservation(next);
    let cancel: () => void = () => {};
    const expectWithin = (ms: number): void => {
      cancel();
      cancel = clock.after(ms, () => socket.destroy());
    };
    let handshake = needsHandshake(config)
      ? createHandshake({ ...config, hostname: config.hostname || hostname() })
      : undefined;
    if (handshake !== undefined) {
      expectWithin(HANDSHAKE_MS_MAX);
      socket.write(handshake.helo);
    }
    try {
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        await hold(socket, chunk.length, held);
        let messages = buffer.push(chunk);
        if (messages.length === 0) continue;
        if (handshake !== undefined) {
          if (!shake(socket, handshake, messages[0] as Uint8Array)) break;
          handshake = undefined;
          messages = messages.slice(1);
        }
        cancel();
        if (!(await deliver(socket, messages))) break;
        held.release();
        held = createReservation(next);
        if (buffer.waiting === 0) continue;
        expectWithin(PARTIAL_MS_MAX);
        await hold(socket, buffer.waiting, held);
      }
    } catch (thrown) {
      const error = asTriptychError(thrown);
      // A connection that breaks is its sender's to open again.
      if (thrown instanceof TriptychError) next.discarded(error.code, 1);
      if (thrown instanceof TriptychError && error.code === "internal") deps.report(error);
    } finally {
      cancel();
      held.release();
      socket.end();
      socket.destroySoon();
    }
  };
  const connected = (socket: Socket): void => {
    socket.on("error", () => socket.destroy());
    if (connections.size >= config.connectionsMax || closing) {
      next.discarded("fluentd_too_many_connections", 1);
      socket.destroy();
      return;
    }
    const work = serve(socket).finally(() => connections.delete(socket));
    connections.set(socket, work);
  };

  return {
    async listen(host, port) {
      server = openServer(config, connected);
      const bound = await listenTcp(server, host, port);
      heartbeat = await bindHeartbeat(host, bound);
      return bound;
    },
    async close() {
      closing = true;
      const [open, udp] = [server, heartbeat];
      server = undefined;
      heartbeat = undefined;
      const closed = Promise.all([
        open === undefined ? undefined : new Promise((resolve) => open.close(resolve)),
        udp === undefined ? undefined : new Promise<void>((resolve) => udp.close(resolve)),
      ]);
      for (const socket of connections.keys()) socket.destroy();
      await Promise.all(connections.values());
      await closed;
    },
  };
}

interface Held {
  hold(bytes: number): void;
}

const needsHandshake = ({ sharedKey, users }: FluentdConfig): boolean =>
  sharedKey !== "" || users.length > 0;

function openServer(config: FluentdConfig, connected: (socket: Socket) => void): Server {
  if (config.tlsCertFile === "") return createServer({ allowHalfOpen: true }, connected);
  const read = (path: string, key: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (cause) {
      const message = `fluentd.${key}: cannot read ${JSON.stringify(path)}`;
      throw new TriptychError("config_invalid", message, { cause });
    }
  };
  const ca = config.tlsClientCaFile;
  const server = createTlsServer(
    {
      allowHalfOpen: true,
      cert: read(config.tlsCertFile, "tlsCertFile"),
      key: read(config.tlsKeyFile, "tlsKeyFile"),
      ...(ca === ""
        ? {}
        : { ca: read(ca, "tlsClientCaFile"), requestCert: true, rejectUnauthorized: true }),
    },
    connected,
  );
  // A handshake that fails is the sender's affair.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

/** Old senders ask over UDP whether we are there; the answer is one byte, less than any question. */
async function bindHeartbeat(host: string, port: number): Promise<UdpSocket> {
  const socket = await bindUdp(host, port);
  socket.on("message", (_message, from) => socket.send(Buffer.of(0), from.port, from.address));
  return socket;
}
