/** OTLP over gRPC against grpc-js' own client and hand-written HTTP/2. */
import { connect as connectHttp2, type ClientHttp2Session, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import {
  compressionAlgorithms,
  credentials,
  Client,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { TriptychError } from "@triptych/model";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createOtlpGrpcServer } from "./grpc.ts";
import { realClock, startServers, type TestServers } from "./recording-next.ts";

const MiB = 1024 * 1024;
const BODY_BYTES_MAX = 4 * MiB;
const TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

let servers: TestServers;
let client: Client;
let session: ClientHttp2Session;
beforeAll(async () => {
  servers = await startServers({
    limits: { bodyBytesMax: BODY_BYTES_MAX, inFlightBytesMax: 16 * MiB },
    uploadMsMax: 400,
  });
});
beforeEach(() => {
  const address = `127.0.0.1:${servers.grpcPort}`;
  client = new Client(address, credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
  });
  session = connectHttp2(`http://${address}`);
  session.on("error", () => {});
  servers.next.batches.splice(0);
  servers.next.discards.clear();
  servers.next.failure = undefined;
});
afterEach(async () => {
  client.close();
  session.destroy();
  await expect.poll(() => servers.next.heldBytes).toBe(0);
  expect(servers.bugs.splice(0)).toEqual([]);
});
afterAll(() => servers.close());

const field = (number: number, bytes: Buffer) =>
  Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
/** A trace request with one span whose name is one byte. */
const span = (name: number) =>
  field(
    1,
    field(
      2,
      field(
        2,
        Buffer.concat([
          field(1, Buffer.alloc(16, 7)),
          field(2, Buffer.alloc(8, 9)),
          field(5, Buffer.from([name])),
        ]),
      ),
    ),
  );

interface Outcome {
  readonly code: number;
  readonly details: string;
  /** The `google.rpc.Status` of the trailers, as text in which type names can be found. */
  readonly status: string;
  readonly bytes: Buffer | undefined;
}

/** One call with grpc-js' client. */
function call(path: string, body: Buffer, gzip = false): Promise<Outcome> {
  return new Promise((resolve) => {
    const same = (bytes: Buffer) => bytes;
    const options = gzip
      ? { "grpc.default_compression_algorithm": compressionAlgorithms.gzip }
      : {};
    const used = gzip
      ? new Client(`127.0.0.1:${servers.grpcPort}`, credentials.createInsecure(), options)
      : client;
    used.makeUnaryRequest(path, same, same, body, (error: ServiceError | null, bytes?: Buffer) => {
      const binary = error?.metadata.get("grpc-status-details-bin")[0];
      resolve({
        code: error?.code ?? status.OK,
        details: error?.details ?? "",
        status: binary === undefined ? "" : Buffer.from(binary).toString("latin1"),
        bytes,
      });
      if (gzip) used.close();
    });
  });
}

const frame = (body: Uint8Array, flag = 0, length = body.length) => {
  const header = Buffer.alloc(5);
  header[0] = flag;
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, body]);
};

/** One call by hand: any bytes, any encoding. Resolves with trailers and the code; -1 when the stream was reset. */
function rawCall(
  bytes: Uint8Array,
  headers: Record<string, string> = {},
  end = true,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": TRACES,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let found: Outcome = { code: -1, details: "", status: "", bytes: undefined };
    const read = (trailers: Record<string, unknown>) => {
      if (trailers["grpc-status"] === undefined) return;
      found = {
        code: Number(trailers["grpc-status"]),
        details: decodeURI(String(trailers["grpc-message"] ?? "")),
        status: Buffer.from(String(trailers["grpc-status-details-bin"] ?? ""), "base64").toString(
          "latin1",
        ),
        bytes: undefined,
      };
    };
    stream.on("response", read);
    stream.on("trailers", read);
    stream.on("error", () => {});
    stream.on("close", () => resolve(found));
    stream.resume();
    if (end) stream.end(bytes);
    else stream.write(bytes);
  });
}

