/** The endpoints beside queries: status, federation, remote read, administration, what other parts show. */
import { once } from "node:events";
import http from "node:http";
import { decodeSnappy } from "@triptych/wire";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  createTestClock,
  openTestStore,
  samplesOf,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { registerPrometheusApi } from "./api.ts";
import { readRequest, richBatch } from "./data-for-tests.ts";
import type { Notification } from "./views.ts";

const T = 1_700_000_000_000;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const clock = createTestClock(T + 60_000);
let store: TestStore;
let app: FastifyInstance;
const deleted: number[] = [];
const listeners = new Set<(one: Notification) => void>();

beforeAll(async () => {
  store = await openTestStore(clock);
  const one = (labels: Record<string, string>, ...samples: [number, number | "stale"][]) => ({
    labels,
    samples,
  });
  await store.put(
    richBatch(T, TRACE),
    samplesOf([
      one({ __name__: "up", job: "a" }, [T, 1], [T + 15_000, 1]),
      one({ __name__: "up", job: "b", instance: "i" }, [T, 0]),
      one({ __name__: "gone" }, [T, 1], [T + 15_000, "stale"]),
      one({ __name__: "old" }, [T - 400_000, 1]),
      one({ __name__: "doomed", x: "1" }, [T, 1], [T + 1000, 2], [T + 2000, 3]),
      one({ __name__: "doomed", x: "2" }, [T, 1]),
    ]),
  );
  app = createHttpServer({ report: (error) => expect.fail(error.message) });
  registerPrometheusApi(app, {
    engine: store.engine,
    clock,
    prefixes: ["/api/v1", "/prometheus/api/v1"],
    externalLabels: () => [["site", "lab"]],
    admin: {
      enabled: true,
      forget: (ids) => void deleted.push(ids.length),
      writeLabelsAgain: () => store.forgetLabels(),
    },
    lifecycle: { notReady: () => undefined, reload: async () => {} },
    notifications: {
      list: () => [
        { text: "Configuration reload has failed.", date: "2026-01-02T16:14:50Z", active: true },
      ],
      subscribe: (tell) => {
        listeners.add(tell);
        return () => void listeners.delete(tell);
      },
    },
    status: {
      configText: () => "global: {}\n",
      flags: () => ({ "config.file": "prometheus.yml" }),
      startedMs: T,
      reload: () => ({ ok: true, atMs: T }),
      retention: () => "15d",
      memoryBytesMax: 1e9,
    },
  });
});
afterAll(async () => {
  await app.close();
  await store.close();
});

const query = (params: Record<string, string | string[]>): string =>
  new URLSearchParams(
    Object.entries(params).flatMap(([name, value]) =>
      [value].flat().map((one) => [name, one] as [string, string]),
    ),
  ).toString();

async function get(path: string, params: Record<string, string | string[]> = {}) {
  const answer = await app.inject({ url: `${path}?${query(params)}` });
  return {
    answer,
    status: answer.statusCode,
    body: answer.body === "" ? undefined : JSON.parse(answer.body),
  };
}

describe("answers", () => {
  const check = (path: string, params: Record<string, string | string[]>, want: unknown) =>
    test(`${path} ${JSON.stringify(params)}`, async () => {
      const { status, body } = await get(`/api/v1${path}`, params);
      expect([status, body?.data]).toEqual([200, want]);
    });
  check("/format_query", { query: "sum  by(job)(rate(up[5m]))" }, "sum by (job) (rate(up[5m]))");
  check(
    "/parse_query",
    { query: "-up{a='b'} offset 5m > bool 1.5" },
    {
      type: "binaryExpr",
      op: ">",
      lhs: {
        type: "unaryExpr",
        op: "-",
        expr: {
          type: "vectorSelector",
          name: "up",
          offset: 300_000,
          offsetExpr: null,
          matchers: [
            { name: "a", value: "b", type: "=" },
            { name: "__name__", value: "up", type: "=" },
          ],
          timestamp: null,
          startOrEnd: null,
          anchored: false,
          smoothed: false,
        },
      },
      rhs: { type: "numberLiteral", val: "1.5" },
      matching: null,
      bool: true,
    },
  );
  check(
    "/query_exemplars",
    {
      query: "rate(hits_total[5m]) + up",
      start: String(T / 1000 - 10),
      end: String(T / 1000 + 10),
    },
    [
      {
        seriesLabels: { __name__: "hits_total", job: "a" },
        exemplars: [{ labels: { trace_id: TRACE, user: "u1" }, value: "0.5", timestamp: T / 1000 }],
      },
    ],
  );
  check("/query_exemplars", { query: "up" }, []);
  check(
    "/metadata",
    {},
    {
      hits_total: [{ type: "counter", help: "Hits.", unit: "" }],
      up: [{ type: "gauge", help: "", unit: "" }],
    },
  );
  check(
    "/metadata",
    { limit: "1", limit_per_metric: "1" },
    {
      hits_total: [{ type: "counter", help: "Hits.", unit: "" }],
    },
  );
  check("/metadata", { limit: "0" }, {});
  check("/rules", {}, { groups: [] });
  check("/alerts", {}, { alerts: [] });
  check("/alertmanagers", {}, { activeAlertmanagers: [], droppedAlertmanagers: [] });
  check("/targets", {}, { activeTargets: [], droppedTargets: [], droppedTargetCounts: {} });
  check("/targets/metadata", {}, []);
  check("/scrape_pools", {}, { scrapePools: [] });
  check("/status/config", {}, { yaml: "global: {}\n" });
  check("/status/walreplay", {}, { min: 0, max: 0, current: 0 });
  check("/notifications", {}, [
    { text: "Configuration reload has failed.", date: "2026-01-02T16:14:50Z", active: true },
  ]);
  check("/labels", { "match[]": "up" }, ["__name__", "instance", "job"]);
});

