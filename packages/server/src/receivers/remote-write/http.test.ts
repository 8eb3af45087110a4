/** Remote write over HTTP: statuses, headers and budgets as the specification has them. */
import { gzipSync } from "node:zlib";
import { defaultLimits, type SampleBatch, TriptychError } from "@triptych/model";
import { encodeSnappy } from "@triptych/wire";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createHttpServer } from "../http-server.ts";
import { createRecordingNext, realClock, type RecordingNext } from "../otlp/recording-next.ts";
import { registerRemoteWrite } from "./http.ts";

const BUDGET = 64 * 1024 * 1024;
const V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
let next: RecordingNext;
let url = "";
const bugs: TriptychError[] = [];
const app = createHttpServer({ report: (error) => void bugs.push(error) });
beforeAll(async () => {
  const forward = new Proxy({} as RecordingNext, { get: (_, key) => Reflect.get(next, key) });
  registerRemoteWrite(app, {
    next: forward,
    limits: { ...defaultLimits, bodyBytesMax: 1024 * 1024 },
    clock: realClock,
    report: (error) => void bugs.push(error),
    prefixes: ["/api/v1", "/prometheus/api/v1"],
  });
  url = await app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await app.close();
  expect(bugs).toEqual([]);
});
beforeEach(() => {
  next = createRecordingNext(BUDGET);
});

const text = (value: string): number[] => [...new TextEncoder().encode(value)];
const field = (number: number, payload: readonly number[]): number[] => [
  number * 8 + 2,
  payload.length,
  ...payload,
];
/** A time of 1000 ms, so that bodies are the same in every run. */
const sample = (timeMs: number[] = [0xe8, 7]): number[] => [
  ...[9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
  ...[16, ...timeMs],
];
const v1 = (name: string, samples: number[] = field(2, sample())): Uint8Array =>
  Uint8Array.from(
    field(1, [...field(1, [...field(1, text("__name__")), ...field(2, text(name))]), ...samples]),
  );
const v2 = (samples: number[], name = "up"): Uint8Array =>
  Uint8Array.from([
    ...field(4, []),
    ...field(4, text("__name__")),
    ...field(4, text(name)),
    ...field(5, [...field(1, [1, 2]), ...samples]),
  ]);
const FUTURE = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1];

const post = (body: Uint8Array, headers: Record<string, string> = {}, path = "/api/v1/write") =>
  fetch(url + path, {
    method: "POST",
    body: Buffer.from(body),
    headers: {
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
      ...headers,
    },
  });
const written = (answer: Response): (string | null)[] =>
  ["samples", "histograms", "exemplars"].map((kind) =>
    answer.headers.get(`x-prometheus-remote-write-${kind}-written`),
  );
const rows = (): number => next.batches.reduce((sum, batch) => sum + batch.rows, 0);

describe("taken", () => {
  const check = (
    title: string,
    ask: () => Promise<Response>,
    want: (string | null)[] = [null, null, null],
  ) =>
    test(title, async () => {
      const answer = await ask();
      expect([answer.status, await answer.text()]).toEqual([204, ""]);
      expect(written(answer)).toEqual(want);
      expect(rows()).toBe(1);
      expect(next.heldBytes).toBe(0);
    });
  check("1.0", () => post(encodeSnappy(v1("up"))));
  check("1.0 under /prometheus", () =>
    post(encodeSnappy(v1("up")), {}, "/prometheus/api/v1/write"),
  );
  check("1.0 with an empty type", () => post(encodeSnappy(v1("up")), { "content-type": "" }));
  check("1.0 named", () =>
    post(encodeSnappy(v1("up")), {
      "content-type": "application/x-protobuf; proto=prometheus.WriteRequest",
    }),
  );
  check("gzip", () => post(gzipSync(v1("up")), { "content-encoding": "gzip" }));
  check("not compressed", () => post(v1("up"), { "content-encoding": "identity" }));
  check("2.0", () => post(encodeSnappy(v2(field(2, sample()))), { "content-type": V2 }), [
    "1",
    "0",
    "0",
  ]);
});