interface Want {
  readonly code: number;
  readonly details?: RegExp;
  /** In the status of the trailers; "" when there must be none of this. */
  readonly has?: string;
  readonly hasNot?: string;
  readonly rows?: number;
  readonly discards?: Record<string, number>;
}
const verify = (got: Outcome, want: Want) => {
  expect(got.code, got.details).toBe(want.code);
  if (want.details !== undefined) expect(got.details).toMatch(want.details);
  if (want.has !== undefined) expect(got.status).toContain(want.has);
  if (want.hasNot !== undefined) expect(got.status).not.toContain(want.hasNot);
  if (want.discards !== undefined)
    expect(Object.fromEntries(servers.next.discards)).toEqual(want.discards);
  if (want.rows !== undefined)
    expect(servers.next.batches.reduce((sum, batch) => sum + batch.rows, 0)).toBe(want.rows);
};
const check = (name: string, path: string, body: Buffer, want: Want, gzip = false) =>
  test(name, async () => verify(await call(path, body, gzip), want));
const checkRaw = (name: string, bytes: Uint8Array, headers: Record<string, string>, want: Want) =>
  test(name, async () => verify(await rawCall(bytes, headers), want));
const checkFailing = (name: string, failure: TriptychError, want: Want) =>
  test(name, async () => {
    servers.next.failure = failure;
    verify(await call(TRACES, span(name.charCodeAt(0)), false), want);
  });

const zeros = Buffer.alloc(64 * MiB);
const retry = "RetryInfo";
const tooLarge: Want = {
  code: status.RESOURCE_EXHAUSTED,
  hasNot: retry,
  rows: 0,
  discards: { wire_too_large: 1 },
};

describe("takes", () => {
  check("a span", TRACES, span(1), { code: status.OK, rows: 1, discards: {} });
  check("a span, gzip", TRACES, span(2), { code: status.OK, rows: 1 }, true);
  check("nothing: traces", TRACES, Buffer.alloc(0), { code: status.OK, rows: 0 });
  check("nothing: logs", LOGS, Buffer.alloc(0), { code: status.OK, rows: 0 });
  check("nothing: metrics", METRICS, Buffer.alloc(0), { code: status.OK, rows: 0 });
  checkRaw(
    "gzip",
    frame(gzipSync(span(3)), 1),
    { "grpc-encoding": "gzip" },
    { code: status.OK, rows: 1 },
  );
  checkRaw(
    "deflate",
    frame(deflateSync(span(4)), 1),
    { "grpc-encoding": "deflate" },
    { code: status.OK, rows: 1 },
  );
  checkRaw(
    "gzip announced and not used",
    frame(span(5)),
    { "grpc-encoding": "gzip" },
    { code: status.OK, rows: 1 },
  );
  test("the same twice, stored once", async () => {
    for (let i = 0; i < 2; i++) verify(await call(TRACES, span(6)), { code: status.OK, rows: 1 });
  });
});

describe("refuses for good", () => {
  check("broken protobuf", TRACES, Buffer.from([0x0a, 0x7f, 1]), {
    code: status.INVALID_ARGUMENT,
    details: /byte \d/,
    has: "BadRequest",
    hasNot: retry,
    discards: { wire_malformed: 1 },
  });
  check("a message over the limit", TRACES, zeros.subarray(0, BODY_BYTES_MAX + 1), tooLarge);
  check(
    "an unknown service",
    "/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export",
    span(1),
    { code: status.UNIMPLEMENTED, rows: 0 },
  );
  checkRaw("a gzip bomb", frame(gzipSync(zeros), 1), { "grpc-encoding": "gzip" }, tooLarge);
  checkRaw(
    "a deflate bomb",
    frame(deflateSync(zeros), 1),
    { "grpc-encoding": "deflate" },
    tooLarge,
  );
  checkRaw(
    "broken gzip",
    frame(Buffer.from("rubbish"), 1),
    { "grpc-encoding": "gzip" },
    {
      code: status.INVALID_ARGUMENT,
      details: /gzip/,
      has: "BadRequest",
      discards: { encoding_malformed: 1 },
    },
  );
  checkRaw(
    "an unknown encoding",
    frame(span(1), 1),
    { "grpc-encoding": "br" },
    { code: status.UNIMPLEMENTED, details: /encoding/, rows: 0 },
  );
  checkRaw("a frame that declares 4 GiB", frame(span(1), 0, 0xffffffff), {}, tooLarge);
  checkRaw(
    "two messages",
    Buffer.concat([frame(span(1)), frame(span(2))]),
    {},
    { code: status.INVALID_ARGUMENT, rows: 0 },
  );
  checkRaw(
    "a thousand messages",
    Buffer.concat(Array.from({ length: 1000 }, () => frame(gzipSync(zeros.subarray(0, MiB)), 1))),
    { "grpc-encoding": "gzip" },
    { code: status.INVALID_ARGUMENT, rows: 0 },
  );
  test("a frame cut short is answered at the deadline", async () => {
    verify(await rawCall(frame(span(1), 0, 1000), {}, false), {
      code: status.DEADLINE_EXCEEDED,
      rows: 0,
    });
  });
});

