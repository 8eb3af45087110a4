import { describe, expect, test } from "vitest";
import { decolorize } from "./decolorize.ts";
import { parseIpTest } from "./ip.ts";
import type { LogqlRegexes } from "./line.ts";
import { streamOf } from "./line-labels.ts";
import { parseLogQuery } from "./parser.ts";
import { compilePipeline } from "./pipeline.ts";
import { parseGoTime } from "./template-time.ts";
import { goDurationText, parseBytes, parseGoDurationNs, parseGoFloat } from "./units.ts";

/** The tests' patterns are plain; the engine of linear time is the server's. */
const plain = (pattern: string) => (text: string) => text.includes(pattern);
const regexes: LogqlRegexes = {
  whole: (pattern) => (text) => text === pattern,
  part: plain,
  named: () => ({ names: [], find: () => undefined }),
  replacer: (pattern) => (text, by) => text.replaceAll(pattern, by),
};
const deps = { regexes, nowMs: () => 1_700_000_000_000 };

function run(stages: string, text: string, metadata: [string, string][] = []) {
  const pipeline = compilePipeline(parseLogQuery(`{app="a"} ${stages}`), deps);
  const stream = streamOf([["app", "a"]]);
  const kept = pipeline.run({ timeNs: 1_700_000_000_123_456_789n, text, stream, metadata });
  return {
    kept,
    text: pipeline.line.text,
    labels: Object.fromEntries(pipeline.line.labels.labels().pairs),
  };
}

describe("labels", () => {
  const check = (stages: string, line: string, want: object, metadata: [string, string][] = []) =>
    test(`${stages} ${line}`, () =>
      expect(run(stages, line, metadata).labels).toEqual({ app: "a", ...want }));
  check("| json", '{"a.b":1,"9c":{"9d":true},"n":null,"l":[1]}', { a_b: "1", _9c_9d: "true" });
  check("| json", '{"x":"\\u00e9\\n"}', { x: "é\n" });
  check("| json", '{"app":"b"}', { app_extracted: "b" });
  check("| json", '{"m":"b"}', { m: "x", m_extracted: "b" }, [["m", "x"]]);
  check("| json", '{"x":1', {
    x: "1",
    __error__: "JSONParserErr",
    __error_details__: "Value is array, but can't find closing ']' symbol",
  });
  check("| json", "{x:1}", {
    __error__: "JSONParserErr",
    __error_details__: "Value looks like object, but can't find closing '}' symbol",
  });
  check("| json", '{"x":1,}', { x: "1" });
  check("| json", '{"x":{"":1}}', { x: "1" });
  // What stands around the value that is asked for need not be JSON.
  check('| json z="x.y"', '{"x":{"y":1', { z: "1" });
  check('| json q="y"', '{"x":1 "y":2}', { q: "2" });
  check('| json a="x[1]"', '{"x":[1,2', { a: "2" });
  check('| json x="x"', '{"x":tru}', {
    x: "",
    __error__: "JSONParserErr",
    __error_details__: "Unknown value type",
  });
  check('| pattern "<k> <_>" | logfmt l="k"', "p k=v", { k: "p", l: "" });
  check('| logfmt b="a"', "a=1 b=2", { b: "2" });
  check("| logfmt --strict", "é=1 b=2=3", {
    __error__: "LogfmtParserErr",
    __error_details__: "logfmt syntax error at pos 9 : unexpected '='",
    _: "1",
  });
  check("| unpack", '{"x":"1","x":"2","_entry":""}', { x: "2" });
  check('| json a="x[1].y", b="z"', '{"x":[{},{"y":"v"}]}', { a: "v", b: "" });
  check('| json a="x"', '{"x":{"y":[1, 2]}}', { a: '{"y":[1, 2]}' });
  check("| logfmt", 'a=1 b="x y" c d= e="q\\"r"', { a: "1", b: "x y", e: 'q"r' });
  check("| logfmt --keep-empty", "c d=", { c: "", d: "" });
  check("| logfmt --strict", "a=1 b=2=3", {
    a: "1",
    __error__: "LogfmtParserErr",
    __error_details__: "logfmt syntax error at pos 8 : unexpected '='",
  });
  check('| logfmt x="a", y="z"', "a=1 b=2", { x: "1", y: "" });
  check("| json | logfmt", '{"a":"1"}', { a: "1" });
  check("| unpack", '{"a":"1","n":2,"_entry":"x"}', { a: "1" });
  check("| unpack", '{"a":"1"}', {});
});

