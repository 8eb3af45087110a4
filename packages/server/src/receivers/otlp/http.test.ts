/** The answers of OTLP over HTTP: one line of data a case, over real sockets. */
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { TriptychError } from "@triptych/model";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startServers, type TestServers } from "./recording-next.ts";

const BODY_BYTES_MAX = 100_000;
let servers: TestServers;
beforeAll(async () => {
  servers = await startServers({
    limits: { bodyBytesMax: BODY_BYTES_MAX, inFlightBytesMax: 1_000_000 },
    cors: { origins: ["https://shop.example"] },
  });
});
beforeEach(() => {
  servers.next.batches.splice(0);
  servers.next.discards.clear();
  servers.next.failure = undefined;
});
afterAll(async () => {
  await servers.close();
  expect(servers.next.heldBytes).toBe(0);
  expect(servers.bugs).toEqual([]);
});

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

/** A trace request with one span called `name`, in protobuf, written by hand. */
function span(name: string): Buffer {
  const field = (number: number, bytes: Buffer) => {
    const length: number[] = [];
    let rest = bytes.length;
    for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), bytes]);
  };
  const traceId = field(1, Buffer.alloc(16, 7));
  const spanId = field(2, Buffer.alloc(8, 9));
  const one = Buffer.concat([traceId, spanId, field(5, Buffer.from(name))]);
  return field(1, field(2, field(2, one)));
}
const spanJson = (name: string) =>
  JSON.stringify({
    resourceSpans: [
      {
        scopeSpans: [
          { spans: [{ traceId: "07".repeat(16), spanId: "09".repeat(8), name, kind: 1 }] },
        ],
      },
    ],
  });
const emptyJson = JSON.stringify({ resourceSpans: [] });
const brokenProtobuf = Buffer.from([0x0a, 0x7f, 0x01]);

interface Case {
  readonly path?: string;
  readonly method?: string;
  readonly type?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  readonly failure?: TriptychError;
}
interface Want {
  readonly status: number;
  readonly type?: string;
  readonly text?: string | RegExp;
  readonly headers?: Record<string, string | RegExp | null>;
  readonly rows?: number;
  readonly discards?: Record<string, number>;
}

async function send(url: string, given: Case): Promise<Response> {
  const { path = "/v1/traces", method = "POST", body } = given;
  const headers = new Headers(given.headers);
  if (given.type !== undefined) headers.set("content-type", given.type);
  return fetch(url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === "string" ? Buffer.from(body) : body }),
  } as RequestInit);
}

const check = (name: string, given: Case, want: Want) =>
  test(name, async () => {
    servers.next.failure = given.failure;
    const answer = await send(servers.httpUrl, given);
    const text = await answer.text();
    expect(answer.status, text).toBe(want.status);
    if (want.type !== undefined) expect(answer.headers.get("content-type")).toBe(want.type);
    if (want.text !== undefined) expect(text).toMatch(want.text);
    for (const [header, value] of Object.entries(want.headers ?? {})) {
      if (value === null) expect(answer.headers.get(header)).toBeNull();
      else expect(answer.headers.get(header)).toMatch(value);
    }
    if (want.rows !== undefined) {
      expect(servers.next.batches.reduce((sum, batch) => sum + batch.rows, 0)).toBe(want.rows);
    }
    if (want.discards !== undefined) {
      expect(Object.fromEntries(servers.next.discards)).toEqual(want.discards);
    }
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });

const pb = (body: Uint8Array, headers: Record<string, string> = {}): Case => ({
  type: PROTOBUF,
  headers,
  body,
});
const js = (body: string | Uint8Array, headers: Record<string, string> = {}): Case => ({
  type: JSON_TYPE,
  headers,
  body,
});
const failing = (
  code: "queue_full" | "memory_pressure" | "disk_full" | "internal",
  seconds?: number,
) =>
  new TriptychError(
    code,
    `${code} on purpose`,
    seconds === undefined ? {} : { retryAfterSeconds: seconds },
  );

/** A zstd frame that stores `bytes` as they are. */
const zstdStored = (bytes: Buffer) =>
  Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, bytes.length]),
    Buffer.from([((bytes.length << 3) | 1) & 0xff, bytes.length >> 5, 0]),
    bytes,
  ]);

