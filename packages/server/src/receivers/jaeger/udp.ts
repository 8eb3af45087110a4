/**
 * The Jaeger agent's ports: datagrams with `emitBatch` calls, thrift compact on 6831 and binary on 6832. UDP has no
 * answer, so what cannot be taken is dropped and counted: the queue is full, memory is short, it cannot be read.
 */
import type { Socket } from "node:dgram";
import { asTriptychError } from "@triptych/model";
import { acceptJaeger, type JaegerDeps } from "./receiver.ts";
import { bindUdp } from "../sockets.ts";

export interface JaegerUdpDeps extends JaegerDeps {
  readonly protocol: "compact" | "binary";
  /** Datagrams that wait; 1,000 unless given. */
  readonly queueMax?: number;
}

export interface JaegerUdpServer {
  /** Resolves with the port, which is a free one when `port` is 0. Throws `port_in_use`. */
  listen(host: string, port: number): Promise<number>;
  /** Takes no more datagrams and waits for those already taken. Safe to call twice. */
  close(): Promise<void>;
}

/** At 65,000 bytes each at most 64 MiB, about a second of a busy host. */
const QUEUE_MAX = 1_000;
/** Made durable at once; they share the journal's syncs. */
const RUNNING_MAX = 16;

export function createJaegerUdp(deps: JaegerUdpDeps): JaegerUdpServer {
  const { next, queueMax = QUEUE_MAX } = deps;
  const queue: { readonly bytes: Uint8Array; readonly release: () => void }[] = [];
  const running = new Set<Promise<void>>();
  let socket: Socket | undefined;

  const pump = (): void => {
    while (running.size < RUNNING_MAX) {
      const datagram = queue.shift();
      if (datagram === undefined) return;
      const work = acceptJaeger(datagram.bytes, `thrift-call-${deps.protocol}`, deps)
        .catch((thrown: unknown) => {
          const error = asTriptychError(thrown);
          // Nobody can send it again, so also what might be retried is lost here.
          next.discarded(error.code, 1);
          if (error.code === "internal") deps.report(error);
        })
        .finally(() => {
          datagram.release();
          running.delete(work);
          pump();
        });
      running.add(work);
    }
  };

  const take = (bytes: Uint8Array): void => {
    if (queue.length >= queueMax) {
      next.discarded("queue_full", 1);
      return;
    }
    try {
      queue.push({ bytes, release: next.admit(bytes.length) });
    } catch (thrown) {
      next.discarded(asTriptychError(thrown).code, 1);
      return;
    }
    pump();
  };

  return {
    async listen(host, port) {
      const bound = await bindUdp(host, port);
      socket = bound;
      // Errors of single datagrams (an ICMP answer) leave the socket usable.
      bound.on("error", (error) => deps.report(asTriptychError(error)));
      bound.on("message", take);
      return bound.address().port;
    },
    async close() {
      const open = socket;
      socket = undefined;
      if (open !== undefined) await new Promise<void>((resolve) => open.close(resolve));
      // Work that ends begins the next, so the set is looked at until it stays empty.
      while (running.size > 0) await Promise.all(running);
    },
  };
}
