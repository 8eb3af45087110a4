/**
 * A TCP or TLS server for protocols of lines without answers. A connection is read only as fast as its records become
 * durable: what is not read stays with the sender, who is told by TCP to wait. What was read and not yet durable when the
 * process dies, about a tenth of a second of lines, is lost, since these protocols have no acknowledgement.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { asTriptychError, type Clock, type TriptychError } from "@triptych/model";
import type { LogDraft } from "@triptych/wire";
import { letOthersRun } from "../../self/event-loop.ts";
import { repeat } from "../../self/repeat.ts";
import type { IngestNext } from "../next.ts";
import { listenTcp } from "../sockets.ts";
import { createFrameSplitter, type FrameSplitter } from "./frame-splitter.ts";

export interface LineTls {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** Clients must show a certificate of this authority; any client is taken without it. */
  readonly ca?: string;
}

/** What takes the records: of a `LineBatcher`, what a server needs. */
export interface LineTaker<D> {
  /** False when there is no room; nothing was taken then. */
  add(record: D): boolean;
  readonly isBusy: boolean;
  room(): Promise<void>;
}

export interface LineServerDeps<D = LogDraft> {
  readonly batcher: LineTaker<D>;
  readonly next: Pick<IngestNext, "discarded">;
  readonly clock: Clock;
  readonly report: (error: TriptychError) => void;
  readonly frameBytesMax: number;
  readonly countsOctets: boolean;
  /** The records of one frame. The drafts may keep the frame's bytes until the next call. */
  readonly drafts: (frame: Uint8Array, from: FrameSource) => readonly D[];
  /** Waited for before anything of a connection is read; must not reject. */
  readonly welcome?: (peer: string) => Promise<void>;
  readonly tls?: LineTls;
  /** 512 unless given; further connections are closed at once. */
  readonly connectionsMax?: number;
  /** A frame must be complete after this; 60 s unless given. */
  readonly frameMsMax?: number;
  /** A connection on which nothing comes is closed after this; an hour unless given, since senders keep theirs open. */
  readonly idleMsMax?: number;
}

export interface FrameSource {
  /** Nanoseconds since 1970. */
  readonly arrivalNs: bigint;
  /** The sender's address. */
  readonly peer: string;
}

export interface LineServer {
  /** Resolves with the port, which is a free one when `port` is 0. Throws `port_in_use`. */
  listen(host: string, port: number): Promise<number>;
  /** Ends all connections; what they sent whole is handed to the batcher. Safe to call twice. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 512;
const FRAME_MS_MAX = 60_000;
const IDLE_MS_MAX = 3_600_000;
const SWEEP_MS = 5_000;
/** Others run after this long. */
const SLICE_MS = 5;
/** Asking the clock costs about as much as a short line. */
const LINES_PER_LOOK = 32;
/** Incomplete frames of all connections together: 512 senders of endless lines must not hold a gigabyte. */
const PENDING_BYTES_MAX = 32 * 1024 * 1024;
const HANDSHAKE_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;
const NONE = Number.POSITIVE_INFINITY;

interface Connection {
  readonly socket: Socket;
  readonly splitter: FrameSplitter;
  lastMs: number;
  /** When the incomplete frame began; infinity when there is none. */
  frameMs: number;
  done: Promise<void>;
}

/** What the connections of a server have in common. */
interface Group {
  isClosing: boolean;
  /** Bytes of all incomplete frames. */
  readonly pending: () => number;
}

export function createLineServer<D = LogDraft>(deps: LineServerDeps<D>): LineServer {
  const { clock, next } = deps;
  const connections = new Set<Connection>();
  let server: Server | undefined;
  let stopSweep = (): void => {};
  const group: Group = { isClosing: false, pending: () => pendingBytes(connections) };

  const accept = (socket: Socket): void => {
    // Keeps an error between two reads from being an uncaught one; the loop that reads sees it too.
    socket.on("error", () => {});
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const splitter = createFrameSplitter(deps);
    const done = Promise.resolve();
    const connection = { socket, splitter, lastMs: clock.monotonicMs(), frameMs: NONE, done };
    connections.add(connection);
    connection.done = serve(connection, deps, group)
      .catch((thrown: unknown) => deps.report(asTriptychError(thrown)))
      .finally(() => {
        socket.destroy();
        connections.delete(connection);
      });
  };

  const sweep = async (): Promise<void> => {
    // Who is made to wait by us is not slow.
    if (deps.batcher.isBusy) return;
    const now = clock.monotonicMs();
    const { frameMsMax = FRAME_MS_MAX, idleMsMax = IDLE_MS_MAX } = deps;
    for (const { socket, frameMs, lastMs } of connections) {
      const isSlow = now - frameMs > frameMsMax;
      if (isSlow) next.discarded("line_incomplete", 1);
      if (isSlow || now - lastMs > idleMsMax) socket.destroy();
    }
  };

  return {
    async listen(host, port) {
      const { tls } = deps;
      server =
        tls === undefined
          ? createServer(accept)
          : createTlsServer(
              { ...tls, ...clientCheck(tls), handshakeTimeout: HANDSHAKE_MS },
              accept,
            );
      server.maxConnections = deps.connectionsMax ?? CONNECTIONS_MAX;
      server.on("drop", () => next.discarded("too_many_connections", 1));
      // Without its listener an aborted handshake would close nothing and tell nobody.
      server.on("tlsClientError", () => next.discarded("tls_handshake_failed", 1));
      stopSweep = repeat(clock, SWEEP_MS, sweep);
      return await listenTcp(server, host, port);
    },
    async close() {
      stopSweep();
      group.isClosing = true;
      const closing = server;
      server = undefined;
      if (closing === undefined) return;
      const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
      for (const { socket } of connections) socket.destroy();
      await Promise.all([...connections].map(({ done }) => done));
      await closed;
    },
  };
}

const clientCheck = ({ ca }: LineTls): object =>
  ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };

