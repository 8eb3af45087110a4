/** Data points of every kind as Prometheus series, in both encodings. */
import { defaultLimits, type Limits } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { bothEncodings, decodeRows, NOW_MS } from "./requests-for-tests.ts";

interface Got {
  readonly rows: { samples: string[]; exemplars: string[]; metadata: object[] };
  readonly rejected: number;
  readonly reason: string;
}

const text = (key: string, value: string): object => ({ key, value: { stringValue: value } });
const at = { timeUnixNano: "1700000000123999999", startTimeUnixNano: "1700000000000000000" };
const times = "@1700000000123 from 1700000000000";
const delta = 1;
const cumulative = 2;

function decode(metrics: object[], resource: object[] = [], limits: Limits = defaultLimits): Got {
  const request = {
    resourceMetrics: [
      { resource: { attributes: resource }, scopeMetrics: [{ scope: { name: "lib" }, metrics }] },
    ],
  };
  const [protobuf, json] = bothEncodings("Metrics", request).map(([encoding, body]) =>
    decodeRows("Metrics", encoding, body, limits),
  );
  expect(json).toEqual(protobuf);
  return protobuf as Got;
}

describe("samples", () => {
  const check = (name: string, metric: object, want: string[]) =>
    test(name, () => {
      const got = decode([metric]);
      expect([got.rows.samples, got.rejected]).toEqual([want, 0]);
    });
  const point = { ...at, asInt: "3", attributes: [text("http.route", "/pay")] };
  check("gauge", { name: "cpu.load", gauge: { dataPoints: [point] } }, [
    `cpu_load{http_route="/pay"} 3 ${times} gauge`,
  ]);
  const sum = (isMonotonic: boolean, aggregationTemporality: number): object => ({
    name: "jobs",
    unit: "By",
    sum: { dataPoints: [point], isMonotonic, aggregationTemporality },
  });
  check("counter", sum(true, cumulative), [
    `jobs_bytes_total{http_route="/pay"} 3 ${times} cumulative`,
  ]);
  check("delta counter", sum(true, delta), [
    `jobs_bytes_total{http_route="/pay"} 3 ${times} delta`,
  ]);
  check("up-down counter", sum(false, cumulative), [
    `jobs_bytes{http_route="/pay"} 3 ${times} gauge`,
  ]);
  check("delta up-down counter", sum(false, delta), [
    `jobs_bytes{http_route="/pay"} 3 ${times} delta`,
  ]);
  check(
    "double and int points",
    {
      name: "g",
      gauge: {
        dataPoints: [
          { ...at, asDouble: 0.5 },
          { ...at, asInt: "-9" },
        ],
      },
    },
    [`g{} 0.5 ${times} gauge`, `g{} -9 ${times} gauge`],
  );
  const histogram = {
    ...at,
    count: "6",
    sum: 7.5,
    explicitBounds: [0.005, 1, 10],
    bucketCounts: ["1", "2", "0", "3"],
  };
  check(
    "histogram",
    {
      name: "lat",
      unit: "s",
      histogram: { aggregationTemporality: cumulative, dataPoints: [histogram] },
    },
    [
      `lat_seconds_sum{} 7.5 ${times} cumulative`,
      `lat_seconds_count{} 6 ${times} cumulative`,
      `lat_seconds_bucket{le="0.005"} 1 ${times} cumulative`,
      `lat_seconds_bucket{le="1"} 3 ${times} cumulative`,
      `lat_seconds_bucket{le="10"} 3 ${times} cumulative`,
      `lat_seconds_bucket{le="+Inf"} 6 ${times} cumulative`,
    ],
  );
  check(
    "delta histogram without sum and buckets",
    {
      name: "lat",
      histogram: { aggregationTemporality: delta, dataPoints: [{ ...at, count: "6" }] },
    },
    [`lat_count{} 6 ${times} delta`, `lat_bucket{le="+Inf"} 6 ${times} delta`],
  );
  check(
    "summary",
    {
      name: "rpc",
      summary: {
        dataPoints: [
          {
            ...at,
            count: "2",
            sum: 3,
            quantileValues: [
              { quantile: 0.99, value: 4 },
              { quantile: 1, value: 5 },
            ],
          },
        ],
      },
    },
    [
      `rpc_sum{} 3 ${times} cumulative`,
      `rpc_count{} 2 ${times} cumulative`,
      `rpc{quantile="0.99"} 4 ${times} gauge`,
      `rpc{quantile="1"} 5 ${times} gauge`,
    ],
  );
  const stale = { ...at, flags: 1 };
  check("the end of a gauge", { name: "g", gauge: { dataPoints: [stale] } }, [
    `g{} stale ${times} gauge`,
  ]);
  check(
    "the end of a histogram",
    {
      name: "h",
      histogram: { aggregationTemporality: cumulative, dataPoints: [{ ...histogram, ...stale }] },
    },
    [
      `h_sum{} stale ${times} cumulative`,
      `h_count{} stale ${times} cumulative`,
      `h_bucket{le="0.005"} stale ${times} cumulative`,
      `h_bucket{le="1"} stale ${times} cumulative`,
      `h_bucket{le="10"} stale ${times} cumulative`,
      `h_bucket{le="+Inf"} stale ${times} cumulative`,
    ],
  );
});