describe("takes", () => {
  check("zstd", pb(zstdStored(span("z")), { "content-encoding": "zstd" }), {
    status: 200,
    rows: 1,
  });
  check("deflate", pb(deflateSync(span("y")), { "content-encoding": "deflate" }), {
    status: 200,
    rows: 1,
  });
  check("protobuf", pb(span("a")), {
    status: 200,
    type: PROTOBUF,
    text: /^$/,
    rows: 1,
    discards: {},
  });
  check(
    "protobuf with parameters",
    { ...pb(span("b")), type: "Application/X-Protobuf; v=1" },
    { status: 200, type: PROTOBUF, rows: 1 },
  );
  check("json", js(spanJson("c")), { status: 200, type: JSON_TYPE, text: /^\{\}$/, rows: 1 });
  check(
    "json with charset",
    { ...js(spanJson("d")), type: "application/json; charset=utf-8" },
    { status: 200, type: JSON_TYPE, rows: 1 },
  );
  check("gzip", pb(gzipSync(span("e")), { "content-encoding": "gzip" }), {
    status: 200,
    type: PROTOBUF,
    rows: 1,
  });
  check("identity", pb(span("f"), { "content-encoding": "identity" }), { status: 200, rows: 1 });
  check("an empty protobuf body", pb(Buffer.alloc(0)), {
    status: 200,
    type: PROTOBUF,
    text: /^$/,
    rows: 0,
  });
  check("an empty json request", js(emptyJson), { status: 200, text: /^\{\}$/, rows: 0 });
  check(
    "an empty request on /v1/logs",
    { ...js('{"resourceLogs":[]}'), path: "/v1/logs" },
    { status: 200, text: /^\{\}$/, rows: 0 },
  );
  check(
    "an empty request on /v1/metrics",
    { ...pb(Buffer.alloc(0)), path: "/v1/metrics" },
    { status: 200, rows: 0 },
  );
  check(
    "a body at the limit",
    pb(Buffer.concat([span("x".repeat(BODY_BYTES_MAX - 80)), Buffer.alloc(0)])),
    { status: 200, rows: 1 },
  );
});

/** One sound gauge point and one sum without a temporality, which nobody can interpret. */
const halfSound = (name: string) =>
  JSON.stringify({
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              {
                name,
                gauge: { dataPoints: [{ timeUnixNano: "1700000000000000000", asInt: "1" }] },
              },
              {
                name: `${name}_bad`,
                sum: { dataPoints: [{ timeUnixNano: "1700000000000000000", asInt: "1" }] },
              },
            ],
          },
        ],
      },
    ],
  });