// The stream's label is gone where it was renamed or dropped.
test("renamed and dropped labels of the stream", () => {
  expect(run("| label_format x=app", "").labels).toEqual({ x: "a" });
  expect(run("| drop app", "").labels).toEqual({});
  expect(
    run("| keep x", "", [
      ["x", "1"],
      ["y", "2"],
    ]).labels,
  ).toEqual({ x: "1" });
});

describe("templates", () => {
  const check = (template: string, want: string, line = "the line") =>
    test(template, () =>
      expect(
        run(`| line_format ${JSON.stringify(template)}`, line, [
          ["n", "12"],
          ["t", "2023-11-14T22:13:20Z"],
        ]).text,
      ).toBe(want),
    );
  check("{{.n}}-{{.missing}}", "12-");
  check("{{ .n | ToUpper | repeat 2 }}", "1212");
  check('{{ if eq .n "12" }}yes{{ else }}no{{ end }}', "yes");
  check("{{ __line__ | trunc 3 }}{{ __timestamp__ | unixEpochNanos }}", "the1700000000123456789");
  check(
    "{{ add .n 1 }} {{ sub 10 .n }} {{ mul .n 2 3 }} {{ div .n 5 }} {{ mod .n 5 }}",
    "13 -2 72 2 2",
  );
  check(
    "{{ addf .n 0.5 }} {{ round 1.2345 2 }} {{ ceil 1.2 }} {{ maxf 1 2.5 }}",
    "12.5 1.23 2 2.5",
  );
  check('{{ regexReplaceAll "line" __line__ "x" }} {{ count "e" __line__ }}', "the x 2");
  check('{{ Replace __line__ "e" "E" 1 }} {{ replace "e" "" __line__ }}', "thE line th lin");
  check('{{ trimPrefix "the " __line__ }}|{{ TrimSuffix __line__ "line" }}|', "line|the |");
  check('{{ alignLeft 5 "ab" }}|{{ alignRight 5 "abcdefg" }}|', "ab   |cdefg|");
  check(
    '{{ "x" | b64enc }} {{ "eA==" | b64dec }} {{ urlencode "a b&c" }} {{ urldecode "a+b%26" }}',
    "eA== x a+b%26c a b&",
  );
  check('{{ default "d" .missing }} {{ default "d" .n }}', "d 12");
  check('{{ toDate "2006-01-02T15:04:05Z07:00" .t | date "02 Jan 06 15:04" }}', "14 Nov 23 22:13");
  check('{{ unixToTime "1700000000" | date "2006" }} {{ now | unixEpoch }}', "2023 1700000000");
  check('{{ duration "1m30s" }} {{ bytes "2KB" }}', "90 2000");
  check(
    '{{ $j := fromJson `{"a":[1,{"b":"c"}]}` }}{{ range $j.a }}[{{ . }}]{{ end }}',
    "[1][map[b:c]]",
  );
  check("{{ indent 2 `a` }}{{ nindent 1 `b` }}", "  a\n b");
  check(
    "{{ title `hello big world` }} {{ substr 1 3 `hello` }} {{ contains `b` `abc` }}",
    "Hello Big World el true",
  );
  check(
    "{{ trunc 3 `naïve` }}|{{ trunc 4 `naïve` }}|{{ trunc -3 `naïve` }}|{{ trunc -9 `ab` }}",
    "na\ufffd|naï|\ufffdve|ab",
  );
  check(
    "{{ substr 1 4 `naïve` }}|{{ substr 3 99 `naïve` }}|{{ substr -1 2 `naïve` }}|{{ trunc 2 `日` }}",
    "aï|\ufffdve|na|\ufffd\ufffd",
  );
  test("an error of a template leaves the line", () => {
    const { text, labels } = run('| line_format "{{ div 1 0 }}"', "x");
    expect([text, labels["__error__"]]).toEqual(["x", "TemplateFormatErr"]);
  });
});

