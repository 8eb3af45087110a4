import { formatFloat } from "@triptych/lang";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  createTestClock,
  hostileTexts,
  openTestStore,
  samplesOf,
  type TestSeries,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { registerPrometheusApi } from "./api.ts";
import { unescapedName } from "./unescaped-name.ts";

const T = 1_700_000_000_000;
const clock = createTestClock(T + 600_000);
let store: TestStore;
let app: FastifyInstance;

const hostile: TestSeries[] = hostileTexts.map((value, i) => ({
  labels: { __name__: "hostile", i: String(i), v: value, [`l${value}`]: "x" },
  samples: [[T, i]],
}));

beforeAll(async () => {
  store = await openTestStore(clock);
  await store.put(
    samplesOf([
      {
        labels: { __name__: "up", job: "a" },
        samples: [
          [T, 1],
          [T + 15_000, 2],
          [T + 30_000, "stale"],
          [T + 60_000, 3],
        ],
      },
      {
        labels: { __name__: "up", job: "b", zone: "x" },
        samples: [
          [T, Number.NaN],
          [T + 15_000, Number.POSITIVE_INFINITY],
        ],
      },
      {
        labels: { __name__: "my.metric", "a label": "é" },
        samples: [
          [T + 1, 1e21],
          [T + 2, -0.5],
        ],
      },
      ...hostile,
    ]),
  );
  // The same time again: as in Prometheus the first value counts.
  const again = samplesOf([{ labels: { __name__: "up", job: "a" }, samples: [[T + 15_000, 22]] }]);
  again.metadata.push({ family: "up", type: "gauge", unit: "", help: 'is "up"' });
  await store.put(again);
  app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerPrometheusApi(app, {
    engine: store.engine,
    clock,
    prefixes: ["/api/v1", "/prometheus/api/v1"],
  });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await store.close();
});

interface Answer {
  readonly status: string;
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
  readonly data: {
    readonly result: readonly {
      readonly metric: Record<string, string>;
      readonly values: readonly unknown[];
    }[];
    readonly version?: string;
  } & readonly Record<string, string>[];
}

async function get(
  path: string,
  params: Record<string, string | string[]> = {},
): Promise<{ status: number; body: Answer; text: string }> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    for (const one of [value].flat()) query.append(name, one);
  const answer = await app.inject({ url: `${path}?${query}` });
  return { status: answer.statusCode, body: JSON.parse(answer.body), text: answer.body };
}
const q = (value: string): string => JSON.stringify(value);
const seconds = (ms: number): string => String((T + ms) / 1000);

describe("instant queries", () => {
  const check = (query: string, ms: number, want: string) =>
    test(`${query} at +${ms}`, async () => {
      const { text } = await get("/api/v1/query", { query, time: seconds(ms) });
      expect(text).toBe(`{"status":"success","data":${want}}`);
    });
  const vector = (items: string) => `{"resultType":"vector","result":[${items}]}`;
  check(
    'up{job="a"}',
    0,
    vector('{"metric":{"__name__":"up","job":"a"},"value":[1700000000,"1"]}'),
  );
  check(
    'up{job="a"}',
    14_999,
    vector('{"metric":{"__name__":"up","job":"a"},"value":[1700000014.999,"1"]}'),
  );
  check(
    'up{job="a"}',
    15_000,
    vector('{"metric":{"__name__":"up","job":"a"},"value":[1700000015,"2"]}'),
  );
  check('up{job="a"}', 30_000, vector(""));
  check('up{job="a"}', 59_999, vector(""));
  check(
    'up{job="a"}',
    60_000,
    vector('{"metric":{"__name__":"up","job":"a"},"value":[1700000060,"3"]}'),
  );
  check(
    'up{job="a"}',
    359_999,
    vector('{"metric":{"__name__":"up","job":"a"},"value":[1700000359.999,"3"]}'),
  );
  check('up{job="a"}', 360_000, vector(""));
  check(
    'up{zone="x"}',
    0,
    vector('{"metric":{"__name__":"up","job":"b","zone":"x"},"value":[1700000000,"NaN"]}'),
  );
  check(
    'up{zone="x"}',
    15_000,
    vector('{"metric":{"__name__":"up","job":"b","zone":"x"},"value":[1700000015,"+Inf"]}'),
  );
  check(
    'up{zone=""}',
    0,
    vector('{"metric":{"__name__":"up","job":"a"},"value":[1700000000,"1"]}'),
  );
  check(
    'up{zone=~"|y"}',
    0,
    vector('{"metric":{"__name__":"up","job":"a"},"value":[1700000000,"1"]}'),
  );
  check(
    'up{zone!~".+"}',
    0,
    vector('{"metric":{"__name__":"up","job":"a"},"value":[1700000000,"1"]}'),
  );
  check(
    'up{job=~"\\\\Qa"}',
    0,
    vector('{"metric":{"__name__":"up","job":"a"},"value":[1700000000,"1"]}'),
  );
  check(
    '{"my.metric"}',
    1,
    vector('{"metric":{"__name__":"my.metric","a label":"é"},"value":[1700000000.001,"1e+21"]}'),
  );
  check(
    '{"my.metric","a label"="é"}',
    2,
    vector('{"metric":{"__name__":"my.metric","a label":"é"},"value":[1700000000.002,"-0.5"]}'),
  );
  check("1.5", 500, '{"resultType":"scalar","result":[1700000000.500,"1.5"]}');
  check('"a\\n"', 0, '{"resultType":"string","result":[1700000000,"a\\n"]}');
  check("absent_metric", 0, vector(""));
  check("1+1", 0, '{"resultType":"scalar","result":[1700000000,"2"]}');
  check("vector(1)+vector(1)", 0, vector('{"metric":{},"value":[1700000000,"2"]}'));
  check(
    "sum by (job) (up)",
    15_000,
    vector(
      '{"metric":{"job":"a"},"value":[1700000015,"2"]},{"metric":{"job":"b"},"value":[1700000015,"+Inf"]}',
    ),
  );
  check("count(up)", 0, vector('{"metric":{},"value":[1700000000,"2"]}'));
  check(
    'up{job="a"}[1m]',
    30_000,
    '{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},"values":[[1700000000,"1"],[1700000015,"2"]]}]}',
  );
  check(
    'label_replace(up{job="a"}, "x", "${1}!", "job", "(.).*") * 2',
    0,
    vector('{"metric":{"job":"a","x":"a!"},"value":[1700000000,"2"]}'),
  );
  check(
    'topk(1, last_over_time({__name__="my.metric"}[1m])) or vector(0) unless on () up',
    2,
    vector('{"metric":{"__name__":"my.metric","a label":"é"},"value":[1700000000.002,"-0.5"]}'),
  );
});