test("status of the process, its flags and features", async () => {
  const runtime = (await get("/api/v1/status/runtimeinfo")).body.data;
  expect(Object.keys(runtime).sort()).toEqual(
    [
      ...[
        "CWD",
        "GODEBUG",
        "GOGC",
        "GOMAXPROCS",
        "GOMEMLIMIT",
        "corruptionCount",
        "goroutineCount",
      ],
      ...[
        "hostname",
        "lastConfigTime",
        "reloadConfigSuccess",
        "serverTime",
        "startTime",
        "storageRetention",
      ],
    ].sort(),
  );
  const flags = (await get("/api/v1/status/flags")).body.data;
  expect(flags).toMatchObject({ "config.file": "prometheus.yml", "web.enable-admin-api": "true" });
  const features = (await get("/api/v1/features")).body.data;
  expect(features.promql_functions.rate).toBe(true);
  expect(features.promql_operators.limit_ratio).toBe(true);
  expect(features.api.admin).toBe(true);
});

test("status/tsdb counts names, labels and pairs", async () => {
  const { body } = await get("/api/v1/status/tsdb", { limit: "2" });
  expect(body.data.headStats).toMatchObject({ numSeries: 8, minTime: T - 400_000 });
  expect(body.data.seriesCountByMetricName).toEqual([
    { name: "doomed", value: 2 },
    { name: "up", value: 2 },
  ]);
  expect(body.data.labelValueCountByLabelName).toEqual([
    { name: "__name__", value: 6 },
    { name: "job", value: 2 },
  ]);
  expect(body.data.seriesCountByLabelValuePair[0]).toEqual({ name: "__name__=doomed", value: 2 });
  const blocks = (await get("/api/v1/status/tsdb/blocks")).body.data.blocks;
  expect(blocks[0]).toMatchObject({ version: 1, compaction: { level: 1 } });
});

describe("refused", () => {
  const check = (path: string, params: Record<string, string>, want: [number, string, string]) =>
    test(`${path} ${JSON.stringify(params)}`, async () => {
      const { status, body } = await get(`/api/v1${path}`, params);
      expect([status, body.errorType, body.error]).toEqual(want);
    });
  check("/status/tsdb", { limit: "0" }, [400, "bad_data", "limit must be a positive number"]);
  check("/status/tsdb", { limit: "10001" }, [400, "bad_data", "limit must not exceed 10000"]);
  check("/metadata", { limit: "x" }, [400, "bad_data", "limit must be a number"]);
  check("/labels", { limit: "-1" }, [
    400,
    "bad_data",
    'invalid parameter "limit": limit must be non-negative',
  ]);
  check("/labels", { limit: "x" }, [
    400,
    "bad_data",
    'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax',
  ]);
  check("/series", { "match[]": '{a=""}' }, [
    400,
    "bad_data",
    'invalid parameter "match[]": match[] must contain at least one non-empty matcher',
  ]);
  check("/labels", { "match[]": '{a=""}' }, [
    400,
    "bad_data",
    "match[] must contain at least one non-empty matcher",
  ]);
  check("/query", { query: "up", time: "x" }, [
    400,
    "bad_data",
    `invalid parameter "time": invalid time value for 'time': cannot parse "x" to a valid timestamp`,
  ]);
  check("/query_exemplars", { query: "up", start: "2", end: "1" }, [
    400,
    "bad_data",
    "end timestamp must not be before start timestamp",
  ]);
  check("/query", { query: "up", lookback_delta: "x" }, [
    400,
    "bad_data",
    'error parsing lookback delta duration: cannot parse "x" to a valid duration',
  ]);
});

