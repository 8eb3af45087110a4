import { TriptychError } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatFloat } from "./format-float.ts";
import { parsePromql } from "./parser.ts";
import { printPromql } from "./printer.ts";

/** The outcome in one line: the printed tree, or code, offset and message. */
function outcome(text: string): string {
  try {
    return printPromql(parsePromql(text));
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return `${error.code}@${error.offset}: ${error.message}`;
  }
}

describe("accepted", () => {
  const check = (text: string, want = text) => test(text, () => expect(outcome(text)).toBe(want));
  check("up");
  check("  up # comment\n", "up");
  check('up{job="shop",instance!~"a.*"}', 'up{instance!~"a.*",job="shop"}');
  check('up{job="shop",}', 'up{job="shop"}');
  check("up{}", "up");
  check('{__name__=~"a|b"}');
  check('{"my.metric"}', '{__name__="my.metric"}');
  check('{"my.metric","my label"="x"}', '{"my label"="x",__name__="my.metric"}');
  check('{"up"}', '{__name__="up"}');
  check("job:rate:sum");
  check("sum");
  check("offset");
  check('{by="x"}');
  check(`up{a='it\\'s "x"'}`, `up{a="it's \\"x\\""}`);
  check("up{a=`\\n`}", 'up{a="\\\\n"}');
  check('up{a="\\x41\\101\\u0041\\U0001F600"}', 'up{a="AAA😀"}');
  check('up{a="\\xf0\\x9f\\x98\\x80"}', 'up{a="😀"}');
  check('{a!=""}');
  check("1");
  check("-1.5e3", "-1500");
  check("0x1F", "31");
  check("5m");
  check("1h30m");
  check("1ms");
  check("+Inf");
  check("nan", "NaN");
  check('"a\\nb"');
});

describe("all of the language", () => {
  const check = (text: string, want = text) => test(text, () => expect(outcome(text)).toBe(want));
  check("-1 ^ 2", "-1 ^ 2");
  check("2 ^ 3 ^ 2");
  check("(1+2)*3", "(1 + 2) * 3");
  check("a or b and c unless d");
  check("or or or");
  check("sum by (job, le) (rate(x_total[5m] offset 1h))");
  check("sum(x) without (a)", "sum without (a) (x)");
  check("topk(5, x)");
  check('count_values("v", x)');
  check("x[5m:1m] @ end() offset -30s");
  check("x[5m:]");
  check("x[5m] anchored");
  check("x smoothed");
  check("a == bool on (x) group_left (y) b");
  check("a + fill_right (0) b");
  check("a - ignoring (b) fill (-23) c", "a - ignoring (b) fill (-23) c");
  check("fill + fill_left");
  check("x[step() * 2]");
  check("x offset (5m + 1m)");
  check("sum + by");
  check('label_replace(x, "a", "$1", "b", "(.*)")');
  check("x </ 5", "x </ 5");
});

describe("refused", () => {
  const check = (text: string, want: string) =>
    test(text, () => expect(outcome(text)).toContain(want));
  check("", "query_invalid@0: no expression found in input");
  check("# nothing", "query_invalid@0: no expression found in input");
  check("up{", "query_invalid@3: unexpected end of input inside braces");
  check("up{a", "query_invalid@4");
  check("up{a=}", "query_invalid@5");
  check('up{a=="b"}', "query_invalid@5");
  check('up{a="b" c="d"}', "query_invalid@9");
  check("up{,}", "query_invalid@3");
  check("{}", "query_invalid@0");
  check('{a=""}', "query_invalid@0");
  check('{a!="x"}', "query_invalid@0");
  check('up{__name__="x"}', 'query_invalid@0: metric name must not be set twice: "up" or "x"');
  check('up{"x"}', "query_invalid@0");
  check('{""}', "query_invalid@0");
  check('{a:b="x"}', "query_invalid@2");
  check("up{a='x}", "query_invalid@5: unterminated quoted string");
  check('up{a="\\q"}', "query_invalid@5: unknown escape sequence U+0071 'q'");
  check('up{a="\\xff"}', "query_invalid@5");
  check('up{a="\\ud800"}', "query_invalid@5");
  check("up{a=“b”}", "query_invalid@5: unexpected character");
  check("up up", 'query_invalid@3: unexpected identifier "up"');
  check(")", "query_invalid@1: unexpected right parenthesis ')'");
  check("5mm", "query_invalid@0");
  check("1 ! 2", "query_invalid@2");
  check("bool", "query_invalid@0: unexpected <bool>");
  check("a\ud800", "query_invalid@1");
  check("rate(up)", "query_invalid@5: expected type range vector");
  check("sum(up", "query_invalid@6: unclosed left parenthesis");
  check("nothing(up)", 'query_invalid@0: unknown function with name "nothing"');
  check("up[5m] + 1", "query_invalid@0: binary expression must contain only scalar");
  check("up offset", "query_invalid@9: unexpected end of input in offset");
  check("1 == 1", "query_invalid@2: comparisons between scalars must use BOOL modifier");
});

