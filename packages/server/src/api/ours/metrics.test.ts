import type { MetricChartAnswer, MetricLabelsAnswer, MetricsAnswer } from "@triptych/contract";
import { SampleBatch, Temporality } from "@triptych/model";
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
import { registerOwnMetrics } from "./metrics.ts";

const T = 1_700_000_000_000;
const clock = createTestClock(T + 3_600_000);
const trace = "0af7651916cd43dd8448eb211c80319c";
let store: TestStore;
let app: FastifyInstance;

/** A sample every 15 s for half an hour. */
const every15s = (value: (i: number) => number): [number, number][] =>
  Array.from({ length: 121 }, (_, i) => [T + i * 15_000, value(i)]);
const bucket = (route: string, le: string, perStep: number): TestSeries => ({
  labels: { __name__: "latency_seconds_bucket", route, le },
  samples: every15s((i) => i * perStep),
});

const series: TestSeries[] = [
  {
    labels: { __name__: "requests_total", route: "/a", host: "1" },
    samples: every15s((i) => i * 15),
  },
  {
    labels: { __name__: "requests_total", route: "/a", host: "2" },
    samples: every15s((i) => (i % 90) * 15),
  },
  {
    labels: { __name__: "requests_total", route: "/b", host: "1" },
    samples: every15s((i) => i * 45),
  },
  { labels: { __name__: "temperature", room: "x" }, samples: every15s(() => 20) },
  {
    labels: { __name__: "temperature", room: "y" },
    samples: every15s((i) => (i < 60 ? 30 : Number.NaN)),
  },
  bucket("/a", "0.1", 10),
  bucket("/a", "0.5", 20),
  bucket("/a", "+Inf", 20),
  bucket("/b", "0.1", 0),
  bucket("/b", "0.5", 10),
  bucket("/b", "+Inf", 20),
  { labels: { __name__: "latency_seconds_count", route: "/a" }, samples: every15s((i) => i * 20) },
  { labels: { __name__: "latency_seconds_sum", route: "/a" }, samples: every15s((i) => i) },
  ...hostileTexts.map((text, i) => ({
    labels: { __name__: "hostile", v: text, i: String(i) },
    samples: every15s(() => i),
  })),
];

function native(): SampleBatch {
  const batch = new SampleBatch();
  batch.series.addLabelText("__name__", "size_bytes");
  const row = batch.series.end(Temporality.cumulative);
  const { histograms } = batch;
  for (let i = 0; i <= 120; i++) {
    const at = histograms.addRow(row, T + i * 15_000, 0);
    histograms.count[at] = i * 4;
    histograms.sum[at] = i;
    histograms.positiveSpans.push(1, 1);
    histograms.positiveCounts.push(i * 4);
    histograms.endRow();
  }
  batch.metadata.push({ family: "size_bytes", type: "histogram", unit: "bytes", help: "" });
  return batch;
}

function exemplar(): SampleBatch {
  const batch = samplesOf([
    { labels: { __name__: "requests_total", route: "/b", host: "1" }, samples: [] },
  ]);
  const row = batch.exemplars.addRow(0, T + 60_000, 0.5);
  batch.exemplars.traceId.set(Buffer.from(trace, "hex"), row * 16);
  batch.exemplars.attributes.endRow();
  return batch;
}

beforeAll(async () => {
  store = await openTestStore(clock);
  const batch = samplesOf(series);
  batch.metadata.push(
    { family: "requests_total", type: "counter", unit: "", help: "all of them" },
    { family: "temperature", type: "gauge", unit: "celsius", help: "" },
    { family: "latency_seconds", type: "histogram", unit: "seconds", help: "" },
  );
  await store.put(batch, native(), exemplar());
  app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerOwnMetrics(app, { engine: store.engine, clock, prefix: "/api/triptych" });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await store.close();
});

async function get<A>(path: string, params: readonly (readonly [string, string])[]): Promise<A> {
  const range = [
    ["from", String(T)],
    ["to", String(T + 1_800_000)],
  ];
  const query = new URLSearchParams([...range, ...params].map(([n = "", v = ""]) => [n, v]));
  const answer = await app.inject({ url: `/api/triptych${path}?${query}` });
  expect([answer.statusCode, answer.body.slice(0, 300)]).toEqual([200, expect.anything()]);
  return JSON.parse(answer.body) as A;
}

test("families with type, unit and series", async () => {
  const { metrics } = await get<MetricsAnswer>("/metrics", [["search", "E"]]);
  expect(metrics.map(({ name, type, unit, series }) => [name, type, unit, series])).toEqual([
    ["hostile", "unknown", "", hostileTexts.length],
    ["latency_seconds", "histogram", "seconds", 8],
    ["requests_total", "counter", "", 3],
    ["size_bytes", "histogram", "bytes", 1],
    ["temperature", "gauge", "celsius", 2],
  ]);
});

test("labels with values", async () => {
  const { labels } = await get<MetricLabelsAnswer>("/metrics/labels", [["name", "requests_total"]]);
  expect(labels).toEqual([
    {
      name: "host",
      values: [
        { value: "1", series: 2 },
        { value: "2", series: 1 },
      ],
      distinct: 2,
    },
    {
      name: "route",
      values: [
        { value: "/a", series: 2 },
        { value: "/b", series: 1 },
      ],
      distinct: 2,
    },
  ]);
});

