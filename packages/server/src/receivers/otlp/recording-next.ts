/**
 * An `IngestNext` that remembers what it was given, and servers in front of it on free ports. Tests only.
 */
import { type Batch, type Clock, defaultLimits, type Limits, TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { createHttpServer } from "../http-server.ts";
import type { IngestNext } from "../next.ts";
import type { Cors } from "./cors.ts";
import { createOtlpGrpcServer } from "./grpc.ts";
import type { UnaryGrpcServer } from "./unary-grpc-server.ts";
import { registerOtlpHttp } from "./http.ts";
import { createOtlpReceiver } from "./receiver.ts";

export interface RecordingNext extends IngestNext {
  readonly batches: Batch[];
  readonly discards: Map<string, number>;
  /** Bytes of the budget that are held now, and the most that were. */
  heldBytes: number;
  heldBytesMost: number;
  /** Thrown by `accept` while set. */
  failure: TriptychError | undefined;
  /** `accept` waits for it. */
  gate: Promise<void>;
}

export function createRecordingNext(budgetBytes: number): RecordingNext {
  const hashes = new Set<string>();
  const next: RecordingNext = {
    batches: [],
    discards: new Map(),
    heldBytes: 0,
    heldBytesMost: 0,
    failure: undefined,
    gate: Promise.resolve(),
    duplicateOf: (hash) => (hashes.has(Buffer.from(hash).toString("hex")) ? next.gate : null),
    async accept(batch, hash) {
      await next.gate;
      if (next.failure !== undefined) throw next.failure;
      next.batches.push(batch);
      if (hash !== null) hashes.add(Buffer.from(hash).toString("hex"));
    },
    admit(bytes) {
      if (next.heldBytes + bytes > budgetBytes) {
        throw new TriptychError("memory_pressure", `More than ${budgetBytes} bytes are in flight.`);
      }
      next.heldBytes += bytes;
      next.heldBytesMost = Math.max(next.heldBytesMost, next.heldBytes);
      let given = false;
      return () => {
        if (!given) next.heldBytes -= bytes;
        given = true;
      };
    },
    discarded(reason, items) {
      next.discards.set(reason, (next.discards.get(reason) ?? 0) + items);
    },
  };
  return next;
}

export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

export interface TestServers {
  readonly next: RecordingNext;
  readonly app: FastifyInstance;
  readonly grpc: UnaryGrpcServer;
  /** Without a slash at the end. */
  readonly httpUrl: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly bugs: TriptychError[];
  close(): Promise<void>;
}

export async function startServers(
  options: {
    readonly limits?: Partial<Limits>;
    readonly cors?: Cors;
    readonly uploadMsMax?: number;
  } = {},
): Promise<TestServers> {
  const limits = { ...defaultLimits, ...options.limits };
  const next = createRecordingNext(limits.inFlightBytesMax);
  const bugs: TriptychError[] = [];
  const report = (error: TriptychError) => void bugs.push(error);
  const clock = realClock;
  const receiver = createOtlpReceiver({ next, limits, clock });
  const app = createHttpServer({ report });
  registerOtlpHttp(app, { receiver, next, limits, report, cors: options.cors ?? false });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const grpc = createOtlpGrpcServer({
    receiver,
    next,
    limits,
    report,
    clock,
    closeGraceMs: 500,
    ...(options.uploadMsMax === undefined ? {} : { uploadMsMax: options.uploadMsMax }),
  });
  const grpcPort = await grpc.listen("127.0.0.1", 0);
  const address = app.server.address();
  const httpPort = typeof address === "object" ? (address?.port ?? 0) : 0;
  return {
    next,
    app,
    grpc,
    httpUrl: `http://127.0.0.1:${httpPort}`,
    httpPort,
    grpcPort,
    bugs,
    async close() {
      app.server.closeAllConnections();
      await app.close();
      await grpc.close();
    },
  };
}