describe("asks to try again", () => {
  checkFailing("full journal", new TriptychError("queue_full", "full", { retryAfterSeconds: 7 }), {
    code: status.UNAVAILABLE,
    details: /^full$/,
    has: retry,
    discards: {},
  });
  checkFailing("disk full", new TriptychError("disk_full", "half a pair \ud800 and 100 %"), {
    code: status.UNAVAILABLE,
    details: /100 %/,
    has: retry,
  });
  test("budget spent", async () => {
    const release = servers.next.admit(16 * MiB);
    verify(await call(TRACES, span(8)), { code: status.UNAVAILABLE, has: retry });
    release();
    verify(await call(TRACES, span(8)), { code: status.OK, rows: 1 });
  });
});

test("a bug of ours says nothing about the inside", async () => {
  servers.next.failure = new TriptychError("internal", "on purpose");
  const got = await call(TRACES, span(9));
  expect(got.code).toBe(status.INTERNAL);
  expect(got.details).not.toContain("on purpose");
  expect(servers.bugs.splice(0)).toHaveLength(1);
});

test("fifty bombs at once stay within the budget, and a normal call gets through after them", async () => {
  const bomb = frame(gzipSync(zeros.subarray(0, BODY_BYTES_MAX - 1)), 1);
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () => rawCall(bomb, { "grpc-encoding": "gzip" })),
  );
  expect(servers.next.heldBytesMost).toBeLessThanOrEqual(16 * MiB);
  expect(new Set(outcomes.map((outcome) => outcome.code)).size).toBeGreaterThan(0);
  for (const { code } of outcomes)
    expect([status.UNAVAILABLE, status.INVALID_ARGUMENT]).toContain(code);
  verify(await call(TRACES, span(10)), { code: status.OK, rows: 1 });
});

test("streams that are reset at once harm nobody", async () => {
  for (let i = 0; i < 3000 && !session.destroyed; i++) {
    const stream = session.request({
      ":method": "POST",
      ":path": TRACES,
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    stream.write(frame(span(1)).subarray(0, 8));
    stream.close(constants.NGHTTP2_CANCEL);
  }
  verify(await call(TRACES, span(11)), { code: status.OK, rows: 1 });
});

test("what is not HTTP/2 is hung up on", async () => {
  await new Promise<void>((resolve) => {
    const socket = connectTcp(servers.grpcPort, "127.0.0.1", () =>
      socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50)),
    );
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.resume();
  });
  verify(await call(TRACES, span(12)), { code: status.OK, rows: 1 });
});

test("a port in use is said so, and closing twice is safe", async () => {
  const { next } = servers;
  const receiver = {
    traces: () => Promise.reject(),
    metrics: () => Promise.reject(),
    logs: () => Promise.reject(),
  };
  const { defaultLimits } = await import("@triptych/model");
  const second = createOtlpGrpcServer({
    receiver,
    next,
    limits: defaultLimits,
    clock: realClock,
    report: () => {},
  });
  await expect(second.listen("127.0.0.1", servers.grpcPort)).rejects.toMatchObject({
    code: "port_in_use",
  });
  await Promise.all([second.close(), second.close()]);
});
