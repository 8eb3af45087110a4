/** Jaeger's ways in, each over a real socket: HTTP, UDP, gRPC and the sampling strategies. */
import { createSocket } from "node:dgram";
import { gzipSync } from "node:zlib";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { defaultLimits, type SpanBatch, TriptychError } from "@triptych/model";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createHttpServer } from "../http-server.ts";
import { createOtlpReceiver } from "../otlp/receiver.ts";
import { createRecordingNext, realClock, type RecordingNext } from "../otlp/recording-next.ts";
import { createJaegerGrpcServer } from "./grpc.ts";
import { registerJaegerHttp, registerJaegerSampling } from "./http.ts";
import { createJaegerUdp } from "./udp.ts";

const HOST = "127.0.0.1";
let next: RecordingNext;
/** Called for every batch and every discard. */
let noticed: () => void;
let url = "";
let grpcPort = 0;
const udpPorts = { compact: 0, binary: 0 };
const bugs: TriptychError[] = [];
const report = (error: TriptychError) => void bugs.push(error);
const forward: RecordingNext = new Proxy({} as RecordingNext, {
  get(_, key) {
    const value: unknown = Reflect.get(next, key);
    if (key !== "discarded" && key !== "accept") return value;
    return (...args: unknown[]): unknown => {
      const done: unknown = Reflect.apply(value as () => unknown, next, args);
      void Promise.resolve(done).then(noticed, noticed);
      return done;
    };
  },
});
const limits = { ...defaultLimits, bodyBytesMax: 1024 * 1024 };
const deps = { next: forward, limits, clock: realClock, report };
const app = createHttpServer({ report });
const grpc = createJaegerGrpcServer({ ...deps, receiver: createOtlpReceiver(deps) });
const udp = {
  compact: createJaegerUdp({ ...deps, protocol: "compact" }),
  binary: createJaegerUdp({ ...deps, protocol: "binary" }),
};

beforeAll(async () => {
  registerJaegerHttp(app, { ...deps, prefixes: ["", "/jaeger"] });
  const rates = { default: 0.25, services: { shop: 1 } };
  registerJaegerSampling(app, { rates, prefixes: [""] });
  url = await app.listen({ host: HOST, port: 0 });
  grpcPort = await grpc.listen(HOST, 0);
  udpPorts.compact = await udp.compact.listen(HOST, 0);
  udpPorts.binary = await udp.binary.listen(HOST, 0);
});
afterAll(async () => {
  await Promise.all([app.close(), grpc.close(), udp.compact.close(), udp.binary.close()]);
  expect(bugs).toEqual([]);
});
beforeEach(() => {
  next = createRecordingNext(64 * 1024 * 1024);
  noticed = () => undefined;
});
const rows = () => next.batches.reduce((sum, batch) => sum + (batch as SpanBatch).rows, 0);

const i64 = (value: number) => [0, 0, 0, 0, 0, 0, 0, value];
const binarySpan = [
  ...[10, 0, 1, ...i64(1)],
  ...[10, 0, 2, ...i64(0)],
  ...[10, 0, 3, ...i64(2)],
  ...[11, 0, 5, 0, 0, 0, 2, 0x6f, 0x70],
  0,
];
const binaryBatch = [
  ...[12, 0, 1, 11, 0, 1, 0, 0, 0, 1, 0x61, 0],
  ...[15, 0, 2, 12, 0, 0, 0, 1, ...binarySpan],
  0,
];
const emitBatch = [...new TextEncoder().encode("emitBatch")];
const binaryCall = [
  0x80,
  1,
  0,
  4,
  0,
  0,
  0,
  9,
  ...emitBatch,
  0,
  0,
  0,
  1,
  12,
  0,
  1,
  ...binaryBatch,
  0,
];
const compactSpan = [0x16, 2, 0x16, 0, 0x16, 4, 0x28, 2, 0x6f, 0x70, 0];
const compactBatch = [0x1c, 0x18, 1, 0x61, 0, 0x19, 0x1c, ...compactSpan, 0];
const compactCall = [0x82, 0x81, 1, 9, ...emitBatch, 0x1c, ...compactBatch, 0];