describe("charts", () => {
  /** Labels and the last value of each series, rounded. */
  const check = (
    params: [string, string][],
    want: { view: string; unit: string; series: [object, number | null][] },
  ) =>
    test(JSON.stringify(params), async () => {
      const chart = await get<MetricChartAnswer>("/metrics/chart", [["points", "60"], ...params]);
      const last = (values: readonly (number | null)[]): number | null => {
        const value = values.at(-1) ?? null;
        return value === null ? null : Math.round(value * 1000) / 1000;
      };
      expect([chart.from, chart.stepMs, chart.series[0]?.values.length]).toEqual([T, 30_000, 61]);
      expect({
        view: chart.view,
        unit: chart.unit,
        series: chart.series.map((one) => [one.labels, last(one.values)]),
      }).toEqual(want);
      expect(chart.seriesTotal).toBe(want.series.length);
    });
  check(
    [
      ["name", "requests_total"],
      ["by", "route"],
    ],
    {
      view: "rate",
      unit: "/s",
      series: [
        [{ route: "/b" }, 3],
        [{ route: "/a" }, 2],
      ],
    },
  );
  check(
    [
      ["name", "requests_total"],
      ["match", "host=1"],
    ],
    {
      view: "rate",
      unit: "/s",
      series: [
        [{ host: "1", route: "/b" }, 3],
        [{ host: "1", route: "/a" }, 1],
      ],
    },
  );
  check(
    [
      ["name", "requests_total"],
      ["match", "route!~/a.*"],
      ["view", "value"],
    ],
    { view: "value", unit: "", series: [[{ host: "1", route: "/b" }, 5377.5]] },
  );
  check([["name", "temperature"]], {
    view: "value",
    unit: "celsius",
    series: [
      [{ room: "y" }, null],
      [{ room: "x" }, 20],
    ],
  });
  check(
    [
      ["name", "latency_seconds"],
      ["by", "route"],
      ["view", "p50"],
    ],
    {
      view: "p50",
      unit: "seconds",
      series: [
        [{ route: "/b" }, 0.5],
        [{ route: "/a" }, 0.1],
      ],
    },
  );
  check(
    [
      ["name", "latency_seconds"],
      ["match", "route=/a"],
    ],
    { view: "p95", unit: "seconds", series: [[{ route: "/a" }, 0.46]] },
  );
  check(
    [
      ["name", "latency_seconds"],
      ["view", "count"],
    ],
    { view: "count", unit: "/s", series: [[{ route: "/a" }, 1.333]] },
  );
  check(
    [
      ["name", "size_bytes"],
      ["view", "p50"],
    ],
    { view: "p50", unit: "bytes", series: [[{}, 1.414]] },
  );
  check(
    [
      ["name", "size_bytes"],
      ["view", "count"],
    ],
    { view: "count", unit: "/s", series: [[{}, 0.267]] },
  );
});

test("at most fifty series, exemplars with their trace", async () => {
  const many = await get<MetricChartAnswer>("/metrics/chart", [
    ["name", "hostile"],
    ["points", "10"],
  ]);
  expect([many.series.length, many.seriesTotal, many.marks.length]).toEqual([
    50,
    hostileTexts.length,
    1,
  ]);
  expect(many.series[0]?.values.at(-1)).toBe(hostileTexts.length - 1);
  const { exemplars } = await get<MetricChartAnswer>("/metrics/chart", [
    ["name", "requests_total"],
  ]);
  expect(exemplars).toEqual([
    { timeMs: T + 60_000, value: 0.5, traceId: trace, labels: { host: "1", route: "/b" } },
  ]);
});

test("hostile texts are only data", async () => {
  for (const [i, text] of hostileTexts.entries()) {
    if (text.startsWith("~")) continue;
    const chart = await get<MetricChartAnswer>("/metrics/chart", [
      ["name", "hostile"],
      ["match", `v=${text}`],
      ["points", "4"],
    ]);
    const want = hostileTexts.flatMap((other, j) => (other === text ? [String(j)] : []));
    expect(chart.series.map((one) => one.labels["i"]).sort(), String(i)).toEqual(want.sort());
    const none = await get<MetricsAnswer>("/metrics", [["search", text]]);
    expect(none.metrics.every(({ name }) => name.toLowerCase().includes(text.toLowerCase()))).toBe(
      true,
    );
    const labels = await get<MetricLabelsAnswer>("/metrics/labels", [["name", text]]);
    expect(labels.labels).toEqual([]);
  }
}, 120_000);

describe("refused", () => {
  const check = (path: string) =>
    test(path, async () => {
      const answer = await app.inject({ url: `/api/triptych/metrics${path}` });
      expect([answer.statusCode, JSON.parse(answer.body).error.code]).toEqual([
        400,
        "query_invalid",
      ]);
    });
  check("/chart");
  check("/chart?name=x&view=pie");
  check("/chart?name=x&match=y");
  check("/chart?name=x&match=y%3D~(");
  check("/labels");
});