describe("takes in part", () => {
  check(
    "a sum without temporality",
    { ...js(halfSound("half")), path: "/v1/metrics" },
    {
      status: 200,
      type: JSON_TYPE,
      text: /^\{"partialSuccess":\{"rejectedDataPoints":"1","errorMessage":".*temporality.*half_bad/,
      rows: 1,
      discards: { item_invalid: 1 },
    },
  );
});

describe("refuses for good", () => {
  check("broken protobuf", pb(brokenProtobuf), {
    status: 400,
    type: PROTOBUF,
    text: /byte \d+[\s\S]*BadRequest/,
    headers: { "retry-after": null },
    rows: 0,
    discards: { wire_malformed: 1 },
  });
  check("broken json", js("{"), {
    status: 400,
    type: JSON_TYPE,
    text: /"code":3,.*byte 1.*BadRequest/,
    headers: { "retry-after": null },
    discards: { wire_malformed: 1 },
  });
  check("json cut short", js(spanJson("x").slice(0, -4)), {
    status: 400,
    type: JSON_TYPE,
    text: /byte \d+/,
  });
  check("deep json", js("[".repeat(50_000)), { status: 400, type: JSON_TYPE });
  check("an empty body as json", js(""), { status: 400, type: JSON_TYPE });
  check("broken gzip", pb(Buffer.from("rubbish"), { "content-encoding": "gzip" }), {
    status: 400,
    type: PROTOBUF,
    text: /gzip/,
    discards: { encoding_malformed: 1 },
  });
  check("gzip that is not gzip, as json", js(spanJson("x"), { "content-encoding": "gzip" }), {
    status: 400,
    type: JSON_TYPE,
    text: /"description":"The gzip body/,
  });
  check(
    "no content type",
    { body: span("x") },
    {
      status: 415,
      type: JSON_TYPE,
      text: /application\/x-protobuf/,
      discards: { media_type_unsupported: 1 },
    },
  );
  for (const type of [
    "text/plain",
    "application/xml",
    "application/protobuf",
    "nonsense",
    ";;;",
    "application/jsonx",
  ]) {
    check(
      `content type ${type}`,
      { type, body: span("x") },
      { status: 415, type: JSON_TYPE, text: /"code":12/, rows: 0 },
    );
  }
  for (const encoding of ["br", "lz4", "gzip, gzip", "snappy"]) {
    check(`content encoding ${encoding}`, pb(span("x"), { "content-encoding": encoding }), {
      status: 415,
      type: PROTOBUF,
      text: /content encoding/i,
      discards: { encoding_unsupported: 1 },
    });
  }
  check("one byte over the limit", js(Buffer.alloc(BODY_BYTES_MAX + 1, " ")), {
    status: 413,
    type: JSON_TYPE,
    text: /"code":8/,
    headers: { "retry-after": null },
    discards: { wire_too_large: 1 },
  });
  check(
    "over the limit after decompression",
    js(gzipSync(Buffer.alloc(BODY_BYTES_MAX + 1, " ")), { "content-encoding": "gzip" }),
    { status: 413, type: JSON_TYPE, discards: { wire_too_large: 1 } },
  );
  check("far over the limit", js(Buffer.alloc(20 * BODY_BYTES_MAX, " ")), {
    status: 413,
    type: JSON_TYPE,
  });
  for (const method of ["GET", "HEAD", "PUT", "PATCH", "DELETE"]) {
    check(method, { method, path: "/v1/logs" }, { status: 405, headers: { allow: "POST" } });
  }
  check(
    "PUT with a body",
    { ...pb(span("x")), method: "PUT" },
    { status: 405, headers: { allow: "POST" }, rows: 0 },
  );
  check(
    "another address",
    { path: "/v1/profiles", ...pb(span("x")) },
    { status: 404, text: /"code":"not_found"/ },
  );
  check("a doubled slash", { path: "//v1/traces", ...pb(span("x")) }, { status: 400, rows: 0 });
});

describe("asks to try again", () => {
  check(
    "journal full",
    { ...pb(span("full")), failure: failing("queue_full", 7) },
    {
      status: 503,
      type: PROTOBUF,
      text: /RetryInfo/,
      headers: { "retry-after": "7" },
      discards: {},
    },
  );
  check(
    "disk full, json",
    { ...js(spanJson("full")), failure: failing("disk_full", 1.2) },
    { status: 503, type: JSON_TYPE, text: /"code":14.*RetryInfo/, headers: { "retry-after": "2" } },
  );
  check(
    "no time given",
    { ...pb(span("full")), failure: failing("memory_pressure") },
    { status: 503, headers: { "retry-after": /^[1-9]/ } },
  );
});

test("a bug of ours is a 500 that says nothing about the inside, and is reported", async () => {
  servers.next.failure = failing("internal");
  const answer = await send(servers.httpUrl, pb(span("bug")));
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain("on purpose");
  expect(servers.bugs.splice(0)).toHaveLength(1);
});

test("the budget is spent: 503, and taken again when it is free", async () => {
  const release = servers.next.admit(1_000_000);
  const full = await send(servers.httpUrl, pb(span("later")));
  expect(full.status).toBe(503);
  expect(full.headers.get("retry-after")).not.toBeNull();
  release();
  expect((await send(servers.httpUrl, pb(span("later")))).status).toBe(200);
});

describe("a byte-identical resend is acknowledged and not stored twice", () => {
  test("after the first was stored", async () => {
    for (let i = 0; i < 3; i++)
      expect((await send(servers.httpUrl, pb(span("twice")))).status).toBe(200);
    const zipped = pb(gzipSync(span("twice")), { "content-encoding": "gzip" });
    expect((await send(servers.httpUrl, zipped)).status).toBe(200);
    expect(servers.next.batches).toHaveLength(1);
  });
  test("while the first is on its way", async () => {
    let open = () => {};
    servers.next.gate = new Promise((resolve) => {
      open = () => resolve();
    });
    const answers = Array.from({ length: 5 }, () => send(servers.httpUrl, pb(span("at once"))));
    const other = send(servers.httpUrl, pb(span("another")));
    open();
    for (const answer of await Promise.all([...answers, other])) expect(answer.status).toBe(200);
    expect(servers.next.batches).toHaveLength(2);
  });
  test("but a failed one may be sent again", async () => {
    servers.next.failure = failing("queue_full");
    expect((await send(servers.httpUrl, pb(span("again")))).status).toBe(503);
    servers.next.failure = undefined;
    expect((await send(servers.httpUrl, pb(span("again")))).status).toBe(200);
    expect(servers.next.batches).toHaveLength(1);
  });
});

describe("cross-origin", () => {
  const origin = "https://shop.example";
  const preflight = { origin, "access-control-request-method": "POST" };
  check(
    "preflight",
    {
      method: "OPTIONS",
      headers: { ...preflight, "access-control-request-headers": "content-type,x-key" },
    },
    {
      status: 204,
      headers: {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type,x-key",
        vary: /origin/i,
      },
    },
  );
  check(
    "preflight with a hostile header list",
    { method: "OPTIONS", headers: { ...preflight, "access-control-request-headers": "a b,<c>" } },
    { status: 204, headers: { "access-control-allow-headers": /^content-type, content-encoding/ } },
  );
  check(
    "preflight of another origin",
    { method: "OPTIONS", headers: { ...preflight, origin: "https://evil.example" } },
    { status: 405, headers: { "access-control-allow-origin": null, allow: "POST, OPTIONS" } },
  );
  check(
    "null origin",
    { method: "OPTIONS", headers: { ...preflight, origin: "null" } },
    { status: 405, headers: { "access-control-allow-origin": null } },
  );
  check("answer", js(emptyJson, { origin }), {
    status: 200,
    headers: {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "retry-after",
    },
  });
  check("refusal", js("{", { origin }), {
    status: 400,
    headers: { "access-control-allow-origin": origin },
  });
  check("answer to another origin", js(emptyJson, { origin: "https://evil.example" }), {
    status: 200,
    headers: { "access-control-allow-origin": null },
  });
});

/** Writes `bytes` to a new connection and returns what comes back until it closes. */
function raw(bytes: string | Uint8Array, hangUp = false): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(servers.httpPort, "127.0.0.1", () => {
      socket.write(bytes, () => {
        if (hangUp) socket.destroy();
      });
    });
    socket.on("data", (part) => {
      answer += part.toString("latin1");
    });
    socket.on("error", (error) => (hangUp ? resolve("") : reject(error)));
    socket.on("close", () => resolve(answer));
  });
}
const head = (lines: string) =>
  `POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${lines}\r\n\r\n`;