describe("exponential histograms", () => {
  const check = (name: string, point: object, want: string, temporality = cumulative) =>
    test(name, () => {
      const dataPoints = [{ ...at, count: "9", sum: 2, ...point }];
      const got = decode([
        { name: "e", exponentialHistogram: { aggregationTemporality: temporality, dataPoints } },
      ]);
      expect(got.rows.samples).toEqual([want]);
    });
  const tail = (temporality: string, hint = 0) =>
    `count 9 sum 2 hint ${hint} ${times} ${temporality}`;
  check(
    "offset and gaps",
    {
      scale: 3,
      zeroCount: "2",
      zeroThreshold: 0.25,
      positive: { offset: -2, bucketCounts: ["1", "0", "0", "2", "0", "0", "0", "3", "0"] },
    },
    `e{} schema 3 zero 0.25:2 pos -1+4,3+1[1,0,0,2,3] neg [] ${tail("cumulative")}`,
  );
  check(
    "negative buckets, delta",
    { scale: 0, negative: { offset: 0, bucketCounts: ["4", "5"] } },
    `e{} schema 0 zero 1e-128:0 pos [] neg 1+2[4,5] ${tail("delta", 3)}`,
    delta,
  );
  check(
    "a finer scale is merged to 8",
    { scale: 10, positive: { offset: -3, bucketCounts: ["1", "1", "1", "1", "1"] } },
    `e{} schema 8 zero 1e-128:0 pos 0+2[3,2] neg [] ${tail("cumulative")}`,
  );
  check("empty", { scale: 20 }, `e{} schema 8 zero 1e-128:0 pos [] neg [] ${tail("cumulative")}`);
  test("the end", () => {
    const dataPoints = [
      { ...at, flags: 1, count: "3", positive: { offset: 0, bucketCounts: ["3"] } },
    ];
    const got = decode([
      { name: "e", exponentialHistogram: { aggregationTemporality: cumulative, dataPoints } },
    ]);
    expect(got.rows.samples).toEqual([
      `e{} schema 0 zero 1e-128:0 pos [] neg [] count 0 sum NaN hint 0 ${times} cumulative`,
    ]);
  });
});

describe("refused points", () => {
  const check = (name: string, metric: object, reason: string, limits: Limits = defaultLimits) =>
    test(name, () => {
      const got = decode(
        [metric, { name: "ok", gauge: { dataPoints: [{ ...at, asInt: "1" }] } }],
        [],
        limits,
      );
      expect([got.rejected, got.reason]).toEqual([1, reason]);
      expect(got.rows.samples).toEqual([`ok{} 1 ${times} gauge`]);
      expect(got.rows.metadata).toHaveLength(1);
    });
  const gauge = (point: object, name = "g") => ({
    name,
    gauge: { dataPoints: [{ ...at, asInt: "1", ...point }] },
  });
  check(
    "no temporality",
    { name: "s", sum: { dataPoints: [{ ...at, asInt: "1" }] } },
    'the aggregation temporality of metric "s" is not specified',
  );
  check("no time", gauge({ timeUnixNano: "0" }), "a data point has no time");
  check("no value", { name: "g", gauge: { dataPoints: [at] } }, "a data point has no value");
  check(
    "no name",
    gauge({}, "..."),
    `a metric's name "..." has nothing that a name can be made of`,
  );
  check(
    "the future",
    gauge({ timeUnixNano: `${NOW_MS + 600_001}000000` }),
    "a data point is more than 600 s in the future",
  );
  check(
    "a scale below -4",
    {
      name: "e",
      exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ ...at, scale: -5 }] },
    },
    "an exponential histogram has scale -5; -4 is the least that can be kept",
  );
  check(
    "too many labels",
    gauge({ attributes: [text("a", "1"), text("b", "1")] }),
    "a series has more than 2 labels",
    { ...defaultLimits, labelsPerSeriesMax: 2 },
  );
  check(
    "a long label value",
    gauge({ attributes: [text("a", "12345")] }),
    "a label value is longer than 4 bytes",
    {
      ...defaultLimits,
      labelValueBytesMax: 4,
    },
  );
  check(
    "a long label name",
    gauge({ attributes: [text("abcdefgh", "1")] }),
    "a label name is longer than 7 bytes",
    {
      ...defaultLimits,
      labelNameBytesMax: 7,
    },
  );
  check(
    "too many buckets",
    {
      name: "h",
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [{ ...at, bucketCounts: Array(5_000).fill("1") }],
      },
    },
    "a data point has more than 4096 buckets",
  );
});