test("what Prometheus would tell beside the data is told", async () => {
  const { body } = await get("/api/v1/query", { query: "rate(up[5m])", time: seconds(60_000) });
  expect(body.infos).toEqual([
    'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "up" (1:6)',
  ]);
  expect(body.warnings).toBeUndefined();
});

test("range queries step through staleness and lookback", async () => {
  const { body } = await get("/prometheus/api/v1/query_range", {
    query: 'up{job="a"}',
    start: seconds(0),
    end: new Date(T + 60_000).toISOString(),
    step: "15s",
  });
  expect(body.data).toEqual({
    resultType: "matrix",
    result: [
      {
        metric: { __name__: "up", job: "a" },
        values: [
          [1700000000, "1"],
          [1700000015, "2"],
          [1700000060, "3"],
        ],
      },
    ],
  });
  const scalar = await get("/api/v1/query_range", {
    query: "2",
    start: seconds(0),
    end: seconds(30_000),
    step: "15",
  });
  expect(scalar.body.data.result[0]?.values).toHaveLength(3);
});

test("POST takes a form, also with values in the URL", async () => {
  const answer = await app.inject({
    method: "POST",
    url: `/api/v1/query?time=${seconds(0)}`,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    payload: new URLSearchParams({ query: 'up{job="a"}' }).toString(),
  });
  expect(JSON.parse(answer.body).data.result).toHaveLength(1);
});

describe("refused", () => {
  const check = (
    path: string,
    params: Record<string, string>,
    want: { status: number; type: string; text: string },
  ) =>
    test(`${path} ${JSON.stringify(params).slice(0, 80)}`, async () => {
      const { status, body } = await get(`/api/v1${path}`, params);
      expect([status, body.status, body.errorType]).toEqual([want.status, "error", want.type]);
      expect(body.error).toContain(want.text);
    });
  const bad = (text: string) => ({ status: 400, type: "bad_data", text });
  const range = { start: "0", end: "10", step: "1" };
  check(
    "/query",
    { query: "" },
    bad('invalid parameter "query": unknown position: parse error: no expression found in input'),
  );
  check("/query", { query: "up{a" }, bad("1:5: parse error"));
  check("/query", { query: "\n up{a" }, bad("2:6: parse error"));
  check("/query", { query: 'up{a=~"("}' }, bad("1:4: parse error: error parsing regexp"));
  check("/query", { query: '{a=~".*"}' }, bad("1:1: parse error"));
  check("/query", { query: 'up{a=~"((x{1000}){1000})"}' }, bad("1:4: parse error: "));
  check("/query", { query: "up[step()]" }, bad('"query": 3:9: duration must be greater than 0'));
  check("/query", { query: "up", lookback_delta: "-5m" }, bad("error parsing lookback delta"));
  check("/query", { query: "up", time: "2020-01-01t00:00:00z" }, bad('invalid parameter "time"'));
  check("/query", { query: "up", limit: "99999999999999999999" }, bad("value out of range"));
  check("/series", { "match[]": "up offset 5m" }, bad("1:4: parse error: unexpected <offset>"));
  check("/series", { "match[]": "up[5m]" }, bad('1:3: parse error: unexpected "["'));
  check(
    "/series",
    { "match[]": "" },
    bad("unknown position: parse error: unexpected end of input"),
  );
  check("/series", { "match[]": '{a=~".*"}' }, bad("must contain at least one non-empty matcher"));
  check("/query", { query: "up", time: "yesterday" }, bad('invalid parameter "time"'));
  check("/query", { query: "up", limit: "-1" }, bad('invalid parameter "limit"'));
  check("/query", { query: "up", timeout: "x" }, bad('invalid parameter "timeout"'));
  check("/query", { query: "rate(up)" }, bad("1:6: parse error: expected type range vector"));
  check(
    "/query",
    { query: 'up * on () up{job="a"}', time: seconds(0) },
    { status: 422, type: "execution", text: "multiple matches for labels" },
  );
  check(
    "/query_range",
    { ...range, query: "up[5m]" },
    bad('invalid expression type "range vector"'),
  );
  check(
    "/query_range",
    { ...range, query: "up", step: "0" },
    bad("zero or negative query resolution step"),
  );
  check("/query_range", { ...range, query: "up", step: "-1" }, bad("zero or negative"));
  check(
    "/query_range",
    { ...range, query: "up", end: "11002" },
    bad("exceeded maximum resolution of 11,000 points"),
  );
  check(
    "/query_range",
    { ...range, query: "up", end: "-1" },
    bad("end timestamp must not be before start time"),
  );
  check("/query_range", { query: "up", end: "1", step: "1" }, bad('invalid parameter "start"'));
  check("/query_range", { ...range, query: '"x"' }, bad('invalid expression type "string"'));
  check("/series", {}, bad("no match[] parameter provided"));
  check("/series", { "match[]": "1" }, bad('invalid parameter "match[]"'));
});