describe("on the wire", () => {
  const checkRaw = (name: string, request: string, want: RegExp) =>
    test(name, async () => expect(await raw(request)).toMatch(want));
  checkRaw(
    "a declared length over the limit is refused before it comes",
    head(`content-type: ${PROTOBUF}\r\ncontent-length: 99999999999`),
    /^HTTP\/1.1 413 /,
  );
  checkRaw(
    "two lengths",
    head(`content-type: ${PROTOBUF}\r\ncontent-length: 1\r\ncontent-length: 2`),
    /^HTTP\/1.1 400 /,
  );
  checkRaw(
    "a length and chunks",
    head(`content-type: ${PROTOBUF}\r\ncontent-length: 3\r\ntransfer-encoding: chunked`),
    /^HTTP\/1.1 400 /,
  );
  checkRaw(
    "a negative length",
    head(`content-type: ${PROTOBUF}\r\ncontent-length: -1`),
    /^HTTP\/1.1 400 /,
  );
  checkRaw(
    "chunks without end over the limit",
    `${head(`content-type: ${PROTOBUF}\r\ntransfer-encoding: chunked`)}1ffff\r\n${"x".repeat(0x1ffff)}\r\n0\r\n\r\n`,
    /^HTTP\/1.1 413 /,
  );
  checkRaw(
    "an empty body in chunks",
    `${head(`content-type: ${PROTOBUF}\r\ntransfer-encoding: chunked`)}0\r\n\r\n`,
    /^HTTP\/1.1 200 /,
  );
  checkRaw(
    "headers over the limit",
    head(`x-long: ${"x".repeat(20_000)}`),
    /^HTTP\/1.1 431 [\s\S]*"code":"wire_malformed"/,
  );
  checkRaw("no HTTP at all", "\x16\x03\x01\x02\x00rubbish\r\n\r\n", /^HTTP\/1.1 400 /);

  test("uploads that break off leave nothing behind", async () => {
    const request = `${head(`content-type: ${PROTOBUF}\r\ncontent-length: 50000`)}${"x".repeat(20_000)}`;
    await Promise.all(Array.from({ length: 20 }, () => raw(request, true)));
    expect((await send(servers.httpUrl, pb(span("after")))).status).toBe(200);
    await expect.poll(() => servers.next.heldBytes).toBe(0);
  });
});

const examples = new URL(
  "../../../../../../shared/conformance/opentelemetry-proto/examples/",
  import.meta.url,
);
describe.skipIf(!existsSync(examples))("the examples of the specification", () => {
  const checkExample = (file: string, path: string, rows: number) =>
    test(file, async () => {
      const answer = await send(servers.httpUrl, {
        ...js(readFileSync(new URL(file, examples))),
        path,
      });
      expect(await answer.text()).toBe("{}");
      expect(answer.status).toBe(200);
      expect(servers.next.batches.map((batch) => batch.rows > 0)).toEqual([true]);
      expect(servers.next.batches[0]?.rows).toBeGreaterThanOrEqual(rows);
    });
  checkExample("trace.json", "/v1/traces", 1);
  checkExample("logs.json", "/v1/logs", 1);
  checkExample("events.json", "/v1/logs", 1);
  checkExample("metrics.json", "/v1/metrics", 3);
});
