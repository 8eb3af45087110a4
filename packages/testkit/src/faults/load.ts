/**
 * Senders as a fault run needs them: every request has ids of its own, is sent again byte for byte until it is
 * acknowledged (also by the next process), and is noted in the ledger when it is.
 */
import type { AckLedger } from "../ack-ledger.ts";
import {
  type Answer,
  createGrpcClient,
  createHttpClient,
  type OtlpClient,
} from "../otlp-client.ts";
import { type Encoding, encodePayload, type Signal } from "../otlp-payload.ts";
import type { Rng } from "../rng.ts";
import type { RunningServer } from "../start-server.ts";
import { pause } from "./case.ts";

/** Ids of request `n` start at `n * ID_STRIDE`. */
export const ID_STRIDE = 100_000;

export interface SentRequest {
  readonly number: number;
  readonly signal: Signal;
  readonly rows: number;
  readonly body: Uint8Array;
}

interface Lane {
  readonly transport: "http" | "grpc";
  readonly encoding: Encoding;
  waiting: SentRequest | undefined;
}

export interface LoadOptions {
  readonly rng: Rng;
  readonly ledger: AckLedger;
  /** Senders; each has one request under way. */
  readonly lanes?: number;
  readonly rowsMax?: number;
  readonly signals?: readonly Signal[];
  /** Pause of a sender between two requests. */
  readonly pauseMs?: number;
}

export interface Load {
  /** Every request that was ever sent, by its number. */
  readonly sent: ReadonlyMap<number, SentRequest>;
  readonly answers: Answer[];
  readonly acked: number;
  /** Sends until `stop`, to this process. */
  start(server: RunningServer): { stop(): Promise<void> };
  /** Sends again what is not acknowledged, until everything is. */
  finish(server: RunningServer, msMax: number): Promise<void>;
}

export function createLoad(options: LoadOptions): Load {
  const { rng, ledger } = options;
  const kinds: readonly Omit<Lane, "waiting">[] = [
    { transport: "http", encoding: "protobuf" },
    { transport: "grpc", encoding: "protobuf" },
    { transport: "http", encoding: "json" },
  ];
  const lanes: Lane[] = Array.from({ length: options.lanes ?? 6 }, (_, i) => ({
    ...(kinds[i % kinds.length] ?? { transport: "http", encoding: "protobuf" }),
    waiting: undefined,
  }));
  const sent = new Map<number, SentRequest>();
  const answers: Answer[] = [];
  let number = 0;
  let acked = 0;

  const compose = (encoding: Encoding): SentRequest => {
    number++;
    const signal = rng.pick<Signal>(options.signals ?? ["traces", "logs", "metrics"]);
    const rows = 1 + rng.below(options.rowsMax ?? 300);
    const payload = {
      signal,
      rows,
      firstId: number * ID_STRIDE,
      nowMs: Date.now(),
      // Several partitions: one request must not be torn between them.
      days: rng.pick([1, 1, 2, 3]),
    };
    const body = encodePayload(payload, encoding);
    const request = { number, signal, rows, body };
    sent.set(number, { ...request, body: new Uint8Array(0) });
    return request;
  };
  const attempt = async (lane: Lane, client: OtlpClient): Promise<boolean> => {
    lane.waiting ??= compose(lane.encoding);
    const request = lane.waiting;
    const answer = await client.send(request.signal, request.body);
    answers.push(answer);
    if (answer.status !== 200) return false;
    ledger.record(String(request.number));
    acked++;
    lane.waiting = undefined;
    return true;
  };
  const clientFor = (lane: Lane, server: RunningServer): OtlpClient =>
    lane.transport === "grpc"
      ? createGrpcClient(server.otlpGrpcUrl)
      : createHttpClient(server.otlpHttpUrl, lane.encoding, { connections: 1 });
  return {
    sent,
    answers,
    get acked() {
      return acked;
    },
    start(server) {
      let stopped = false;
      void server.exited.then(() => {
        stopped = true;
      });
      const running = lanes.map(async (lane) => {
        const client = clientFor(lane, server);
        while (!stopped) {
          const good = await attempt(lane, client);
          if (!good) await pause(20);
          else if (options.pauseMs !== undefined) await pause(options.pauseMs);
        }
        client.close();
      });
      return {
        async stop() {
          stopped = true;
          await Promise.all(running);
        },
      };
    },
    async finish(server, msMax) {
      const deadline = performance.now() + msMax;
      let late = false;
      await Promise.all(
        lanes.map(async (lane) => {
          const client = clientFor(lane, server);
          while (lane.waiting !== undefined) {
            if (await attempt(lane, client)) break;
            late ||= performance.now() > deadline;
            if (late) break;
            await pause(50);
          }
          client.close();
        }),
      );
      if (!late) return;
      const last = answers.at(-1);
      const text = last?.body
        .toString("latin1")
        .replaceAll(/[^ -~]+/g, " ")
        .slice(0, 200);
      throw new Error(
        `after ${msMax / 1000} s alone a request is still answered ${last?.status}: ${text}`,
      );
    },
  };
}
