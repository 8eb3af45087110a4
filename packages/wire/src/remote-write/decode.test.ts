/** Remote write: what Prometheus sends arrives whole, what is wrong is refused one by one, hostile bodies end at once. */
import { defaultLimits, TriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { decodeRemoteWrite, type RemoteWriteVersion } from "./decode.ts";
import {
  bytes,
  encodeVersion1,
  encodeVersion2,
  type TestHistogram,
  type TestSeries,
  varint,
} from "./encode-for-tests.ts";
import { exemplarRows, histogramRows, labelText, sampleRows } from "./rows-for-tests.ts";

const NOW = 1_700_000_000_000;
const options = { limits: defaultLimits, nowMs: NOW };
const versions: readonly RemoteWriteVersion[] = ["1.0", "2.0"];
const encode = (version: RemoteWriteVersion, series: readonly TestSeries[]): Uint8Array =>
  version === "1.0" ? encodeVersion1(series) : encodeVersion2(series);
const decode = (version: RemoteWriteVersion, body: Uint8Array, limits = defaultLimits) =>
  drain(decodeRemoteWrite(body, version, { ...options, limits }));
const name = (value: string): [string, string] => ["__name__", value];

describe.each(versions)("remote write %s", (version) => {
  const check = (title: string, series: readonly TestSeries[], want: readonly string[]) =>
    test(title, () => {
      const { batch, rejected } = decode(version, encode(version, series));
      expect(sampleRows(batch)).toEqual(want);
      expect(rejected).toBe(0);
    });
  check("nothing", [], []);
  check(
    "a sample",
    [{ labels: [name("up"), ["job", "a"]], samples: [[NOW, 1]] }],
    [`up{job="a"} 1 @${NOW}`],
  );
  check(
    "labels are sorted",
    [{ labels: [["z", "1"], name("up"), ["A", "2"]], samples: [[NOW, 1]] }],
    [`up{A="2",z="1"} 1 @${NOW}`],
  );
  check(
    "names of any characters",
    [{ labels: [name("häß.µ"), ["a b", "ü"]], samples: [[NOW, 1]] }],
    [`häß.µ{a b="ü"} 1 @${NOW}`],
  );
  check(
    "labels with empty values are not there",
    [{ labels: [name("up"), ["a", ""]], samples: [[NOW, 1]] }],
    [`up 1 @${NOW}`],
  );
  check(
    "values of all kinds",
    [
      {
        labels: [name("v")],
        samples: [
          [0, 0],
          [1, -1.5],
          [2, Number.NaN],
          [3, "stale"],
          [4, Number.POSITIVE_INFINITY],
        ],
      },
    ],
    ["v 0 @0", "v -1.5 @1", "v NaN @2", "v stale @3", "v Infinity @4"],
  );
  check(
    "series that share labels at the same place",
    [
      { labels: [name("a"), ["job", "x"], ["le", "1"]], samples: [[NOW, 1]] },
      { labels: [name("a"), ["job", "x"], ["le", "2"]], samples: [[NOW, 2]] },
      { labels: [name("b"), ["job", "x"]], samples: [[NOW, 3]] },
      { labels: [name("b"), ["job", "x"], ["le", "2"]], samples: [[NOW, 4]] },
    ],
    [
      `a{job="x",le="1"} 1 @${NOW}`,
      `a{job="x",le="2"} 2 @${NOW}`,
      `b{job="x"} 3 @${NOW}`,
      `b{job="x",le="2"} 4 @${NOW}`,
    ],
  );

  const refused = (title: string, labels: TestSeries["labels"], want: string, timeMs = NOW) =>
    test(`${title} is refused, the rest is kept`, () => {
      const good: TestSeries = { labels: [name("good")], samples: [[NOW, 1]] };
      const body = encode(version, [
        good,
        {
          labels,
          samples: [
            [timeMs, 1],
            [timeMs, 2],
          ],
        },
        good,
      ]);
      const { batch, rejected, rejections, reason } = decode(version, body);
      expect(sampleRows(batch)).toEqual([`good 1 @${NOW}`, `good 1 @${NOW}`]);
      // Of 1.0 Prometheus leaves a series with wrong labels out and takes the request.
      const isTold = version === "2.0" || want !== "label_invalid";
      expect([...rejections]).toEqual([[want, 2]]);
      expect([rejected, reason === ""]).toEqual(isTold ? [2, false] : [0, true]);
    });
  refused("a series without a name", [["a", "b"]], "label_invalid");
  refused("an empty label name", [name("x"), ["", "b"]], "label_invalid");
  refused("a label twice", [name("x"), ["a", "b"], ["a", "c"]], "label_invalid");
  refused("the metric name twice", [name("x"), name("x")], "label_invalid");
  refused("a name that is too long", [name("x"), ["a".repeat(257), "b"]], "label_limit");
  refused("a value that is too long", [name("x"), ["a", "b".repeat(4097)]], "label_limit");
  refused(
    "too many labels",
    [name("x"), ...Array.from({ length: 64 }, (_, i): [string, string] => [`l${i}`, "v"])],
    "label_limit",
  );
  refused("the future", [name("x")], "sample_too_new", NOW + 601_000);
  refused("a time before 1970", [name("x")], "sample_time_invalid", -5);

  const exponential: TestHistogram = {
    timeMs: NOW,
    count: 12,
    sum: 18.4,
    schema: 1,
    zeroThreshold: 0.001,
    zeroCount: 2,
    resetHint: 2,
    positive: {
      spans: [
        [0, 2],
        [1, 2],
      ],
      numbers: [1, 1, -1, 0],
    },
    negative: { spans: [[-3, 2]], numbers: [2, 1] },
  };
  const histogram = (title: string, value: TestHistogram, want: string) =>
    test(`histogram: ${title}`, () => {
      const body = encode(version, [{ labels: [name("h")], histograms: [value] }]);
      const { batch, rejected, reason } = decode(version, body);
      expect(rejected === 0 ? histogramRows(batch)[0] : reason).toBe(want);
    });
  histogram(
    "integers",
    exponential,
    `h count=12 sum=18.4 schema=1 zero=2/0.001 hint=2 positive 0:2 1:2 [1 2 1 1] negative -3:2 [2 3] @${NOW}`,
  );
  histogram(
    "floats",
    {
      timeMs: NOW,
      isFloat: true,
      count: 3.5,
      sum: 1,
      positive: { spans: [[5, 1]], numbers: [3.5] },
      resetHint: 3,
    },
    `h count=3.5 sum=1 schema=0 zero=0/0 hint=3 positive 5:1 [3.5] @${NOW}`,
  );
  histogram(
    "custom bounds",
    {
      timeMs: NOW,
      count: 4,
      schema: -53,
      customValues: [1, 2.5],
      positive: { spans: [[0, 3]], numbers: [1, 1, -1] },
    },
    `h count=4 sum=0 schema=-53 zero=0/0 hint=0 positive 0:3 [1 2 1] custom [1 2.5] @${NOW}`,
  );
  histogram(
    "a staleness marker",
    { timeMs: NOW, count: 0, sum: "stale" },
    `h count=0 sum=stale schema=0 zero=0/0 hint=0 @${NOW}`,
  );
  histogram(
    "a start time",
    { timeMs: NOW, startMs: NOW - 1000, count: 0 },
    `h count=0 sum=0 schema=0 zero=0/0 hint=0 @${NOW} from ${NOW - 1000}`,
  );
  const one = { spans: [[0, 1]], numbers: [1] } as const;
  histogram(
    "schema 9",
    { timeMs: NOW, count: 1, schema: 9, positive: one },
    "a histogram has the unknown schema 9",
  );
  histogram(
    "a wrong total",
    { timeMs: NOW, count: 2, positive: one },
    "a histogram counts 2 observations but its buckets hold 1",
  );
  histogram(
    "a count below zero",
    { timeMs: NOW, count: 1, positive: { spans: [[0, 2]], numbers: [1, -2] } },
    "a histogram's bucket has a negative count",
  );
  histogram(
    "fewer counts than spans",
    { timeMs: NOW, count: 1, positive: { spans: [[0, 2]], numbers: [1] } },
    "a histogram has 1 bucket counts where its spans need 2",
  );
  histogram(
    "spans of 2^32 buckets",
    { timeMs: NOW, count: 1, positive: { spans: [[0, 0xffffffff]], numbers: [1] } },
    "a histogram has 1 bucket counts where its spans need 4294967295",
  );
  histogram(
    "spans that overlap",
    {
      timeMs: NOW,
      count: 2,
      positive: {
        spans: [
          [0, 1],
          [-1, 1],
        ],
        numbers: [1, 0],
      },
    },
    "a histogram's spans overlap",
  );
  histogram(
    "bounds that do not ascend",
    { timeMs: NOW, count: 1, schema: -53, customValues: [2, 1], positive: one },
    "a histogram's custom bounds do not ascend",
  );
  histogram(
    "more buckets than bounds",
    {
      timeMs: NOW,
      count: 1,
      schema: -53,
      customValues: [2],
      positive: { spans: [[2, 1]], numbers: [1] },
    },
    "a histogram has more buckets than custom bounds",
  );

  test("exemplars keep trace and span, and other labels", () => {
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const series: TestSeries = {
      labels: [name("x")],
      samples: [[NOW, 1]],
      exemplars: [
        {
          labels: [
            ["trace_id", trace],
            ["span_id", "b7ad6b7169203331"],
            ["u", "7"],
          ],
          value: 2,
          timeMs: NOW,
        },
        { labels: [["trace_id", "short"]], value: 3, timeMs: 0 },
        { labels: [["a", "x".repeat(128)]], value: 4, timeMs: NOW },
      ],
    };
    const { batch, rejected, rejections } = decode(version, encode(version, [series]));
    expect(exemplarRows(batch)).toEqual([
      `x 2 @${NOW} trace=${trace} span=b7ad6b7169203331 u=7`,
      `x 3 @${NOW} trace_id=short`,
    ]);
    expect([rejected, rejections.get("exemplar_invalid")]).toEqual([0, 1]);
  });

  test("the work comes in steps, and a body has its limits", () => {
    const samples = Array.from({ length: 9_000 }, (_, i): [number, number] => [i, i]);
    const body = encode(version, [{ labels: [name("x")], samples }]);
    const steps = decodeRemoteWrite(body, version, options);
    let count = 0;
    while (steps.next().done !== true) count++;
    expect(count).toBeGreaterThanOrEqual(4);
    const limits = { ...defaultLimits, pointsPerRequestMax: 8_999 as 1_000_000 };
    expect(() => decode(version, body, limits)).toThrow(/more than 8999 samples/);
  });

  test("1,000 damaged bodies end in an error of ours or in rows", () => {
    const series: TestSeries[] = [
      {
        labels: [name("a"), ["b", "c"]],
        samples: [[NOW, 1]],
        exemplars: [{ labels: [["t", "u"]], value: 1, timeMs: 5 }],
      },
      { labels: [name("h")], histograms: [exponential], metadata: { type: 3, help: "help" } },
    ];
    const whole = encode(version, series);
    let seed = 11;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * n);
    };
    for (let i = 0; i < 1_000; i++) {
      const body = whole.slice(0, random(6) === 0 ? random(whole.length) : whole.length);
      for (let n = random(5) + 1; n > 0 && body.length > 0; n--)
        body[random(body.length)] = random(256);
      try {
        decode(version, body);
      } catch (error) {
        expect(error).toBeInstanceOf(TriptychError);
        expect((error as TriptychError).code).toMatch(/^wire_/);
      }
    }
  });
});

