import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  createTestClock,
  hostileTexts,
  logsOf,
  openTestStore,
  type TestLine,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { registerLokiApi } from "./api.ts";
import { parseTimeNs } from "./params.ts";

const T = 1_700_000_000_000;
const NS = BigInt(T) * 1_000_000n;
const clock = createTestClock(T + 600_000);
const trace = "0af7651916cd43dd8448eb211c80319c";
let store: TestStore;
let app: FastifyInstance;

const plain: TestLine[] = [
  {
    timeNs: NS,
    body: "first\nline",
    resource: { "k8s.pod.name": "p1", "host.name": "h" },
    severity: 9,
    attributes: { "user.id": "7" },
  },
  {
    timeNs: NS + 1n,
    body: "second",
    resource: { "k8s.pod.name": "p2" },
    severity: 17,
    traceId: trace,
    spanId: "b7ad6b7169203331",
  },
  { timeNs: NS + 2n, body: "third", service: "cart", severityText: "WARNING" },
  { timeNs: NS + 3n, body: "", service: "cart", attributes: { code: "5" } },
];
const hostile: TestLine[] = hostileTexts.map((text, i) => ({
  timeNs: NS + 1000n + BigInt(i),
  body: `line ${i} ${text}`,
  service: "hostile",
  resource: { "k8s.pod.name": text },
  attributes: { n: String(i), [`key${text}`]: text },
}));

beforeAll(async () => {
  store = await openTestStore(clock);
  await store.put(logsOf([...plain, ...hostile]));
  app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerLokiApi(app, { engine: store.engine, clock });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await store.close();
});

interface Stream {
  readonly stream: Record<string, string>;
  readonly values: readonly (readonly [string, string, unknown?])[];
}
interface Answer {
  readonly status: string;
  readonly data: {
    readonly resultType: string;
    readonly encodingFlags?: string[];
    readonly result: readonly Stream[];
    readonly stats: unknown;
  };
}

async function send(
  path: string,
  params: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const answer = await app.inject({
    url: `/loki/api/v1${path}?${new URLSearchParams(params)}`,
    headers,
  });
  return { status: answer.statusCode, text: answer.body };
}
const range = { start: String(NS), end: String(NS + 1_000_000_000n), limit: "5000" };

async function streams(
  query: string,
  params: Record<string, string> = {},
  headers = {},
): Promise<readonly Stream[]> {
  const { status, text } = await send("/query_range", { ...range, query, ...params }, headers);
  expect([status, text.slice(0, 200)]).toEqual([200, expect.stringContaining("success")]);
  return (JSON.parse(text) as Answer).data.result;
}
const bodies = async (query: string, params: Record<string, string> = {}): Promise<string[]> =>
  (await streams(query, params))
    .flatMap((stream) => stream.values)
    .sort((a, b) => (BigInt(a[0]) < BigInt(b[0]) ? -1 : 1))
    .map(([, body]) => body);

describe("log queries", () => {
  const check = (query: string, want: string[], params = {}) =>
    test(`${query} ${JSON.stringify(params)}`, async () =>
      expect(await bodies(query, params)).toEqual(want));
  check('{service_name="shop"}', ["first\nline", "second"]);
  check('{service_name=~"shop|cart"}', ["first\nline", "second", "third", ""]);
  check('{service_name=~"sh.*",k8s_pod_name!="p1"}', ["second"]);
  check('{service_name="cart",k8s_pod_name=""}', ["third", ""]);
  check('{service_name="cart",no_such_label=""}', ["third", ""]);
  check('{service_name="cart",no_such_label="x"}', []);
  check('{service_name="shop"} |= "irs"', ["first\nline"]);
  check('{service_name="shop"} != "irs"', ["second"]);
  check('{service_name="shop"} |~ "^f.*t"', ["first\nline"]);
  check('{service_name="shop"} |~ "first.line"', []);
  check('{service_name="shop"} |~ "(?s)first.line"', ["first\nline"]);
  check('{service_name="shop"} !~ "s.c"', ["first\nline"]);
  check('{service_name=~".+"} | detected_level="error"', ["second"]);
  check('{service_name=~"shop|cart"} | level=~"warn|info"', ["first\nline", "third"]);
  check('{service_name="cart"} | level="unknown"', [""]);
  check(`{service_name="shop"} | trace_id="${trace}"`, ["second"]);
  check('{service_name="shop"} | user_id="7"', ["first\nline"]);
  check('{service_name="shop"} | host_name="h"', ["first\nline"]);
  check('{service_name=~"shop|cart"}', [""], { limit: "1" });
  check('{service_name=~"shop|cart"}', ["first\nline"], { limit: "1", direction: "forward" });
  check('{service_name=~"shop|cart"}', ["second"], {
    start: String(NS + 1n),
    end: String(NS + 2n),
  });
});

