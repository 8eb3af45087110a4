import { describe, expect, test } from "vitest";
import { completePromql } from "./completion.ts";

/** The cursor is `|`. In one line: what the span holds, what is asked of the data, and the first options. */
function outcome(marked: string): string {
  const at = marked.indexOf("|");
  const text = marked.slice(0, at) + marked.slice(at + 1);
  const { span, question, options, quoted } = completePromql(text, at);
  const print = ({ name, matchers }: { name: string; matchers: readonly object[] }): string =>
    name +
    (matchers.length === 0
      ? ""
      : `{${matchers.map((one) => Object.values(one).slice(0, 3).join("")).join()}}`);
  const asked = (): string => {
    switch (question?.kind) {
      case "metric":
        return "metric";
      case "label_name":
        return `label of ${question.selectors.map(print).join(" ")}`;
      case "label_value":
        return `value of ${question.label} of ${print(question.selector)}`;
      default:
        return "-";
    }
  };
  const shown = options.slice(0, 4).map(({ text: one }) => one);
  return `[${text.slice(span.start, span.end)}]${quoted ? '"' : ""} ${asked()} ${shown.join(" ")}`.trim();
}

const check = (marked: string, want: string) =>
  test(marked, () => expect(outcome(marked)).toBe(want));

describe("an operand", () => {
  check("|", "[] metric abs absent absent_over_time acos");
  check("ra|", "[ra] metric rad rate range limit_ratio");
  check("ra|te(x[5m])", "[rate] metric rad rate range limit_ratio");
  check("sum(ra|", "[ra] metric rad rate range limit_ratio");
  check("rate(|", "[] metric abs absent absent_over_time acos");
  check("rate(http_re|[5m])", "[http_re] metric");
  check("sum(rate(http_|", "[http_] metric");
  check("a + |", "[] metric on ignoring abs absent");
  check("a > |", "[] metric bool on ignoring abs");
  check("a > b|", "[b] metric bool bottomk sort_by_label sort_by_label_desc");
  check("a > on (x) gr|", "[gr] metric group_left group_right group histogram_avg");
  check(
    "(up == 0) or qu|",
    "[qu] metric quantile_over_time quantile histogram_quantile histogram_quantiles",
  );
  check("histogram_quantile(0.9, su|)", "[su] metric sum_over_time sum histogram_sum");
  check("label_replace(up, |", "[] -");
});

describe("behind an operand", () => {
  check("up |", "[] - offset @ anchored smoothed");
  check("up of|", "[of] - offset");
  check("rate(x[5m]) |", "[] - ^ * / %");
  check("sum(x) |", "[] - by without ^ *");
  check("sum(x) b|", "[b] - by");
  check("sum |", "[] - by without offset @");
  check("sum by (job) |", "[] -");
  check("x[5m] |", "[] - offset @ anchored smoothed");
  check("1 a|", "[a] - atan2 and");
  check("up @ |", "[] - end start");
  check("up @ end() |", "[] - offset @ anchored smoothed");
});

describe("durations", () => {
  check("x[|", "[] - 1m 5m 10m 30m");
  check("x[|]", "[] - 1m 5m 10m 30m");
  check("x[5|]", "[5] - 5ms 5s 5m 5h");
  check("x[5m|]", "[5m] - 5ms 5m");
  check("x[1h30|]", "[1h30] - 1h30ms 1h30s 1h30m 1h30h");
  check("x[5m:|]", "[] - 1m 5m 10m 30m");
  check("x[st|", "[st] - step");
  check("x offset |", "[] - 1m 5m 10m 30m");
  check("x offset -5|", "[5] - 5ms 5s 5m 5h");
  check("x offset (|", "[] - 1m 5m 10m 30m");
  check("x > 5|", "[5] - 5ms 5s 5m 5h");
});

describe("names of labels", () => {
  check("up{|", "[] label of up");
  check("up{|}", "[] label of up");
  check("up{jo|}", "[jo] label of up");
  check('up{job="a", in|}', "[in] label of up{job=a}");
  check('up{in|, job="a"}', "[in] label of up{job=a}");
  check('rate(up{job=~"a.*", |}[5m])', "[] label of up{job=~a.*}");
  check("{|", "[] label of");
  check('{"my|', '["my]" label of');
  check('{"my.metric", |', "[] label of my.metric");
  check("info(up, {|})", "[] label of target_info");
  check('info(up, {__name__="build_info", |})', "[] label of {__name__=build_info}");
  check("sum by (|", "[] label of");
  check("sum by (jo|) (rate(x[5m]))", "[jo] label of x");
  check('sum by (job, |) (rate(x{a="b"}[5m]) / y) + z', "[] label of x{a=b} y");
  check("sum(rate(x[5m])) by (|)", "[] label of x");
  check("1 + max without (|) (min by (a) (x)) * y", "[] label of x");
  check("a * on (|) b", "[] label of a b");
  check("c and (a * on (i) group_left (|) b)", "[] label of a b");
  check("a + on (i) fill (|) b", "[] -");
  check('label_replace(up, "to", "$1", "fr|", "x")', '["fr"]" label of up');
  check('label_replace(up, "t|', '["t]" -');
});

describe("operators and values of labels", () => {
  check("up{job |", "[] - = != =~ !~");
  check("up{job!|}", "[!] - != !~");
  check("up{job=|}", '[]" value of job of up');
  check('up{job="|', '["]" value of job of up');
  check('up{job="|"}', '[""]" value of job of up');
  check('up{job="sh|op", env="x"}', '["shop"]" value of job of up{env=x}');
  check('up{env="x", job=~"|"}', '[""]" value of job of up{env=x}');
  check('up{job="sh|} / x{a="b"}', '["sh]" value of job of up');
  check('{"my.metric", "my label"="|"}', '[""]" value of my label of my.metric');
  check('up{job="a"|}', "[] -");
});

describe("nothing", () => {
  check("up # com|", "[# com] -");
  check('"te|xt"', '["text"]" -');
});

test("functions come with signature and first sentence", () => {
  expect(completePromql("round", 5).options[0]).toEqual({
    kind: "function",
    text: "round",
    signature: "round(v instant-vector, [nearest scalar])",
    doc: "Each sample rounded to the nearest multiple of a number.",
    experimental: false,
  });
  expect(completePromql("topk", 4).options[0]?.signature).toBe("topk(k scalar, v instant-vector)");
});

function hostile(name: string, text: string): void {
  test(name, () => {
    for (const at of [0, 1, 19_999, text.length, -1, text.length + 5, Number.MAX_SAFE_INTEGER]) {
      const { span } = completePromql(text, at);
      expect(span.start).toBeLessThanOrEqual(span.end);
      expect(span.end).toBeLessThanOrEqual(text.length);
    }
  });
}

describe("hostile texts cost no more than their length, and nothing throws", () => {
  const pieces = [
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    '"',
    "\\",
    "a",
    "by(",
    "sum by (",
    "a{b=",
    " ",
    ",",
    "5",
    "é",
    "\u{1F600}",
    "\ud800",
    "#",
    "\n",
    "@",
    "a\\",
  ];
  for (const piece of pieces) hostile(JSON.stringify(piece), piece.repeat(40_000));
  for (const [open, close] of ["()", "{}", "[]", "{)", "[)", "({", "[}"].map((pair) => [...pair]))
    hostile(`${open} then ${close}`, open?.repeat(10_000) + (close ?? "").repeat(10_000));
});