describe("1.0", () => {
  test("metadata", () => {
    const entry = { type: 1, family: "x_total", help: "Things.", unit: "things" };
    const { batch } = decode("1.0", encodeVersion1([], [entry]));
    expect(batch.metadata).toEqual([{ ...entry, type: "counter" }]);
  });
});

describe("2.0", () => {
  test("start times, of the series or of a sample", () => {
    const body = encodeVersion2([
      {
        labels: [name("a")],
        samples: [
          [NOW, 1],
          [NOW + 1, 2, 7],
        ],
        createdMs: 5,
      },
    ]);
    expect(sampleRows(decode("2.0", body).batch)).toEqual([
      `a 1 @${NOW} from 5`,
      `a 2 @${NOW + 1} from 7`,
    ]);
  });

  test("metadata once a family", () => {
    const metadata = { type: 3, help: "How long.", unit: "seconds" };
    const body = encodeVersion2([
      { labels: [name("d_bucket"), ["le", "1"]], samples: [[NOW, 1]], metadata },
      { labels: [name("d_bucket"), ["le", "+Inf"]], samples: [[NOW, 1]], metadata },
      { labels: [name("d_count")], samples: [[NOW, 1]], metadata },
      { labels: [name("up")], samples: [[NOW, 1]], metadata: { type: 0 } },
    ]);
    expect(decode("2.0", body).batch.metadata).toEqual([
      { family: "d", type: "histogram", help: "How long.", unit: "seconds" },
    ]);
  });

  const series = (message: number[]): Uint8Array =>
    Uint8Array.from([...bytes(4, []), ...bytes(4, [97]), ...bytes(5, message)]);
  const check = (title: string, body: Uint8Array, want: string) =>
    test(title, () => {
      let got = "";
      try {
        const { batch, reason } = decode("2.0", body);
        got = batch.series.rows > 0 && reason === "" ? labelText(batch, 0) : reason;
      } catch (error) {
        got = (error as Error).message;
      }
      expect(got).toContain(want);
    });
  check(
    "a reference beyond the symbols",
    series(bytes(1, [1, 2])),
    "a reference beyond the 2 symbols",
  );
  check(
    "a reference of 2^40",
    series(bytes(1, varint(2 ** 40))),
    "a reference beyond the 2 symbols",
  );
  check(
    "a name without a value",
    series([...bytes(1, [1]), ...bytes(2, [])]),
    "a label name has no value",
  );
  check(
    "a series without samples",
    encodeVersion2([{ labels: [name("x")] }]),
    "neither samples nor",
  );
  check(
    "symbols after the series",
    Uint8Array.from([
      ...bytes(5, [...bytes(1, [1, 2]), ...bytes(2, [])]),
      ...bytes(4, []),
      ...bytes(4, new TextEncoder().encode("__name__")),
      ...bytes(4, [97]),
    ]),
    "a",
  );
  check("a message of 1.0 has nothing for us", encodeVersion1([]), "");
});
