/** A connection that speaks RESP2, Redis' protocol: commands one after another, replies bounded in size and depth. */
import { createConnection, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export type Reply = string | number | null | readonly Reply[];

/** The server answered with an error: `-ERR …`. */
export class RedisError extends Error {}

export interface RedisConnection {
  /** Throws a `RedisError` when the server says no, another error when the connection is lost. */
  command(...words: readonly string[]): Promise<Reply>;
  readonly isOpen: boolean;
  close(): void;
}

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  readonly tls: { readonly ca: string | undefined; readonly insecure: boolean } | undefined;
}

/** `INFO ALL` is some kilobytes; `CONFIG GET *` some tens. */
const REPLY_BYTES_MAX = 8 * 1024 * 1024;
const DEPTH_MAX = 8;
const ITEMS_MAX = 100_000;

export function openRedis(address: RedisAddress, signal: AbortSignal): Promise<RedisConnection> {
  return new Promise((resolve, reject) => {
    const { host, port, socketPath, tls } = address;
    const socket: Socket =
      socketPath !== undefined
        ? createConnection({ path: socketPath })
        : tls === undefined
          ? createConnection({ host, port })
          : connectTls({
              host,
              port,
              servername: /^[\d.]+$|:/.test(host) ? "" : host,
              rejectUnauthorized: !tls.insecure,
              ...(tls.ca === undefined ? {} : { ca: tls.ca }),
            });
    const waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = [];
    let received: Buffer = Buffer.alloc(0);
    let failure: Error | undefined;
    const fail = (error: Error): void => {
      failure ??= error;
      socket.destroy();
      reject(failure);
      for (const one of waiting.splice(0)) one.reject(failure);
    };
    signal.addEventListener("abort", () => fail(new Error("the collection was stopped")), {
      once: true,
    });
    socket.once("error", fail);
    socket.once("close", () => fail(new Error("the server closed the connection")));
    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      try {
        for (;;) {
          const read = readReply(received, 0, 0);
          if (read === undefined) break;
          received = received.subarray(read.end);
          const one = waiting.shift();
          if (one === undefined) throw new Error("the server answered what was not asked");
          if (read.reply instanceof RedisError) one.reject(read.reply);
          else one.resolve(read.reply);
        }
        if (received.length > REPLY_BYTES_MAX)
          throw new Error(`the server's answer is larger than ${REPLY_BYTES_MAX} bytes`);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.once(tls === undefined || socketPath !== undefined ? "connect" : "secureConnect", () =>
      resolve({
        command(...words) {
          if (failure !== undefined) return Promise.reject(failure);
          return new Promise((done, no) => {
            waiting.push({ resolve: done, reject: no });
            socket.write(encodeCommand(words));
          });
        },
        get isOpen() {
          return failure === undefined;
        },
        close: () => fail(new Error("the connection was closed")),
      }),
    );
  });
}

function encodeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words
    .map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
    .join("")}`;
}

interface Read {
  readonly reply: Reply | RedisError;
  readonly end: number;
}

/** The reply at `at`; undefined when not all of it is there. Throws when it is none. */
export function readReply(bytes: Buffer, at: number, depth: number): Read | undefined {
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString("utf8", at + 1, lineEnd);
  const next = lineEnd + 2;
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case "+":
      return { reply: line, end: next };
    case "-":
      return { reply: new RedisError(line.slice(0, 500)), end: next };
    case ":":
      return { reply: Number(line), end: next };
    case "$": {
      const size = sizeOf(line, REPLY_BYTES_MAX);
      if (size < 0) return { reply: null, end: next };
      if (bytes.length < next + size + 2) return undefined;
      return { reply: bytes.toString("utf8", next, next + size), end: next + size + 2 };
    }
    case "*":
      return readArray(bytes, { next, count: sizeOf(line, ITEMS_MAX), depth });
    default:
      throw new Error("this is no Redis server: its answer is not RESP");
  }
}

function readArray(
  bytes: Buffer,
  { next, count, depth }: { readonly next: number; readonly count: number; readonly depth: number },
): Read | undefined {
  if (count < 0) return { reply: null, end: next };
  if (depth >= DEPTH_MAX) throw new Error("the server's answer is nested too deeply");
  const items: Reply[] = [];
  let end = next;
  for (let i = 0; i < count; i++) {
    const item = readReply(bytes, end, depth + 1);
    if (item === undefined) return undefined;
    items.push(item.reply instanceof RedisError ? item.reply.message : item.reply);
    end = item.end;
  }
  return { reply: items, end };
}

function sizeOf(line: string, max: number): number {
  const size = Number(line);
  if (!Number.isInteger(size) || size < -1 || size > max)
    throw new Error(`the server's answer declares a size of ${line.slice(0, 20)}`);
  return size;
}