test("series, labels, values, metadata and build information", async () => {
  const time = { start: seconds(-1000), end: seconds(1000) };
  const series = await get("/api/v1/series", {
    ...time,
    "match[]": ['up{job="b"}', '{"my.metric"}', 'up{zone="x"}'],
  });
  expect(series.body.data).toEqual([
    { __name__: "my.metric", "a label": "é" },
    { __name__: "up", job: "b", zone: "x" },
  ]);
  const labels = await get("/api/v1/labels", { ...time, "match[]": "up" });
  expect(labels.body.data).toEqual(["__name__", "job", "zone"]);
  expect((await get("/api/v1/label/job/values", time)).body.data).toEqual(["a", "b"]);
  expect((await get("/api/v1/label/job/values", { ...time, limit: "1" })).body).toEqual({
    status: "success",
    data: ["a"],
    warnings: ["results truncated due to limit"],
  });
  expect(
    (await get("/api/v1/label/__name__/values", { ...time, "match[]": '{job="a"}' })).body.data,
  ).toEqual(["up"]);
  expect((await get("/api/v1/label/U__a_20_label/values", time)).body.data).toEqual(["é"]);
  expect((await get("/api/v1/label/job/values", { start: "0", end: "1" })).body.data).toEqual([]);
  expect((await get("/api/v1/metadata", { metric: "up" })).body.data).toEqual({
    up: [{ type: "gauge", help: 'is "up"', unit: "" }],
  });
  expect((await get("/api/v1/status/buildinfo")).body.data.version).toMatch(/^3\./);
  const cut = await get("/api/v1/query", { query: "up", time: seconds(0), limit: "1" });
  expect([cut.body.data.result.length, cut.body.warnings]).toEqual([
    1,
    ["results truncated due to limit"],
  ]);
});

test("names escaped for a path", () => {
  expect(unescapedName("U__a_2e_b__c")).toBe("a.b_c");
  expect(unescapedName("U__a_b")).toBe("U__a_b");
  expect(unescapedName("plain")).toBe("plain");
});

test("hostile texts are only data, in values, names and patterns", async () => {
  const quoted = (text: string) =>
    q(text).replaceAll("\\b", "\\u0008").replaceAll("\\f", "\\u000c");
  const literally = (text: string) => text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
  for (const [i, value] of hostileTexts.entries()) {
    const ids = async (matcher: string): Promise<string[]> => {
      const { body } = await get("/api/v1/query", {
        query: `hostile{${matcher}}`,
        time: seconds(0),
      });
      expect(body.error).toBeUndefined();
      return body.data.result.map((r) => r.metric["i"] ?? "").sort();
    };
    const expected = (keep: (v: string) => boolean) =>
      hostileTexts.flatMap((v, j) => (keep(v) ? [String(j)] : [])).sort();
    expect(await ids(`v=${quoted(value)}`), value).toEqual(expected((v) => v === value));
    expect(await ids(`v!=${quoted(value)}`), value).toEqual(expected((v) => v !== value));
    expect(await ids(`${quoted(`l${value}`)}="x"`), value).toEqual(expected((v) => v === value));
    expect(await ids(`v=~${quoted(literally(value))}`), value).toEqual(
      expected((v) => v === value),
    );
    const values = await get(`/api/v1/series`, {
      "match[]": `hostile{i="${i}"}`,
      start: seconds(0),
      end: seconds(1),
    });
    expect(values.body.data[0]?.["v"]).toBe(value);
  }
}, 120_000);

test("numbers are printed as Go prints them", () => expect(formatFloat(1e-7)).toBe("0.0000001"));