function pendingBytes(connections: ReadonlySet<Connection>): number {
  let sum = 0;
  for (const { splitter } of connections) sum += splitter.pendingBytes;
  return sum;
}

/** Reads a connection to its end. */
async function serve<D>(
  connection: Connection,
  deps: LineServerDeps<D>,
  group: Group,
): Promise<void> {
  const { socket, splitter } = connection;
  const { clock } = deps;
  const peer = plainAddress(socket.remoteAddress ?? "");
  await deps.welcome?.(peer);
  const slice = { lines: 0, endMs: clock.monotonicMs() + SLICE_MS };
  try {
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      connection.lastMs = clock.monotonicMs();
      const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
      for (const frame of splitter.push(chunk)) {
        await takeFrame(frame, { arrivalNs, peer }, { deps, group });
        connection.frameMs = NONE;
        if (++slice.lines % LINES_PER_LOOK !== 0 || clock.monotonicMs() < slice.endMs) continue;
        await letOthersRun();
        slice.endMs = clock.monotonicMs() + SLICE_MS;
      }
      if (splitter.pendingBytes === 0) connection.frameMs = NONE;
      else if (connection.frameMs === NONE) connection.frameMs = clock.monotonicMs();
      if (splitter.pendingBytes > 0 && group.pending() > PENDING_BYTES_MAX) {
        deps.next.discarded("memory_pressure", 1);
        return;
      }
    }
  } catch (thrown) {
    // A sender that goes away in the middle, or that we sent away: what it sent counts.
    if (!socket.destroyed) throw thrown;
  } finally {
    const last = splitter.end();
    const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
    if (last !== undefined) await takeFrame(last, { arrivalNs, peer }, { deps, group });
  }
}

async function takeFrame<D>(
  frame: Uint8Array,
  from: FrameSource,
  { deps, group }: { readonly deps: LineServerDeps<D>; readonly group: Group },
): Promise<void> {
  const { batcher, drafts, next } = deps;
  for (const draft of drafts(frame, from)) {
    try {
      while (!batcher.add(draft)) {
        // Waiting for a store that is away must not keep the process from ending.
        if (group.isClosing) {
          next.discarded("shutting_down", 1);
          break;
        }
        await batcher.room();
      }
    } catch (thrown) {
      const error = asTriptychError(thrown);
      if (error.code === "internal") throw thrown;
      next.discarded(error.code, 1);
    }
  }
}

/** IPv4 addresses of a socket for both families. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}