describe("numbers as Go prints them", () => {
  const check = (value: number, want: string) =>
    test(want, () => expect(formatFloat(value)).toBe(want));
  check(0.1, "0.1");
  check(-0, "-0");
  check(1e21, "1000000000000000000000");
  check(1.5e-7, "0.00000015");
  check(-1.25e22, "-12500000000000000000000");
  check(Number.NaN, "NaN");
  check(Number.NEGATIVE_INFINITY, "-Inf");
  test("any number reads back", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = formatFloat(value);
        expect(text).not.toMatch(/e/);
        expect(Object.is(Number(text), value)).toBe(true);
      }),
    );
  });
});

const text = fc.string({ unit: "binary" });
const label = fc.oneof(fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/), text);
const matcher = fc.tuple(label, fc.constantFrom("=", "!=", "=~", "!~"), text);

const quoted = (value: string): string =>
  printPromql({ kind: "string", value, span: { start: 0, end: 0 } });

test("print and parse round-trip", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.array(matcher, { maxLength: 5 }),
      (name, matchers) => {
        const items = [
          quoted(name),
          ...matchers
            .filter(([l]) => l !== "__name__")
            .map(([l, op, v]) => `${quoted(l)}${op}${quoted(v)}`),
        ];
        const once = parsePromql(`{${items.join(",")}}`);
        const printed = printPromql(once);
        expect(printPromql(parsePromql(printed))).toBe(printed);
        expect(
          once.kind === "vector_selector" && once.matchers.map((m) => [m.op, m.value]),
        ).toEqual([
          ["=", name],
          ...matchers.filter(([l]) => l !== "__name__").map(([, op, v]) => [op, v]),
        ]);
      },
    ),
  );
});

test("mutated queries are accepted or refused, never anything else", () => {
  const seeds = [
    'up{a="b",c=~"d.*"}',
    '{"x.y",z!="\\n"}',
    "sum by (a) (rate(x[5m] offset 1h)) / 1e3",
    "'a' + `b`",
  ];
  const alphabet = [
    '"',
    "'",
    "`",
    "\\",
    "{",
    "}",
    "(",
    "[",
    ",",
    "=",
    "!",
    "~",
    "\0",
    "#",
    "\n",
    "5m",
    "é",
    "\ud800",
    "“",
    " ",
  ];
  const edit = fc.tuple(fc.nat(60), fc.nat(3), fc.constantFrom(...alphabet));
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(edit, { minLength: 1, maxLength: 6 }),
      (seed, edits) => {
        let mutated = seed;
        for (const [at, cut, put] of edits)
          mutated = mutated.slice(0, at) + put + mutated.slice(at + cut);
        outcome(mutated);
      },
    ),
    { numRuns: 2000 },
  );
});

test("deep nesting and long input end at once", () => {
  for (const piece of ["(", "{", "[", "-", 'a{b="c"}', "sum(", "\\", "#", '"'])
    expect(outcome(piece.repeat(20_000))).toMatch(/^query_/);
});