describe("HTTP", () => {
  const post = (
    body: number[] | Uint8Array,
    headers: Record<string, string> = { "content-type": "application/x-thrift" },
    path = "/api/traces?format=jaeger.thrift",
  ) => fetch(url + path, { method: "POST", body: Uint8Array.from(body), headers });
  const taken = (name: string, send: () => Promise<Response>) =>
    test(name, async () => {
      expect((await send()).status).toBe(202);
      expect(rows()).toBe(1);
      expect(next.heldBytes).toBe(0);
    });
  taken("a batch", () => post(binaryBatch));
  taken("the other name of the type", () =>
    post(binaryBatch, { "content-type": "application/vnd.apache.thrift.binary" }),
  );
  taken("gzip", () =>
    post(gzipSync(Uint8Array.from(binaryBatch)), {
      "content-type": "application/x-thrift",
      "content-encoding": "gzip",
    }),
  );
  taken("under a prefix", () => post(binaryBatch, undefined, "/jaeger/api/traces"));

  test("what is malformed is refused and counted", async () => {
    const answer = await post(binaryBatch.slice(0, 30));
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(/Malformed thrift/);
    expect([...next.discards]).toEqual([["wire_malformed", 1]]);
  });
  test("another type is refused", async () => {
    const answer = await post(binaryBatch, { "content-type": "application/json" });
    expect(answer.status).toBe(415);
    expect(await answer.text()).toMatch(/application\/x-thrift/);
  });
  test("a full queue is answered with when to try again", async () => {
    next.failure = new TriptychError("queue_full", "the journal is full", { retryAfterSeconds: 3 });
    const answer = await post(binaryBatch);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("3");
    expect([...next.discards]).toEqual([]);
  });
});

describe("sampling strategies", () => {
  const check = (path: string, samplingRate: number) =>
    test(path, async () =>
      expect(await (await fetch(url + path)).json()).toEqual({
        strategyType: "PROBABILISTIC",
        probabilisticSampling: { samplingRate },
      }),
    );
  check("/sampling?service=shop", 1);
  check("/api/sampling?service=other", 0.25);
  check("/sampling?service=constructor", 0.25);
  test("no service is refused", async () =>
    expect((await fetch(`${url}/sampling`)).status).toBe(400));
});

describe("UDP", () => {
  const send = async (
    protocol: "compact" | "binary",
    bytes: number[],
    port = udpPorts[protocol],
  ): Promise<void> => {
    const done = new Promise<void>((resolve) => {
      noticed = resolve;
    });
    const socket = createSocket("udp4");
    socket.send(Uint8Array.from(bytes), port, HOST);
    await done;
    socket.close();
  };
  test("a compact call", async () => {
    await send("compact", compactCall);
    expect(rows()).toBe(1);
  });
  test("a binary call", async () => {
    await send("binary", binaryCall);
    expect(rows()).toBe(1);
  });
  test("what cannot be read is counted", async () => {
    await send("binary", compactCall);
    expect([...next.discards]).toEqual([["wire_malformed", 1]]);
  });
  test("what finds no memory is counted", async () => {
    next = createRecordingNext(10);
    await send("compact", compactCall);
    expect([...next.discards]).toEqual([["memory_pressure", 1]]);
  });
  test("what finds the queue full is counted", async () => {
    const full = createJaegerUdp({ ...deps, protocol: "compact", queueMax: 0 });
    await send("compact", compactCall, await full.listen(HOST, 0));
    expect([...next.discards]).toEqual([["queue_full", 1]]);
    await full.close();
    await full.close();
  });
  test("a port that is taken is said", async () => {
    const second = createJaegerUdp({ ...deps, protocol: "compact" });
    await expect(second.listen(HOST, udpPorts.compact)).rejects.toMatchObject({
      code: "port_in_use",
    });
  });
  test("what the journal does not take is counted", async () => {
    next.failure = new TriptychError("queue_full", "the journal is full");
    await send("compact", compactCall);
    await expect.poll(() => [...next.discards]).toEqual([["queue_full", 1]]);
    await expect.poll(() => next.heldBytes).toBe(0);
  });
});

describe("gRPC", () => {
  const call = async (bytes: number[]): Promise<ServiceError | undefined> => {
    const client = new Client(`${HOST}:${grpcPort}`, credentials.createInsecure());
    const same = (buffer: Buffer) => buffer;
    const path = "/jaeger.api_v2.CollectorService/PostSpans";
    const error = await new Promise<ServiceError | undefined>((resolve) => {
      client.makeUnaryRequest(path, same, same, Buffer.from(bytes), (failed) =>
        resolve(failed ?? undefined),
      );
    });
    client.close();
    return error;
  };
  const span = [10, 16, ...i64(0), ...i64(1), 18, 8, ...i64(2)];
  const request = [10, span.length + 2, 10, span.length, ...span];
  test("spans are taken", async () => {
    expect(await call(request)).toBeUndefined();
    expect(rows()).toBe(1);
  });
  test("what is malformed is refused", async () => {
    const error = await call([10, 99]);
    expect(error?.code).toBe(3);
    expect(error?.details).toMatch(/Malformed protobuf/);
    expect([...next.discards]).toEqual([["wire_malformed", 1]]);
  });
  test("a full queue is unavailable", async () => {
    next.failure = new TriptychError("queue_full", "the journal is full");
    expect((await call(request))?.code).toBe(14);
  });
});
