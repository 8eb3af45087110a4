/** Queries with stages and numbers, and the explore calls, on a real store that was filled by Loki's own push. */
import { gzipSync } from "node:zlib";
import { encodeSnappy } from "@triptych/wire";
import { defaultLimits, type LogBatch } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import { lokiPushPaths, registerLokiPush } from "../../receivers/loki/http.ts";
import {
  createTestClock,
  logsOf,
  openTestStore,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { WebSocket } from "ws";
import { registerLokiApi } from "./api.ts";

const T = 1_700_000_040_000;
const NS = BigInt(T) * 1_000_000n;
const clock = createTestClock(T + 600_000);
let store: TestStore;
let app: FastifyInstance;
const discarded: string[] = [];

beforeAll(async () => {
  store = await openTestStore(clock);
  app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerLokiApi(app, { engine: store.engine, clock });
  const next = {
    duplicateOf: () => null,
    accept: async (batch: unknown) => void (await store.put(batch as LogBatch)),
    admit: () => () => {},
    discarded: (reason: string) => void discarded.push(reason),
  };
  const report = (error: unknown) => expect(error).toBeUndefined();
  registerLokiPush(app, { next, limits: defaultLimits, clock, report, paths: lokiPushPaths });
  await app.ready();
  await fill();
});
afterAll(async () => {
  await app.close();
  await store.close();
});

async function push(body: string | Buffer, headers: Record<string, string> = {}): Promise<number> {
  const answer = await app.inject({
    method: "POST",
    url: "/loki/api/v1/push",
    headers: { "content-type": "application/json", ...headers },
    payload: body,
  });
  return answer.statusCode;
}

const ns = (seconds: number): string => String(NS + BigInt(seconds) * 1_000_000_000n);

async function fill(): Promise<void> {
  const lines = Array.from({ length: 60 }, (_, i) => [
    ns(i),
    `{"level":"${i % 3 === 0 ? "error" : "info"}","took":"${i * 10}ms","size":"${i}KB","user":{"id":${i % 4}}}`,
    { trace_id: "0af7651916cd43dd8448eb211c80319c", pod: `p${i % 2}` },
  ]);
  const body = JSON.stringify({
    streams: [
      { values: lines, stream: { app: "shop", env: "prod" } },
      {
        stream: { service_name: "cart", env: "dev" },
        values: [
          [ns(1), 'took=5ms user=7 msg="hi there"'],
          [ns(2), "broken \u001b[31mred\u001b[0m"],
        ],
      },
    ],
  });
  expect(await push(gzipSync(body), { "content-encoding": "gzip" })).toBe(204);
  await store.put(
    logsOf([
      {
        timeNs: NS,
        body: "otlp line",
        service: "otlp",
        severity: 17,
        resource: { "k8s.pod.name": "p9" },
      },
    ]),
  );
}

async function get(
  path: string,
  params: Record<string, string>,
): Promise<{ status: number; json: Json; text: string }> {
  const query = new URLSearchParams({ start: ns(0), end: ns(60), limit: "1000", ...params });
  const answer = await app.inject({ url: `/loki/api/v1${path}?${query}` });
  const text = answer.body;
  return {
    status: answer.statusCode,
    text,
    json: text.startsWith("{") ? JSON.parse(text) : undefined,
  };
}

/** Answers are looked at by what is expected of them. */
// biome-ignore lint/suspicious/noExplicitAny: the shapes of twenty answers would say nothing that the expectations do not.
type Json = any;

interface Stream {
  stream: Record<string, string>;
  values: [string, string][];
}

const lines = async (query: string, params = {}): Promise<string[]> => {
  const { status, json, text } = await get("/query_range", {
    query,
    direction: "forward",
    ...params,
  });
  expect([status, text.slice(0, 200)]).toEqual([200, expect.anything()]);
  return (json.data.result as Stream[]).flatMap((stream) => stream.values.map(([, line]) => line));
};

test("labels come back as stream labels, metadata as metadata", async () => {
  const query = new URLSearchParams({ query: '{app="shop"}', start: ns(0), end: ns(1) });
  const answer = await app.inject({
    url: `/loki/api/v1/query_range?${query}`,
    headers: { "x-loki-response-encoding-flags": "categorize-labels" },
  });
  const [stream] = JSON.parse(answer.body).data.result;
  expect(stream.stream).toEqual({ app: "shop", env: "prod", service_name: "shop" });
  expect(stream.values).toEqual([
    [
      ns(0),
      '{"level":"error","took":"0ms","size":"0KB","user":{"id":0}}',
      {
        structuredMetadata: {
          detected_level: "error",
          pod: "p0",
          trace_id: "0af7651916cd43dd8448eb211c80319c",
        },
      },
    ],
  ]);
});

describe("pipelines", () => {
  const count = (query: string, want: number, params = {}) =>
    test(query, async () => expect((await lines(query, params)).length).toBe(want));
  count('{app="shop"}', 60);
  count('{env=~"prod|dev"}', 62);
  count('{service_name="shop"} | pod="p1"', 30);
  count('{app="shop"} | json | level="error"', 20);
  // As in Loki; only lines that came another way have the level that was found under this name.
  count('{app="shop"} | level="error"', 0);
  count('{app="shop"} | detected_level="error"', 20);
  count('{service_name="otlp"} | level="error"', 1);
  count('{app="shop"} | json | took > 500ms', 9);
  count('{app="shop"} | json | size >= 50KB and user_id == 2', 3);
  count('{app="shop"} |= "error" or "nothing" | json | user_id="0"', 5);
  count('{app="shop"} |> `{"level":"error",<_>`', 20);
  count('{app="shop"} | json | level="error"', 5, { limit: "5" });
  count('{env="dev"} | logfmt | user=7', 1);
  count('{env="dev"} != "broken"', 1);
  test("formats", async () => {
    expect(
      await lines('{env="dev"} | logfmt | line_format "{{.user}}/{{.msg | upper}}" |= "/HI"'),
    ).toEqual(["7/HI THERE"]);
    expect(await lines('{env="dev"} |= "broken" | decolorize')).toEqual(["broken red"]);
  });
  test("newest first with a limit", async () => {
    const found = await lines('{app="shop"} | json | level="error" | line_format "{{.took}}"', {
      limit: "2",
      direction: "backward",
    });
    // Each is a stream of its own, and streams are in the order of their labels.
    expect(found.sort()).toEqual(["540ms", "570ms"]);
  });
});

describe("numbers", () => {
  const check = (query: string, want: unknown, params = {}) =>
    test(`${query} ${JSON.stringify(params)}`, async () => {
      const { status, json, text } = await get("/query", { query, time: ns(59), ...params });
      expect([status, text.slice(0, 300)]).toEqual([200, expect.anything()]);
      const found = json.data.result as {
        metric: Record<string, string>;
        value: [number, string];
      }[];
      expect(found.map(({ metric, value }) => [metric, Number(value[1])])).toEqual(want);
    });
  const levels = [
    [{ level: "error" }, 20],
    [{ level: "info" }, 40],
  ];
  // Counted in the store, and line by line; conditions see no such label.
  check('sum by (level) (count_over_time({app="shop"}[1m]))', levels);
  check('sum by (level) (count_over_time({app="shop"} |> "<_>" [1m]))', levels);
  check('sum by (level) (count_over_time({app="shop"} | level="error" [1m]))', []);
  check('sum by (level) (count_over_time({service_name="otlp"}[1m]))', [[{ level: "error" }, 1]]);
  check('sum by (level) (count_over_time({app="shop"} | json [1m]))', levels);
  check('sum by (detected_level) (count_over_time({app="shop"} |= "took" [1m]))', [
    [{ detected_level: "error" }, 20],
    [{ detected_level: "info" }, 40],
  ]);
  check('sum(rate({app="shop"}[30s]))', [[{}, 1]]);
  check('sum(count_over_time({app="shop"} | json [1m]))', [[{}, 60]]);
  check('topk(1, sum by (pod) (count_over_time({app="shop"} | json | level="error" [1m])))', [
    [{ pod: "p0" }, 10],
  ]);
  check('max by (app) (max_over_time({app="shop"} | json | unwrap duration(took) [1m]))', [
    [{ app: "shop" }, 0.59],
  ]);
  check('count_over_time({app="nothing"}[1m])', []);
  check('absent_over_time({app="nothing"}[1m])', [[{ app: "nothing" }, 1]]);
});

test("what the store counts is what the lines give, at every step", async () => {
  for (const range of ["10s", "15s", "1m"])
    for (const step of ["5", "7", "20"]) {
      const params = { start: ns(-10), end: ns(90), step };
      const pushed = await get("/query_range", {
        ...params,
        query: `sum by (pod) (count_over_time({app="shop"}[${range}]))`,
      });
      const here = await get("/query_range", {
        ...params,
        query: `sum by (pod) (count_over_time({app="shop"} | label_format x=env [${range}]))`,
      });
      expect(pushed.json.data.result, `${range} ${step}`).toEqual(here.json.data.result);
      expect(pushed.json.data.result).toHaveLength(2);
    }
});

test("errors of a pipeline say which series", async () => {
  const { status, text } = await get("/query", {
    query: 'count_over_time({env="dev"} | json [1m])',
    time: ns(59),
  });
  expect([status, text]).toEqual([400, expect.stringContaining("pipeline error: 'JSONParserErr'")]);
});

test("labels, values, series", async () => {
  expect((await get("/labels", {})).json.data).toEqual([
    "app",
    "env",
    "k8s_pod_name",
    "service_name",
  ]);
  expect((await get("/label/env/values", {})).json.data).toEqual(["dev", "prod"]);
  expect((await get("/label/k8s_pod_name/values", {})).json.data).toEqual(["p9"]);
  expect((await get("/series", { "match[]": '{env="dev"}' })).json.data).toEqual([
    { env: "dev", service_name: "cart" },
  ]);
});

test("volumes and statistics", async () => {
  const stats = (await get("/index/stats", { query: '{app="shop"}' })).json;
  expect(stats).toMatchObject({ streams: 1, entries: 60 });
  const volume = (await get("/index/volume", { query: '{env=~".+"}', targetLabels: "env" })).json;
  expect(volume.data.result.map((one: { metric: object }) => one.metric)).toEqual([
    { env: "prod" },
    { env: "dev" },
  ]);
  const ranged = (await get("/index/volume_range", { query: '{app="shop"}', step: "30" })).json;
  expect(ranged.data.result[0].values.length).toBe(2);
  const byLabel = (await get("/index/volume", { query: '{env="prod"}', aggregateBy: "labels" }))
    .json;
  const metrics = byLabel.data.result.map(({ metric }: { metric: object }) => metric);
  expect(metrics).toContainEqual({ env: "" });
  expect(metrics).toContainEqual({ service_name: "" });
});

test("patterns, detected labels and fields", async () => {
  const patterns = (await get("/patterns", { query: '{app="shop"}' })).json.data;
  expect(patterns[0].pattern).toContain("<_>");
  const sum = patterns
    .flatMap((one: { samples: [number, number][] }) => one.samples)
    .reduce((n: number, [, lines]: [number, number]) => n + lines, 0);
  expect(sum).toBe(60);
  expect((await get("/detected_labels", { query: '{app="shop"}' })).json.detectedLabels).toEqual([
    { label: "app", cardinality: 1 },
    { label: "env", cardinality: 1 },
    { label: "service_name", cardinality: 1 },
  ]);
  const { fields } = (await get("/detected_fields", { query: '{app="shop"}' })).json;
  const field = (label: string) => fields.find((one: { label: string }) => one.label === label);
  expect(field("took")).toMatchObject({ type: "duration", cardinality: 60, parsers: ["json"] });
  expect(field("size")).toMatchObject({ type: "bytes" });
  expect(field("user_id")).toMatchObject({ type: "int", cardinality: 4, jsonPath: ["user", "id"] });
  expect(field("pod")).toMatchObject({ parsers: null });
  const { values } = (await get("/detected_field/user_id/values", { query: '{app="shop"}' })).json;
  expect(values.sort()).toEqual(["0", "1", "2", "3"]);
});

test("format_query, deletes", async () => {
  const { json } = await get("/format_query", { query: 'sum( rate({a="b"}[1m]) )  by (c)' });
  expect(json).toEqual({ status: "success", data: 'sum by (c)(rate({a="b"}[1m]))' });
  expect((await get("/format_query", { query: "sum(" })).status).toBe(400);
  expect((await app.inject({ url: "/loki/api/v1/delete" })).body).toBe("[]");
  expect((await app.inject({ method: "POST", url: "/loki/api/v1/delete" })).statusCode).toBe(403);
});

describe("push", () => {
  const check = (body: string, want: number, headers = {}) =>
    test(body.slice(0, 60) + JSON.stringify(headers), async () =>
      expect(await push(body, headers)).toBe(want),
    );
  check('{"streams":[]}', 422);
  check("{}", 422);
  check('{"streams":[{"stream":{"a":"b"},"values":[]}]}', 204);
  check('{"streams":[{"stream":{},"values":[["1","x"]]}]}', 204);
  check('{"streams":[{"stream":{"a":1,"b":true},"values":[["1","x"]]}]}', 204);
  check('{"streams":[{"stream":{"a":{}},"values":[["1","x"]]}]}', 400);
  check('{"streams":[{"stream":{"a":"b"},"values":[["1","snappy"]]}]}', 204, {
    "content-encoding": "snappy",
  });
  check('{"streams":[{"stream":{"a":"b"},"values":[["x","x"]]}]}', 400);
  check('{"streams":[{"stream":{"a":"b"},"values":[["1"]]}]}', 400);
  check(
    '{"streams":[{"labels":"{a=\\"b\\"}","entries":[{"ts":"2023-11-14T22:14:00Z","line":"old"}]}]}',
    204,
  );
  check("not json", 400);
  check("{}", 400, { "content-type": "text/plain" });
  check("no media type", 415, { "content-type": "foo" });
  check("xx", 400, { "content-type": "application/x-protobuf" });
  test("protobuf in snappy", async () => {
    const field = (n: number, bytes: Buffer) =>
      Buffer.concat([Buffer.from([n * 8 + 2, bytes.length]), bytes]);
    const time = Buffer.concat([
      Buffer.from([8]),
      varint(BigInt(Math.floor(T / 1000))),
      Buffer.from([16, 7]),
    ]);
    const meta = Buffer.concat([field(1, Buffer.from("k")), field(2, Buffer.from("v"))]);
    const entry = Buffer.concat([
      field(1, time),
      field(2, Buffer.from("from protobuf")),
      field(3, meta),
    ]);
    const stream = Buffer.concat([field(1, Buffer.from('{job="pb", a="x\\"y"}')), field(2, entry)]);
    const body = Buffer.from(encodeSnappy(field(1, stream)));
    expect(await push(body, { "content-type": "application/x-protobuf" })).toBe(204);
    const { json } = await get("/query_range", { query: '{job="pb"} | k="v"', start: ns(-1) });
    expect(json.data.result).toEqual([
      {
        stream: { a: 'x"y', detected_level: "unknown", job: "pb", k: "v", service_name: "pb" },
        values: [[String(BigInt(Math.floor(T / 1000)) * 1_000_000_000n + 7n), "from protobuf"]],
      },
    ]);
  });
});

function varint(value: bigint): Buffer {
  const out: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...out, Number(rest)]);
    out.push(Number(rest & 127n) | 128);
  }
}