describe("labels", () => {
  const check = (name: string, attributes: object[], want: string) =>
    test(name, () => {
      const resource = [
        text("service.name", "pay"),
        text("service.namespace", "shop"),
        text("service.instance.id", "i1"),
      ];
      const got = decode(
        [{ name: "g", gauge: { dataPoints: [{ ...at, asInt: "1", attributes }] } }],
        resource,
      );
      expect(got.rows.samples).toEqual([`g{${want}} 1 ${times} gauge`]);
    });
  const identity = 'instance="i1",job="shop/pay"';
  check("job and instance", [], identity);
  check(
    "names are sanitised",
    [text("a.b", "1"), text("1x", "2"), text("_p", "3"), text("__q", "4"), text("ä", "")],
    `__q="4",a_b="1",${identity},key_1x="2",key_p="3"`,
  );
  check(
    "collisions are joined in the order of the keys",
    [text("a.b", "2"), text("a_b", "3"), text("a-b", "1")],
    `a_b="1;2;3",${identity}`,
  );
  check("job and instance win", [text("job", "x"), text("instance", "y")], identity);
  check("__name__ is ours", [text("__name__", "x")], identity);
  check(
    "every kind is text",
    [
      { key: "a", value: { intValue: "9" } },
      { key: "b", value: { boolValue: true } },
      { key: "c", value: { arrayValue: { values: [{ doubleValue: 1 }] } } },
    ],
    `a="9",b="true",c="[1.0]",${identity}`,
  );
});

describe("target_info", () => {
  const check = (name: string, resource: object[], want: string[]) =>
    test(name, () => {
      const got = decode([{ name: "g", gauge: { dataPoints: [{ ...at, asInt: "1" }] } }], resource);
      expect(got.rows.samples.slice(1)).toEqual(want);
    });
  const line = (labels: string) => `target_info{${labels}} 1 @1700000000123 from 0 gauge`;
  check("nothing to tell", [], []);
  check("identity only", [text("service.name", "a")], []);
  check("no identity", [text("host.name", "h")], []);
  check(
    "both",
    [text("service.name", "a"), text("host.name", "h")],
    [line('host_name="h",job="a"')],
  );
  check(
    "instance only",
    [text("service.instance.id", "i"), text("host.name", "h")],
    [line('host_name="h",instance="i"')],
  );
});

test("metadata once a family", () => {
  const gauge = {
    name: "mem",
    unit: "By",
    description: "Memory",
    gauge: { dataPoints: [{ ...at, asInt: "1" }] },
  };
  const rate = { ...gauge, name: "io", unit: "By/s" };
  const got = decode([gauge, gauge, rate], [text("service.name", "a"), text("x", "y")]);
  expect(got.rows.metadata).toEqual([
    { family: "mem_bytes", type: "gauge", unit: "bytes", help: "Memory" },
    { family: "io_bytes_per_second", type: "gauge", unit: "bytes_per_second", help: "Memory" },
    { family: "target_info", type: "gauge", unit: "", help: "Target metadata" },
  ]);
});

describe("exemplars", () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const spanId = "b7ad6b7169203331";
  const exemplar = (asDouble: number) => ({
    timeUnixNano: "1700000000001000000",
    asDouble,
    traceId,
    spanId,
  });
  const check = (name: string, metric: object, want: string[]) =>
    test(name, () => expect(decode([metric]).rows.exemplars).toEqual(want));
  const tail = `@1700000000001 ${traceId} ${spanId}`;
  check(
    "of a histogram go to the bucket they fall into",
    {
      name: "h",
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          {
            ...at,
            count: "2",
            explicitBounds: [1, 2],
            bucketCounts: ["1", "0", "1"],
            exemplars: [exemplar(1), exemplar(1.5), exemplar(9)],
          },
        ],
      },
    },
    [`h_bucket{le="1"} 1 ${tail}`, `h_bucket{le="2"} 1.5 ${tail}`, `h_bucket{le="+Inf"} 9 ${tail}`],
  );
  check(
    "of a counter, with attributes, without ids and time",
    {
      name: "c",
      sum: {
        aggregationTemporality: 2,
        isMonotonic: true,
        dataPoints: [
          {
            ...at,
            asInt: "1",
            exemplars: [
              { asInt: "5", filteredAttributes: [text("user", "u1")] },
              { timeUnixNano: "1" },
            ],
          },
        ],
      },
    },
    [`c_total{} 5 @1700000000123 ${"0".repeat(32)} ${"0".repeat(16)} user=string:u1`],
  );
});