test("a query without selectors has no exemplars to ask for", async () => {
  expect((await get("/api/v1/query_exemplars", { query: "1" })).status).toBe(204);
});

test("statistics of a query", async () => {
  const time = String(T / 1000);
  const { body } = await get("/api/v1/query", { query: "up", time, stats: "true" });
  expect(body.data.stats.samples).toEqual({
    totalQueryableSamples: 2,
    samplesRead: 2,
    peakSamples: 2,
  });
  expect(body.data.stats.timings.execTotalTime).toBeGreaterThanOrEqual(0);
  expect(body.warnings).toBeUndefined();
  const odd = await get("/api/v1/query", { query: "1", stats: "yes" });
  expect(odd.body.warnings[0]).toContain('value "yes" for parameter "stats" is deprecated');
  expect((await get("/api/v1/query", { query: "1" })).body.data.stats).toBeUndefined();
});

describe("federation", () => {
  const federate = (accept: string, ...match: string[]) =>
    app.inject({ url: `/federate?${query({ "match[]": match })}`, headers: { accept } });

  test("text", async () => {
    const answer = await federate("", "up", '{__name__=~"gone|old|hits_total|h"}');
    expect(answer.headers["content-type"]).toBe(
      "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
    );
    expect(answer.body).toBe(`# TYPE hits_total untyped
hits_total{job="a",instance="",site="lab"} 5 ${T}
# TYPE up untyped
up{instance="i",job="b",site="lab"} 0 ${T}
up{job="a",instance="",site="lab"} 1 ${T + 15_000}
`);
  });
  test("protobuf has native histograms", async () => {
    const accept =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    const answer = await federate(accept, "h");
    expect(answer.rawPayload.length).toBeGreaterThan(50);
    expect((await federate("", "h")).body).toBe("");
  });
  test("errors are plain text", async () => {
    const answer = await federate("", "up{");
    expect([answer.statusCode, answer.headers["content-type"]]).toEqual([
      400,
      "text/plain; charset=utf-8",
    ]);
    expect(answer.body).toContain("parse error");
    expect((await federate("")).body).toBe("");
  });
});

describe("remote read", () => {
  const read = (body: Buffer) =>
    app.inject({
      method: "POST",
      url: "/api/v1/read",
      headers: { "content-type": "application/x-protobuf", "content-encoding": "snappy" },
      payload: body,
    });
  test("samples", async () => {
    const answer = await read(
      readRequest(
        { fromMs: T - 1000, toMs: T + 30_000 },
        [
          [0, "__name__", "up"],
          [0, "site", "lab"],
        ],
        [],
      ),
    );
    expect([answer.statusCode, answer.headers["content-encoding"]]).toEqual([200, "snappy"]);
    const steps = decodeSnappy(answer.rawPayload, 1e6);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    const text = Buffer.from(step.value).toString("latin1");
    expect(text.match(/__name__/g)).toHaveLength(2);
    expect(text.match(/lab/g)).toHaveLength(2);
  });
  test("chunks", async () => {
    const answer = await read(
      readRequest({ fromMs: T - 1000, toMs: T + 30_000 }, [[2, "__name__", "up|h"]], [1, 0]),
    );
    expect(answer.headers["content-type"]).toBe(
      "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse",
    );
    expect(answer.rawPayload.toString("latin1").match(/__name__/g)).toHaveLength(3);
  });
  test("refused", async () => {
    expect((await read(Buffer.from("nonsense"))).statusCode).toBe(400);
    const wrong = await read(
      readRequest({ fromMs: T - 1000, toMs: T + 30_000 }, [[2, "__name__", "("]], []),
    );
    expect(wrong.statusCode).toBe(400);
    expect(
      (await read(readRequest({ fromMs: T - 1000, toMs: T + 30_000 }, [], [7]))).body,
    ).toContain("does not support any of the requested");
  });
});

