/** Nesting, regular expressions that explode elsewhere, and texts that have broken others, at every place of LogQL. */
import {
  checkLogql,
  compilePipeline,
  parseLogql,
  parseLogQuery,
  printLogql,
  streamOf,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { hostileTexts } from "../../store/store-for-tests.ts";
import { pipelineDeps } from "./pipeline-deps.ts";

const deps = pipelineDeps({ nowMs: () => 0 });

function outcome(text: string): string {
  try {
    const expr = parseLogql(text);
    checkLogql(expr, deps);
    return "accepted";
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    expect(error.offset).toBeTypeOf("number");
    return error.code;
  }
}

describe("nesting and length end at once", () => {
  for (const [open, inner, close] of [
    ["(", '{a="b"}', ")"],
    ["(", "1", ")"],
    ["sum(", 'rate({a="b"}[1m])', ")"],
    ["label_replace(", "vector(1)", ',"a","b","c","d")'],
    ["1 + (", "1", ")"],
    ["2 ^ ", "2", ""],
    ["rate((", '{a="b"}[1m]', "))"],
  ] as const)
    for (const depth of [50, 5_000])
      test(`${open} ${depth}`, () => {
        const got = outcome(open.repeat(depth) + inner + close.repeat(depth));
        if (depth > 100) expect(got).toBe("query_invalid");
      });
  for (const piece of [
    "(",
    "|",
    '{a="b"} ',
    '|= "x"',
    "| json",
    "| (x=1 or ",
    '"',
    "{",
    "[5m]",
    "1+",
  ])
    test(`many ${piece}`, () =>
      expect(outcome(`{a="b"}${piece.repeat(8_000)}`)).toBeTypeOf("string"));
  test("many conditions", () => {
    expect(outcome(`{a="b"} | ${"x=1 or ".repeat(400)} x=1`)).toBe("accepted");
    expect(outcome(`{a="b"} | ${"x=1 or ".repeat(3_000)} x=1`)).toBe("query_invalid");
    expect(outcome(`{a="b"} | ${"x=1 ".repeat(3_000)} x=1`)).toBe("query_invalid");
    expect(outcome(`{a="b"} | ${"(".repeat(3_000)} x=1 ${")".repeat(3_000)}`)).toBe(
      "query_invalid",
    );
    expect(outcome(`{a="b"} ${"| json".repeat(2_000)}`)).toBe("accepted");
    expect(outcome(`vector(1)${"+vector(1)".repeat(900)}`)).toBe("accepted");
    expect(outcome(`vector(1)${"+vector(1)".repeat(3_000)}`)).toBe("query_invalid");
  });
});

const bombs = ["(a+)+$", "(a|a)*$", "(.*a){20}", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"];
const bait = "a".repeat(20_000);

describe("regular expressions take linear time wherever they stand", () => {
  const stages = (pattern: string): string[] => {
    const quoted = JSON.stringify(pattern);
    return [
      `|~ ${quoted}`,
      `!~ ${quoted}`,
      `| x=~${quoted}`,
      `| x!~${quoted}`,
      `| regexp ${JSON.stringify(`(?P<y>${pattern})`)}`,
      `| drop x=~${quoted}`,
      `| keep x=~${quoted}`,
      `| line_format ${JSON.stringify(`{{ regexReplaceAll ${quoted} .x "b" }}`)}`,
      `| label_format z=${JSON.stringify(`{{ count ${quoted} .x }}`)}`,
    ];
  };
  for (const pattern of bombs)
    test(pattern, () => {
      for (const stage of stages(pattern)) {
        const pipeline = compilePipeline(parseLogQuery(`{a="b"} ${stage}`), deps);
        const stream = streamOf([["a", "b"]]);
        pipeline.run({ timeNs: 0n, text: bait, stream, metadata: [["x", bait.slice(0, 2_000)]] });
      }
    });
});

describe("lines that are made to cost time", () => {
  const stream = streamOf([["a", "b"]]);
  const hard: readonly (readonly [string, string])[] = [
    ["| json", `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`],
    ["| json", `{${Array.from({ length: 30_000 }, (_, i) => `"k${i}":${i}`).join(",")}}`],
    ["| json", `{"a":"${"\\".repeat(100_000)}`],
    ["| json", `{"a":"${'\\"'.repeat(50_000)}"}`],
    ['| json x="a[99999]"', `{"a":[${"1,".repeat(50_000)}1]}`],
    ["| logfmt", "a=".repeat(50_000)],
    ["| logfmt", 'a="'.repeat(30_000)],
    ["| logfmt", Array.from({ length: 30_000 }, (_, i) => `k${i}=v`).join(" ")],
    ["| unpack", `{${'"a":"b",'.repeat(30_000)}"_entry":"x"}`],
    ["| pattern `<a> <b> <c>`", " ".repeat(200_000)],
    ["|> `<_>a<_>a<_>a<_>b`", "a".repeat(200_000)],
    ["| decolorize", "\u001b[".repeat(100_000)],
    ["| decolorize", `\u001b${";".repeat(200_000)}`],
    ["| decolorize", `\u001b]${"a".repeat(200_000)}`],
    ['|= ip("1.2.3.4")', "1.1.".repeat(50_000)],
    ['|= ip("::1")', "a:".repeat(100_000)],
    ['| line_format "{{ .a | repeat 99999999 }}"', "x"],
    ['| line_format "{{ range $i := .a }}{{ end }}"', "x"],
    ['| line_format "{{ replace `a` `bbbbbbbbbbbbbbbb` __line__ }}"', "a".repeat(200_000)],
  ];
  for (const [stages, line] of hard)
    test(`${stages} ${line.slice(0, 12)}`, () => {
      const pipeline = compilePipeline(parseLogQuery(`{a="b"} ${stages}`), deps);
      pipeline.run({ timeNs: 0n, text: line, stream, metadata: [] });
      pipeline.line.labels.labels();
    }, 5_000);
});

test("labels and lines that each stage doubles end at a bound, as an error of the line", () => {
  const double = '| label_format a="{{.a}}{{.a}}x" | line_format "{{.a}}{{.a}}"';
  const pipeline = compilePipeline(parseLogQuery(`{b="c"} ${double.repeat(40)}`), deps);
  pipeline.run({ timeNs: 0n, text: "x", stream: streamOf([["b", "c"]]), metadata: [] });
  const { line } = pipeline;
  expect(line.labels.textOf("a").length).toBeLessThanOrEqual(256 * 1024);
  expect(line.text.length).toBeLessThanOrEqual(256 * 1024);
  expect(line.labels.error).toBe("TemplateFormatErr");
});

test("hostile texts are only data at every place of a query", () => {
  for (const text of hostileTexts) {
    const quoted = JSON.stringify(text).replaceAll("\u2028", "\\u2028");
    for (const query of [
      `{a=${quoted}, b="c"}`,
      `{b="c"} |= ${quoted} != ${quoted} or ${quoted}`,
      `{b="c"} | x=${quoted} or y!=${quoted}`,
      `{b="c"} | drop x=${quoted} | keep y!=${quoted}`,
      `label_replace(vector(1), ${quoted}, ${quoted}, ${quoted}, "x")`,
    ]) {
      const printed = printLogql(parseLogql(query));
      expect(printLogql(parseLogql(printed)), text).toBe(printed);
    }
    const pipeline = compilePipeline(
      parseLogQuery(`{b="c"} |= ${quoted} | json | logfmt | x=${quoted}`),
      deps,
    );
    const stream = streamOf([["b", "c"]]);
    pipeline.run({ timeNs: 0n, text, stream, metadata: [["x", text]] });
  }
});