test("a label that was renamed is one that the query made", async () => {
  const flags = { "x-loki-response-encoding-flags": "categorize-labels" };
  const query = '{service_name="shop",k8s_pod_name="p1"} | label_format pod=k8s_pod_name';
  const [one] = await streams(query, {}, flags);
  expect(one?.stream).toEqual({ service_name: "shop" });
  expect(one?.values[0]?.[2]).toMatchObject({ parsed: { pod: "p1" } });
});

test("a selector may call the service by its short name", async () => {
  const names = async (query: string) =>
    (await streams(query)).map(({ stream }) => stream["service_name"]);
  expect(await names('{service="cart"}')).toEqual(await names('{service_name="cart"}'));
  expect(await names('{service="cart"}')).not.toEqual([]);
  expect(await names('{service="none"}')).toEqual([]);
});

test("streams with and without categorised labels", async () => {
  const [stream] = await streams('{service_name="shop",k8s_pod_name="p2"}');
  expect(stream).toEqual({
    stream: {
      detected_level: "error",
      k8s_pod_name: "p2",
      scope_name: "scope",
      scope_version: "1",
      service_name: "shop",
      severity_number: "17",
      span_id: "b7ad6b7169203331",
      trace_id: trace,
    },
    values: [[String(NS + 1n), "second"]],
  });
  const flags = { "x-loki-response-encoding-flags": "categorize-labels" };
  const [apart] = await streams('{service_name="shop",k8s_pod_name="p1"}', {}, flags);
  expect(apart).toEqual({
    stream: { k8s_pod_name: "p1", service_name: "shop" },
    values: [
      [
        String(NS),
        "first\nline",
        {
          structuredMetadata: {
            detected_level: "info",
            host_name: "h",
            scope_name: "scope",
            scope_version: "1",
            severity_number: "9",
            user_id: "7",
          },
        },
      ],
    ],
  });
  const { text } = await send(
    "/query",
    { query: '{service_name="cart"}', time: String(NS + 100n) },
    flags,
  );
  const answer = JSON.parse(text) as Answer;
  expect([answer.data.resultType, answer.data.encodingFlags, answer.data.result.length]).toEqual([
    "streams",
    ["categorize-labels"],
    1,
  ]);
  expect(answer.data.stats).toMatchObject({ summary: { totalEntriesReturned: 2 } });
});

test("labels, values, series, readiness", async () => {
  const list = async (path: string, params = {}): Promise<unknown> =>
    JSON.parse((await send(path, { ...range, ...params })).text).data;
  expect(await list("/labels")).toEqual(["k8s_pod_name", "service_name"]);
  expect(await list("/label/service_name/values")).toEqual(["cart", "hostile", "shop"]);
  expect(await list("/label/k8s_pod_name/values", { query: '{service_name="shop"}' })).toEqual([
    "p1",
    "p2",
  ]);
  expect(await list("/label/nothing/values")).toEqual([]);
  expect(await list("/labels", { start: "1", end: "2" })).toEqual([]);
  expect(await list("/series", { "match[]": '{service_name=~"shop|cart"}' })).toEqual(
    expect.arrayContaining([
      { service_name: "cart" },
      { k8s_pod_name: "p1", service_name: "shop" },
      { k8s_pod_name: "p2", service_name: "shop" },
    ]),
  );
  expect((await app.inject({ url: "/ready" })).body).toBe("ready\n");
  expect((await send("/status/buildinfo", {})).text).toContain('"version":"3.');
});