test("the tail gives what is there and what arrives, through the pipeline", async () => {
  const tailed = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerLokiApi(tailed, { engine: store.engine, clock });
  await tailed.listen({ port: 0, host: "127.0.0.1" });
  const { port } = tailed.server.address() as { port: number };
  const query = new URLSearchParams({ query: '{tail="yes"} | logfmt | n > 1', start: ns(0) });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/loki/api/v1/tail?${query}`);
  const seen: string[] = [];
  socket.on("message", (data) => {
    for (const { values } of JSON.parse(String(data)).streams as Stream[])
      seen.push(...values.map(([, line]) => line));
  });
  await new Promise((resolve) => socket.once("open", resolve));
  const entries = [
    [ns(3), "n=1"],
    [ns(4), "n=2"],
  ];
  await expect.poll(() => clock.waiting(), { timeout: 5_000 }).toBeGreaterThan(0);
  expect(
    await push(JSON.stringify({ streams: [{ stream: { tail: "yes" }, values: entries }] })),
  ).toBe(204);
  await expect
    .poll(
      () => {
        clock.step(500);
        return seen;
      },
      { timeout: 10_000, interval: 20 },
    )
    .toEqual(["n=2"]);
  const many = Array.from({ length: 600 }, (_, i) => [ns(5), `n=1 i=${i}`]);
  const dropped: object[] = [];
  socket.on("message", (data) => {
    const found = JSON.parse(String(data)) as { readonly dropped_entries?: readonly object[] };
    dropped.push(...(found.dropped_entries ?? []));
  });
  expect(await push(JSON.stringify({ streams: [{ stream: { tail: "yes" }, values: many }] }))).toBe(
    204,
  );
  const step = (): number => {
    clock.step(500);
    return dropped.length;
  };
  await expect.poll(step, { timeout: 10_000, interval: 20 }).toBeGreaterThan(0);
  expect(dropped[0]).toMatchObject({ labels: { tail: "yes" } });
  socket.terminate();
  for (const wrong of ["query=x", `${query}&delay_for=6`, `${query}&delay_for=x`]) {
    const refused = new WebSocket(`ws://127.0.0.1:${port}/loki/api/v1/tail?${wrong}`);
    const status = await new Promise((resolve) =>
      refused.once("unexpected-response", (_request, response) => resolve(response.statusCode)),
    );
    expect(status).toBe(400);
  }
  const elsewhere = new WebSocket(`ws://127.0.0.1:${port}//x`);
  const missing = await new Promise((resolve) =>
    elsewhere.once("unexpected-response", (_request, response) => resolve(response.statusCode)),
  );
  expect(missing).toBe(404);
  // A tail that is open does not keep the server from closing.
  const last = new WebSocket(`ws://127.0.0.1:${port}/loki/api/v1/tail?${query}`);
  await new Promise((resolve) => last.once("open", resolve));
  const ended = new Promise((resolve) => last.once("close", resolve));
  await tailed.close();
  await ended;
});