describe("administration", () => {
  const post = (path: string, params: Record<string, string | string[]>) =>
    app.inject({ method: "POST", url: `/api/v1/admin/tsdb${path}?${query(params)}` });
  const values = async (): Promise<unknown> => {
    const { body } = await get("/api/v1/query", {
      query: "doomed[1h]",
      time: String(T / 1000 + 60),
    });
    return body.data.result.map((one: { metric: { x: string }; values: unknown[] }) => [
      one.metric.x,
      one.values.map((value) => (value as [number, string])[1]),
    ]);
  };
  test("deletes what is in the range, and nothing else", async () => {
    expect(await values()).toEqual([
      ["1", ["1", "2", "3"]],
      ["2", ["1"]],
    ]);
    const answer = await post("/delete_series", {
      "match[]": ['doomed{x="1"}'],
      start: String(T / 1000 + 1),
      end: String(T / 1000 + 1.5),
    });
    expect(answer.statusCode).toBe(204);
    expect(await values()).toEqual([
      ["1", ["1", "3"]],
      ["2", ["1"]],
    ]);
    expect(deleted).toEqual([1]);
    expect((await post("/delete_series", { "match[]": "doomed" })).statusCode).toBe(204);
    expect(await values()).toEqual([]);
    expect(
      (await get("/api/v1/query", { query: "count(up)", time: String(T / 1000) })).body.data
        .result[0].value[1],
    ).toBe("2");
  });
  test("what is wrong is told", async () => {
    expect(JSON.parse((await post("/delete_series", {})).body).error).toBe(
      "no match[] parameter provided",
    );
    expect((await post("/clean_tombstones", {})).statusCode).toBe(204);
    expect(JSON.parse((await post("/snapshot", {})).body).error).toContain("triptych backup");
  });
  test("is off unless it is switched on", async () => {
    const other = createHttpServer({ report: () => {} });
    registerPrometheusApi(other, { engine: store.engine, clock, prefixes: ["/api/v1"] });
    const answer = await other.inject({
      method: "POST",
      url: "/api/v1/admin/tsdb/delete_series?match[]=up",
    });
    expect([answer.statusCode, JSON.parse(answer.body)]).toEqual([
      500,
      { status: "error", errorType: "unavailable", error: "admin APIs disabled" },
    ]);
    await other.close();
  });
});

test("lifecycle, at the root and under the prefix", async () => {
  const text = async (method: "GET" | "POST", url: string) => {
    const answer = await app.inject({ method, url });
    return [answer.statusCode, answer.body];
  };
  expect(await text("GET", "/-/healthy")).toEqual([200, "Prometheus Server is Healthy.\n"]);
  expect(await text("GET", "/prometheus/-/ready")).toEqual([200, "Prometheus Server is Ready.\n"]);
  expect(await text("POST", "/-/reload")).toEqual([200, ""]);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const form = await app.inject({ method: "POST", url: "/-/reload", headers, body: "" });
  expect(form.statusCode).toBe(200);
  expect(await text("GET", "/-/reload")).toEqual([405, "Only POST or PUT requests allowed"]);
  expect(await text("POST", "/-/quit")).toEqual([403, "Lifecycle API is not enabled."]);
});

test("pages of other origins may read answers", async () => {
  const options = await app.inject({
    method: "OPTIONS",
    url: "/api/v1/query",
    headers: { origin: "http://x" },
  });
  expect([
    options.statusCode,
    options.headers["access-control-allow-origin"],
    options.headers["vary"],
  ]).toEqual([204, "http://x", "Accept-Encoding, Origin"]);
  const plain = await app.inject({ url: "/api/v1/status/buildinfo" });
  expect(plain.headers["access-control-allow-origin"]).toBeUndefined();
  const other = createHttpServer({ report: () => {} });
  registerPrometheusApi(other, {
    engine: store.engine,
    clock,
    prefixes: ["/api/v1"],
    corsOrigin: "https?://(a|b)",
  });
  const ask = async (origin: string) =>
    (await other.inject({ url: "/api/v1/status/buildinfo", headers: { origin } })).headers[
      "access-control-allow-origin"
    ];
  expect([await ask("http://a"), await ask("http://ab")]).toEqual(["http://a", undefined]);
  await other.close();
});

test("notifications live, and their end when the client goes", async () => {
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const request = http.get(`${url}/api/v1/notifications/live`, { agent: false });
  const [answer] = (await once(request, "response")) as [http.IncomingMessage];
  let text = "";
  answer.on("data", (piece: Buffer) => {
    text += piece.toString();
  });
  await expect.poll(() => text).toContain("reload has failed");
  for (const tell of listeners) tell({ text: "more", date: "2026-01-02T16:14:51Z", active: false });
  await expect.poll(() => text).toContain('data: {"text":"more"');
  request.destroy();
  await expect.poll(() => listeners.size).toBe(0);
});