test("a resend is acknowledged with its counts and stored once", async () => {
  const body = encodeSnappy(v2(field(2, sample())));
  const answers = [
    await post(body, { "content-type": V2 }),
    await post(body, { "content-type": V2 }),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([204, 204]);
  expect(answers.map(written)).toEqual([
    ["1", "0", "0"],
    ["1", "0", "0"],
  ]);
  expect(rows()).toBe(1);
});

test("metadata alone is handed on", async () => {
  const metadata = field(3, [8, 1, ...field(2, text("x_total")), ...field(4, text("Things."))]);
  expect((await post(encodeSnappy(Uint8Array.from(metadata)))).status).toBe(204);
  expect((next.batches[0] as SampleBatch).metadata).toEqual([
    { family: "x_total", type: "counter", help: "Things.", unit: "" },
  ]);
});

test("a part that is invalid is told, the rest is written", async () => {
  const samples = [...field(2, sample()), ...field(2, sample(FUTURE))];
  const answer = await post(encodeSnappy(v2(samples)), { "content-type": V2 });
  expect([answer.status, await answer.text()]).toEqual([
    400,
    expect.stringContaining("in the future"),
  ]);
  expect(written(answer)).toEqual(["1", "0", "0"]);
  expect(rows()).toBe(1);
  expect([...next.discards]).toEqual([["sample_too_new", 1]]);
  const old = await post(encodeSnappy(v1("up", samples)));
  expect([old.status, ...written(old)]).toEqual([400, null, null, null]);
});

describe("refused", () => {
  const check = (
    title: string,
    ask: () => Promise<Response>,
    want: { status: number; text: string; retryAfter?: string },
  ) =>
    test(`${title}: ${want.status}`, async () => {
      const answer = await ask();
      const got = { status: answer.status, retryAfter: answer.headers.get("retry-after") };
      expect(await answer.text()).toContain(want.text);
      expect(got).toEqual({ status: want.status, retryAfter: want.retryAfter ?? null });
      expect(rows()).toBe(0);
      expect(next.heldBytes).toBe(0);
    });
  const good = encodeSnappy(v1("up"));
  check("JSON", () => post(good, { "content-type": "application/json" }), {
    status: 415,
    text: "x-protobuf",
  });
  check(
    "another message",
    () => post(good, { "content-type": "application/x-protobuf;proto=a.B" }),
    {
      status: 415,
      text: "a.B",
    },
  );
  check(
    "a message named like a method",
    () => post(good, { "content-type": "application/x-protobuf;proto=toString" }),
    {
      status: 415,
      text: "toString",
    },
  );
  check("brotli", () => post(good, { "content-encoding": "br" }), { status: 415, text: "snappy" });
  check("encodings in each other", () => post(good, { "content-encoding": "gzip, snappy" }), {
    status: 415,
    text: "gzip, snappy",
  });
  check("no snappy", () => post(v1("up")), { status: 400, text: "snappy" });
  check("no protobuf", () => post(encodeSnappy(Uint8Array.of(10, 200))), {
    status: 400,
    text: "byte",
  });
  check("2^30 declared", () => post(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 4, 0, 0)), {
    status: 413,
    text: "1073741824",
  });
  check("a large body", () => post(new Uint8Array(1024 * 1024 + 1)), {
    status: 413,
    text: "1048576",
  });
  check("a bomb", () => post(encodeSnappy(new Uint8Array(2 * 1024 * 1024))), {
    status: 413,
    text: "2097152",
  });
  check("GET", () => fetch(`${url}/api/v1/write`), { status: 405, text: "POST" });
  check(
    "a full queue",
    () => {
      next.failure = new TriptychError("queue_full", "The journal is full.", {
        retryAfterSeconds: 7,
      });
      return post(good);
    },
    { status: 503, text: "full", retryAfter: "7" },
  );
  check(
    "memory pressure",
    () => {
      next = createRecordingNext(10);
      return post(good);
    },
    { status: 503, text: "in flight", retryAfter: "2" },
  );
});

test("2.0 is told that nothing was written when it is refused", async () => {
  const answer = await post(Uint8Array.of(1), { "content-type": V2 });
  expect([answer.status, ...written(answer)]).toEqual([400, "0", "0", "0"]);
});
