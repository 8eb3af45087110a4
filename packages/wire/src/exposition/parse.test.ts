/** The exposition formats: what arrives, where errors are, and that damaged bodies end in an error of ours. */
import { defaultLimits, TriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { bytes as field, varint } from "../remote-write/encode-for-tests.ts";
import { exemplarRows, histogramRows, sampleRows } from "../remote-write/rows-for-tests.ts";
import type { ExpositionOptions } from "./exposition-writer.ts";
import { boundText, readFloat } from "./float-text.ts";
import { expositionFormat, parseExposition } from "./parse.ts";

const NOW = 1_700_000_000_000;
const TEXT = "text/plain; version=0.0.4";
const OPENMETRICS = "application/openmetrics-text; version=1.0.0";
const PROTOBUF =
  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (body: Uint8Array, type: string, options: Partial<ExpositionOptions> = {}) =>
  drain(parseExposition(body, type, { limits: defaultLimits, nowMs: NOW, ...options }));
const at = (rows: readonly string[]): string[] => rows.map((row) => row.replace(` @${NOW}`, ""));

describe("text 0.0.4", () => {
  const check = (text: string, want: readonly string[], options: Partial<ExpositionOptions> = {}) =>
    test(JSON.stringify(text), () =>
      expect(at(sampleRows(parse(utf8(text), TEXT, options).batch))).toEqual(want),
    );
  check("", []);
  check("\n\n# a comment\n#\n#x\n", []);
  check("a 1", ["a 1"]);
  check("  a\t1  \n", ["a 1"]);
  check("a 1 1000\n", ["a 1 @1000"]);
  check("a 1 1000\n", ["a 1"], { honorTimestamps: false });
  check('a { b = "c" , d="e", } 1e3', ['a{b="c",d="e"} 1000']);
  check('a{b="c"}1', ['a{b="c"} 1']);
  check('a{b="x\\"y\\\\z\\n\\t"} 1', ['a{b="x\\"y\\\\z\\n\\\\t"} 1']);
  check('{"a b",c="d"} 1', ['a b{c="d"} 1']);
  check('{c="d","a.b","e f"="g"} 1', ['a.b{c="d",e f="g"} 1']);
  check("a NaN\na +Inf\na -inf\n", ["a NaN", "a Infinity", "a -Infinity"]);
  check('a{empty=""} 1', ["a 1"]);
  check(
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1e6"} 2\nh_bucket{le="+Inf"} 2\n# TYPE g gauge\ng{le="1"} 1',
    ['h_bucket{le="1.0"} 1', 'h_bucket{le="1e+06"} 2', 'h_bucket{le="+Inf"} 2', 'g{le="1"} 1'],
  );
  check('a{job="x"} 1', ['a{exported_job="x",job="y"} 1'], { extraLabels: [["job", "y"]] });
  check(
    'a{job="x",exported_job="z"} 1',
    ['a{exported_exported_job="x",exported_job="z",job="y"} 1'],
    {
      extraLabels: [["job", "y"]],
    },
  );
  check('a{job="x"} 1\nb 2', ['a{job="x"} 1', 'b{job="y"} 2'], {
    extraLabels: [["job", "y"]],
    onConflict: "keep",
  });
  check('a{job="x"} 1', ['a{job="y"} 1'], { extraLabels: [["job", "y"]], onConflict: "replace" });

  test("metadata", () => {
    const text = '# HELP a Some \\\\ help\\n"here"\n# TYPE a counter\n# TYPE "b c" untyped\n';
    expect(parse(utf8(text), TEXT).batch.metadata).toEqual([
      { family: "a", type: "counter", help: 'Some \\ help\n"here"', unit: "" },
      { family: "b c", type: "unknown", help: "", unit: "" },
    ]);
  });

  test("what is refused one by one is counted", () => {
    const text = `a 1\na 1 ${NOW + 700_000}\na 1 -5\nb{c="${"x".repeat(5000)}"} 1\n`;
    const { batch, rejected, rejections, reason } = parse(utf8(text), TEXT);
    expect([sampleRows(batch).length, rejected, reason]).toEqual([
      1,
      3,
      "a sample is more than 600 s in the future",
    ]);
    expect([...rejections.keys()]).toEqual([
      "sample_too_new",
      "sample_time_invalid",
      "label_limit",
    ]);
  });
});

describe("errors say where", () => {
  const check = (type: string, text: string, want: string) =>
    test(JSON.stringify(text), () => expect(() => parse(utf8(text), type)).toThrow(want));
  check(
    TEXT,
    "a 1\nb{c=} 1\n",
    'Line 2, column 5: expected a label value in quotes, found "} 1\\n"',
  );
  check(TEXT, "a 1\n\n  b\n", 'Line 3, column 4: expected a value, found "\\n"');
  check(TEXT, "a 1 1.5", 'Line 1, column 5: expected a time in whole milliseconds, found "1.5"');
  check(TEXT, "a 1 1 1", 'Line 1, column 7: expected the end of the line, found "1"');
  check(TEXT, "# TYPE a meh\n", 'Line 1, column 10: unknown metric type "meh"');
  check(TEXT, 'a{b="1",b="2"} 1', 'Line 1, column 9: label "b" stands twice');
  check(TEXT, '{"a","b"} 1', "Line 1, column 6: the metric name stands twice");
  check(TEXT, 'a{__name__="b"} 1', 'label "__name__" stands twice');
  check(TEXT, "a 1e999", "expected a value");
  check(OPENMETRICS, "a 1\n", 'Line 2, column 1: expected "# EOF", found the end');
  check(OPENMETRICS, "a 1\n# EOF\n\n", "Line 3, column 1: expected nothing after # EOF");
  check(OPENMETRICS, "a  1\n# EOF\n", "Line 1, column 2: expected a space and a value");
});

test("OpenMetrics: types, units, times and exemplars", () => {
  const text = `# TYPE a_seconds counter
# UNIT a_seconds seconds
# HELP a_seconds It says \\"hi\\".
a_seconds_total{b="c"} 5 1600000000.25 # {trace_id="0af7651916cd43dd8448eb211c80319c",x="y"} 0.5 1600000000
a_seconds_total 6 # {x="z"} 1
a_seconds_created 1600000000
# EOF`;
  const { batch, rejected } = parse(utf8(text), OPENMETRICS);
  expect(rejected).toBe(0);
  expect(at(sampleRows(batch))).toEqual([
    'a_seconds_total{b="c"} 5 @1600000000250',
    "a_seconds_total 6",
    "a_seconds_created 1600000000",
  ]);
  expect(at(exemplarRows(batch))).toEqual([
    'a_seconds_total{b="c"} 0.5 @1600000000000 trace=0af7651916cd43dd8448eb211c80319c span=0000000000000000 x=y',
    "a_seconds_total 1 x=z",
  ]);
  expect(batch.metadata).toEqual([
    { family: "a_seconds", type: "counter", help: 'It says "hi".', unit: "seconds" },
  ]);
});

const double = (number: number, value: number): number[] => [
  ...varint(number * 8 + 1),
  ...new Uint8Array(new Float64Array([value]).buffer),
];
const int = (number: number, value: number): number[] => [...varint(number * 8), ...varint(value)];
const text = (number: number, value: string): number[] => field(number, utf8(value));
const label = (name: string, value: string): number[] =>
  field(1, [...text(1, name), ...text(2, value)]);
const family = (name: string, type: number, ...metrics: number[][]): number[] => {
  const message = [
    ...text(1, name),
    ...text(2, `Help of ${name}.`),
    ...int(3, type),
    ...metrics.flatMap((metric) => field(4, metric)),
  ];
  return [...varint(message.length), ...message];
};
const timestamp = (number: number, seconds: number): number[] => field(number, int(1, seconds));
const counter = family("c_total", 0, [
  ...label("a", "b"),
  ...field(3, [
    ...double(1, 7),
    ...field(2, [...label("x", "y"), ...double(2, 3), ...timestamp(3, 1000)]),
    ...timestamp(3, 500),
  ]),
]);
const span = (gap: number, length: number): number[] => [...int(1, gap * 2), ...int(2, length)];
const native = family("h", 4, [
  ...field(7, [
    ...int(1, 5),
    ...double(2, 9.5),
    ...field(3, [...int(1, 5), ...double(2, 1)]),
    ...int(5, 6),
    ...double(6, 0.001),
    ...int(7, 2),
    ...field(12, span(1, 2)),
    ...field(13, [...varint(2), ...varint(2)]),
    ...timestamp(15, 600),
  ]),
]);

describe("protobuf", () => {
  const check = (
    title: string,
    body: number[],
    want: readonly string[],
    keepClassicHistograms = false,
  ) =>
    test(title, () => {
      const { batch, reason } = parse(Uint8Array.from(body), PROTOBUF, { keepClassicHistograms });
      expect([
        ...at(sampleRows(batch)),
        ...at(histogramRows(batch)),
        ...at(exemplarRows(batch)),
        reason,
      ]).toEqual([...want, ""]);
    });
  check("nothing", [], []);
  check("a counter with its start and an exemplar", counter, [
    'c_total{a="b"} 7 from 500000',
    'c_total{a="b"} 3 @1000000 x=y',
  ]);
  check("a gauge with a time", family("g", 1, [...field(2, double(1, 1.5)), ...int(6, 4000)]), [
    "g 1.5 @4000",
  ]);
  check("an untyped value", family("u", 3, field(5, double(1, 2))), ["u 2"]);
  check(
    "a summary",
    family(
      "s",
      2,
      field(4, [...int(1, 3), ...double(2, 6), ...field(3, [...double(1, 0.5), ...double(2, 2)])]),
    ),
    ["s_count 3", "s_sum 6", 's{quantile="0.5"} 2'],
  );
  check(
    "a classic histogram",
    family(
      "h",
      4,
      field(7, [...int(1, 3), ...double(2, 6), ...field(3, [...int(1, 2), ...double(2, 1)])]),
    ),
    ["h_count 3", "h_sum 6", 'h_bucket{le="1.0"} 2', 'h_bucket{le="+Inf"} 3'],
  );
  const nativeRow = "h count=5 sum=9.5 schema=3 zero=2/0.001 hint=0 positive 1:2 [1 2] from 600000";
  check("a native histogram", native, [nativeRow]);
  check(
    "a native histogram with its classic buckets",
    native,
    [
      "h_count 5 from 600000",
      "h_sum 9.5 from 600000",
      'h_bucket{le="1.0"} 5 from 600000',
      'h_bucket{le="+Inf"} 5 from 600000',
      nativeRow,
    ],
    true,
  );
  test("metadata", () => {
    expect(parse(Uint8Array.from([...counter, ...native]), PROTOBUF).batch.metadata).toEqual([
      { family: "c_total", type: "counter", help: "Help of c_total.", unit: "" },
      { family: "h", type: "histogram", help: "Help of h.", unit: "" },
    ]);
  });
});

const checkNumber = (given: string, want: number | undefined) =>
  test(`number ${given}`, () => expect(readFloat(utf8(given), 0, given.length)).toBe(want));
checkNumber("1", 1);
checkNumber("-0.1", -0.1);
checkNumber("123456789.123456", 123456789.123456);
checkNumber("12345678901234567890", 1.2345678901234567e19);
checkNumber("1.", 1);
checkNumber(".5", 0.5);
checkNumber("+1e-7", 1e-7);
checkNumber("", undefined);
checkNumber(".", undefined);
checkNumber("-", undefined);
checkNumber("0x1", undefined);
checkNumber("1_0", undefined);
checkNumber("+NaN", undefined);

const checkBound = (given: number, want: string) =>
  test(`bound ${given}`, () => expect(boundText(given)).toBe(want));
checkBound(1, "1.0");
checkBound(0.005, "0.005");
checkBound(999999, "999999.0");
checkBound(1e6, "1e+06");
checkBound(1048576, "1.048576e+06");
checkBound(0.00001, "1e-05");
checkBound(0.0001, "0.0001");

const checkFormat = (type: string | undefined, want: string) =>
  test(`type ${type}`, () => {
    let got: string;
    try {
      got = expositionFormat(type);
    } catch (error) {
      got = (error as TriptychError).code;
    }
    expect(got).toBe(want);
  });
checkFormat(undefined, "prometheus-text");
checkFormat("text/plain; version=0.0.4; charset=utf-8", "prometheus-text");
checkFormat(
  "application/openmetrics-text; version=1.0.0; escaping=allow-utf-8",
  "openmetrics-text",
);
checkFormat(PROTOBUF, "protobuf");
checkFormat("application/vnd.google.protobuf", "media_type_unsupported");
checkFormat("text/html", "media_type_unsupported");

describe("1,000 damaged bodies end in an error of ours or in rows", () => {
  const om = utf8('# TYPE a counter\na_total{b="c\\n"} 1 2.5 # {x="y"} 1 2\n# EOF\n');
  const plain = utf8(
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 5 1000\n{"x y",z="1"} NaN\n',
  );
  const bodies = [
    ["0.0.4", TEXT, plain],
    ["OpenMetrics", OPENMETRICS, om],
    ["protobuf", PROTOBUF, Uint8Array.from([...counter, ...native])],
  ] as const;
  test.each(bodies)("%s", (_, type, whole) => {
    let seed = 5;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * n);
    };
    for (let i = 0; i < 1_000; i++) {
      const body = whole.slice(0, random(5) === 0 ? random(whole.length) : whole.length);
      for (let n = random(4) + 1; n > 0 && body.length > 0; n--)
        body[random(body.length)] = random(256);
      try {
        parse(body, type);
      } catch (error) {
        expect(error).toBeInstanceOf(TriptychError);
        expect((error as TriptychError).code).toMatch(/^wire_/);
      }
    }
  });
});