describe("addresses", () => {
  const check = (pattern: string, text: string, want: boolean) =>
    test(`${pattern} ${text}`, () => expect(parseIpTest(pattern)(text)).toBe(want));
  check("192.168.0.0/16", "from 192.168.4.5:80 to x", true);
  check("192.168.0.0/16", "193.168.4.5", false);
  check("10.0.0.1-10.0.0.9", "a 10.0.0.9 b", true);
  check("10.0.0.1-10.0.0.9", "a 10.0.0.10 b", false);
  check("2001:db8::/32", "[2001:db8::1]:443", true);
  check("::1", "at ::1 here", true);
  check("1.2.3.4", "1.2.3.4.5", false);
  test("refused", () => {
    for (const bad of ["x", "1.2.3", "1.2.3.4/33", "5.0.0.0-4.0.0.0", "1.2.3.4-::1"])
      expect(() => parseIpTest(bad)).toThrow("ip: invalid pattern");
  });
});

describe("units", () => {
  test("durations", () => {
    expect(["1h30m", "-1.5s", "100ns", "1µs", "0", ".5m"].map(parseGoDurationNs)).toEqual([
      5.4e12, -1.5e9, 100, 1000, 0, 3e10,
    ]);
    for (const [bad, want] of [
      ["90", "missing unit"],
      ["1d", "unknown unit"],
      ["", "invalid"],
      ["x", "invalid"],
    ] as const)
      expect(() => parseGoDurationNs(bad)).toThrow(want);
    expect([0, 1.5e9, 5.4e12, 1e6, 250].map(goDurationText)).toEqual([
      "0s",
      "1.5s",
      "1h30m0s",
      "1ms",
      "250ns",
    ]);
  });
  test("sizes and numbers", () => {
    expect(["1", "1.5kB", "2 MiB", "1,000b", "3g"].map(parseBytes)).toEqual([
      1,
      1500,
      2 ** 21,
      1000,
      3e9,
    ]);
    expect(() => parseBytes("5 parsecs")).toThrow("unhandled size name: parsecs");
    expect(["1", "-.5e2", "0x1p3", "+Inf", "inf"].map(parseGoFloat)).toEqual([
      1,
      -50,
      8,
      Infinity,
      Infinity,
    ]);
    for (const bad of ["", "0x10", "1_0", "--1", "1e"])
      expect(() => parseGoFloat(bad)).toThrow("invalid syntax");
  });
});

test("colours", () => {
  expect(decolorize("\u001b[1;31mred\u001b[0m \u001b]0;title\u0007x \u001b y")).toBe(
    "red x \u001b y",
  );
});

test("times in Go's layouts", () => {
  expect(parseGoTime("2006-01-02 15:04:05", "2023-11-14 22:13:20.5")).toBe(
    1_700_000_000_500_000_000n,
  );
  expect(parseGoTime("Jan _2 15:04:05 2006 -0700", "Nov 14 23:13:20 2023 +0100")).toBe(
    1_700_000_000_000_000_000n,
  );
  expect(parseGoTime("3:04PM", "x")).toBeUndefined();
  expect(parseGoTime("2006-01-02 15:04:05", "2023-11-14 23:13:20", "Europe/Berlin")).toBe(
    1_700_000_000_000_000_000n,
  );
});
