/** What federation writes is what a scraper reads; which format is the client's choice. */
import { defaultLimits } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { parseExposition } from "../exposition/parse.ts";
import { drain } from "../otlp/steps.ts";
import type { HistogramMessage } from "../remote-write/histogram-message.ts";
import { histogramRows, sampleRows } from "../remote-write/rows-for-tests.ts";
import type { FederatedFamily } from "./family.ts";
import { escapedName, type Escaping, federationFormat } from "./format.ts";
import { federationProtobuf } from "./protobuf.ts";
import { federationText, numberText } from "./text.ts";

const NOW = 1_700_000_000_123;
const PROTOBUF =
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

const native: HistogramMessage = {
  timeMs: NOW,
  startMs: 0,
  schema: 2,
  resetHint: 0,
  zeroThreshold: 0.5,
  zeroCount: 1,
  count: 6,
  sumWords: new Uint32Array(Float64Array.of(7.5).buffer),
  positive: { gaps: [1], lengths: [2], counts: [2, 3] },
  negative: { gaps: [], lengths: [], counts: [] },
  customValues: [],
};
const custom: HistogramMessage = {
  ...native,
  schema: -53,
  zeroThreshold: 0,
  zeroCount: 0,
  positive: { gaps: [0, 1], lengths: [1, 1], counts: [2, 3] },
  customValues: [1, 2.5],
  count: 6,
};

const sample = (name: string, value: number, labels: readonly [string, string][] = []) => ({
  name,
  labels,
  timeMs: NOW,
  value,
});
const families: readonly FederatedFamily[] = [
  { name: "a_total", samples: [sample("a_total", 3, [["x", 'q"\\\n']])] },
  { name: "c", samples: [{ ...sample("c", 0), histogram: custom }] },
  { name: "g.h", samples: [sample("g.h", 1e-7, [["l.m", "é"]])] },
  {
    name: "n",

    samples: [{ ...sample("n", 0, [["x", "y"]]), histogram: native }],
  },
  {
    name: "u",

    samples: [sample("u", Number.NaN), sample("u", 2, [["instance", ""]])],
  },
];

const text = (escaping: Escaping): string => [...federationText(families, escaping)].join("");
const parse = (body: Uint8Array, type: string) =>
  drain(parseExposition(body, type, { limits: defaultLimits, nowMs: NOW }));

test("text", () => {
  expect(text("underscores")).toBe(`# TYPE a_total untyped
a_total{x="q\\"\\\\\\n"} 3 ${NOW}
# TYPE c histogram
c_bucket{le="1"} 2 ${NOW}
c_bucket{le="2.5"} 2 ${NOW}
c_bucket{le="+Inf"} 6 ${NOW}
c_sum 7.5 ${NOW}
c_count 6 ${NOW}
# TYPE g_h untyped
g_h{l_m="é"} 1e-07 ${NOW}
# TYPE u untyped
u NaN ${NOW}
u{instance=""} 2 ${NOW}
`);
});

test("text with names as they are", () => {
  expect(text("allow-utf-8")).toContain(`# TYPE "g.h" untyped\n{"g.h","l.m"="é"} 1e-07 ${NOW}\n`);
});

test("protobuf carries native histograms", () => {
  const body = Buffer.concat([...federationProtobuf(families, "allow-utf-8")]);
  const { batch, rejected } = parse(body, PROTOBUF);
  expect(rejected).toBe(0);
  expect(sampleRows(batch)).toEqual(
    expect.arrayContaining([
      `a_total{x=${JSON.stringify('q"\\\n')}} 3 @${NOW}`,
      `g.h{l.m="é"} 1e-7 @${NOW}`,
      `c_bucket{le="2.5"} 2 @${NOW}`,
      `u 2 @${NOW}`,
    ]),
  );
  expect(histogramRows(batch)).toEqual([
    `n{x="y"} count=6 sum=7.5 schema=2 zero=1/0.5 hint=0 positive 1:2 [2 3] @${NOW}`,
  ]);
});

describe("the format", () => {
  const check = (accept: string, want: string) =>
    test(accept, () => expect(federationFormat(accept).contentType).toBe(want));
  const plain = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
  check("", plain);
  check("*/*", plain);
  check("text/html,application/xhtml+xml;q=0.9", plain);
  check("text/plain;version=0.0.4;q=1,*/*;q=0.1", plain);
  check(
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
  );
  check("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4", plain);
  check("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.4", plain);
  check(
    `${PROTOBUF};q=0.7,text/plain;q=0.3`,
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
  );
  check("text/plain;q=0,application/openmetrics-text;q=NaN", plain);
});

describe("names", () => {
  const check = (name: string, escaping: Escaping, want: string) =>
    test(`${name} ${escaping}`, () => expect(escapedName(name, "metric", escaping)).toBe(want));
  check("a.b", "allow-utf-8", "a.b");
  check("a.b-c", "underscores", "a_b_c");
  check("1a", "underscores", "_a");
  check("a.b_c", "dots", "a_dot_b__c");
  check("a.b_c", "values", "U__a_2e_b__c");
  check("plain_name:x1", "values", "plain_name:x1");
});

test("numbers", () => {
  const all = [0, -0, 1, 1e20, 1e21, 1.5e-5, 0.0001, Number.NEGATIVE_INFINITY];
  expect(all.map(numberText)).toEqual([
    "0",
    "-0",
    "1",
    "100000000000000000000",
    "1e+21",
    "1.5e-05",
    "0.0001",
    "-Inf",
  ]);
});