describe("refused", () => {
  const check = (query: string, want: string, params = {}) =>
    test(query + JSON.stringify(params), async () => {
      const { status, text } = await send("/query_range", { ...range, query, ...params });
      expect([status, text]).toEqual([400, expect.stringContaining(want)]);
    });
  check("", "parse error at line 1, col 1: syntax error: unexpected $end");
  check('{a=~".*"}', "parse error at line 1, col 1: queries require at least one regexp");
  check('{a="b"} |~ "("', "parse error at line 1, col 12: the regular expression");
  check('{a="b"} | json x="["', "parse error at line 1, col 18: cannot parse expression");
  check('{a="b"} | line_format "{{"', "invalid line template");
  check('rate({a="b"}[5m]) by (c)', "grouping not allowed for rate aggregation");
  check('rate({a="b"}[5m])', "exceeded maximum resolution", {
    step: "10ms",
    end: String(NS + 10n ** 12n),
  });
  check('{a="b"}', "invalid direction", { direction: "up" });
  check('{a="b"}', "limit must be a positive value", { limit: "0" });
  check('{a="b"}', "could not parse 'start' parameter", { start: "x" });
  check('{a="b"}', "end timestamp must not be before", { start: "10", end: "5" });
});

test("what Logs Drilldown asks first", async () => {
  const answer = await app.inject("/loki/api/v1/drilldown-limits");
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({
    pattern_ingester_enabled: true,
    version: "3.5.0",
    limits: {
      volume_enabled: true,
      max_entries_limit_per_query: 5000,
      discover_service_name: expect.arrayContaining(["service", "app"]),
      log_level_fields: expect.arrayContaining(["level", "severity_text"]),
      query_timeout: "60s",
    },
  });
});

describe("volumes refuse", () => {
  test.each([
    ["limit=-1", "limit must be a positive value"],
    ["limit=x", "limit must be a positive value"],
    ["aggregateBy=nope", "invalid aggregation option"],
  ])("%s", async (params, why) => {
    const answer = await app.inject(`/loki/api/v1/index/volume?query=%7B%7D&${params}`);
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining(why)]);
  });
});

describe("times", () => {
  const check = (text: string, want: bigint | undefined) =>
    test(text, () => expect(parseTimeNs(text)).toBe(want));
  check("1700000000000000001", 1_700_000_000_000_000_001n);
  check("1700000000", 1_700_000_000_000_000_000n);
  check("1700000000.000000001", 1_700_000_000_000_000_001n);
  check("2023-11-14T22:13:20.000000001Z", 1_700_000_000_000_000_001n);
  check("2023-11-14T23:13:20+01:00", 1_700_000_000_000_000_000n);
  check("now", undefined);
  check("1e9", undefined);
});

test("hostile texts are only data, in labels, line filters and label filters", async () => {
  const quoted = (text: string) => JSON.stringify(text);
  const literally = (text: string) => text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
  const lines = hostileTexts.map((text, i) => ({ text, body: `line ${i} ${text}` }));
  for (const text of hostileTexts) {
    const expected = (keep: (line: { text: string; body: string }) => boolean) =>
      lines.filter(keep).map((line) => line.body);
    const all = '{service_name="hostile"}';
    expect(await bodies(`{k8s_pod_name=${quoted(text)}}`), text).toEqual(
      expected((line) => line.text === text),
    );
    expect(await bodies(`{service_name="hostile",k8s_pod_name!=${quoted(text)}}`), text).toEqual(
      expected((line) => line.text !== text),
    );
    expect(await bodies(`{k8s_pod_name=~${quoted(literally(text))}}`), text).toEqual(
      expected((line) => line.text === text),
    );
    expect(await bodies(`${all} |= ${quoted(text)}`), text).toEqual(
      expected((line) => line.body.includes(text)),
    );
    expect(await bodies(`${all} !~ ${quoted(literally(text))}`), text).toEqual(
      expected((line) => !line.body.includes(text)),
    );
    expect(await bodies(`${all} | n=${quoted(text)}`), text).toEqual([]);
  }
}, 120_000);
