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
  check('up{job="shop",instance!~"a.*"}');
  check('up{job="shop",}', 'up{job="shop"}');
  check("up{}", "up");
  check('{__name__=~"a|b"}');
  check('{"my.metric"}');
  check('{"my.metric","my label"="x"}');
  check('{"up"}', "up");
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
  check("5m", "300");
  check("1h30m", "5400");
  check("1ms", "0.001");
  check("+Inf");
  check("nan", "NaN");
  check('"a\\nb"');
});

describe("refused", () => {
  const check = (text: string, want: string) =>
    test(text, () => expect(outcome(text)).toContain(want));
  check("", "query_invalid@0: the query is empty");
  check("up{", "query_invalid@3: unexpected end of the query where a label name belongs");
  check("up{a", "query_invalid@4");
  check("up{a=}", "query_invalid@5");
  check('up{a=="b"}', "query_invalid@4");
  check('up{a="b" c="d"}', "query_invalid@9");
  check("up{,}", "query_invalid@3");
  check("{}", "query_invalid@0");
  check('{a=""}', "query_invalid@0");
  check('{a!="x"}', "query_invalid@0");
  check('up{__name__="x"}', "query_invalid@3");
  check('up{"x"}', "query_invalid@3");
  check('{""}', "query_invalid@1");
  check('{a:b="x"}', "query_invalid@1");
  check("up{a='x}", "query_invalid@5: the string is not closed");
  check('up{a="\\q"}', "query_invalid@6");
  check('up{a="\\xff"}', "query_invalid@5");
  check('up{a="\\ud800"}', "query_invalid@6");
  check("up{a=“b”}", "query_invalid@5: unexpected character");
  check("up up", "query_invalid@3");
  check(")", "query_invalid@0");
  check("5mm", "query_invalid@0");
  check("1 ! 2", "query_invalid@2");
  check("bool", "query_invalid@0");
  check("a\ud800", "query_invalid@1");
  check("rate(up[5m])", 'query_unsupported@0: the function "rate"');
  check("sum by (a) (up)", "query_unsupported@0: the aggregation sum");
  check("sum(up)", "query_unsupported@0: the aggregation sum");
  check("up[5m]", "query_unsupported@2");
  check("up offset 5m", "query_unsupported@3");
  check("up @ 5", "query_unsupported@3");
  check("up + 1", "query_unsupported@3: the binary operator +");
  check("up and down", "query_unsupported@3");
  check("-up", "query_unsupported@0");
  check("(up)", "query_unsupported@0");
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
        expect(once.kind === "vector_selector" && once.name).toBe(name);
        expect(
          once.kind === "vector_selector" && once.matchers.map((m) => [m.op, m.value]),
        ).toEqual(matchers.filter(([l]) => l !== "__name__").map(([, op, v]) => [op, v]));
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
