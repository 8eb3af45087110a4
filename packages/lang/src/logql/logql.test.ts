import { TriptychError } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quote } from "../source.ts";
import { parseLogql, parseStreamSelector } from "./parser.ts";
import { printLogql } from "./printer.ts";

function outcome(text: string): string {
  try {
    return printLogql(parseLogql(text));
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return `${error.code}@${error.offset}: ${error.message}`;
  }
}

describe("accepted", () => {
  const check = (text: string, want = text) => test(text, () => expect(outcome(text)).toBe(want));
  check('{app="shop"}');
  check('{ app = "shop" , b!~`c\\d` , }', '{app="shop", b!~"c\\\\d"}');
  check('{app="shop"} |= "a" != `b` |~ "c.*" !~ "d"', '{app="shop"} |= "a" != "b" |~ "c.*" !~ "d"');
  check('{app="shop"} | level="error" | trace_id=~"a|b"');
  check('{app="shop"} | detected_level!="info" != "x"');
  check('{a="b"} # comment |= "c"\n|= "d"', '{a="b"} |= "d"');
});

describe("refused", () => {
  const check = (text: string, want: string) =>
    test(text, () => expect(outcome(text)).toContain(want));
  check("", "query_invalid@0");
  check("{}", "query_invalid@1");
  check("{,}", "query_invalid@1");
  check('{a="b"', "query_invalid@6");
  check("{a='b'}", "query_invalid@3: unexpected character");
  check('{"a"="b"}', "query_invalid@1");
  check('{a="b"} |= c', "query_invalid@11");
  check('{a="b"} |', "query_invalid@9");
  check('{a="b"} | foo', "query_invalid@13");
  check('{a="b"} "x"', "query_invalid@8");
  check("app", "query_invalid@0");
  check('{a="b"} | json', "query_unsupported@10: the stage json");
  check('{a="b"} | logfmt | x="y"', "query_unsupported@10");
  check('{a="b"} | x > 5', "query_unsupported@10");
  check('{a="b"} | x="y" or z="w"', "query_unsupported@16");
  check('{a="b"} |= "x" or "y"', "query_unsupported@15");
  check('{a="b"} |> "<_>"', "query_unsupported@8");
  check('{a="b"} |= ip("1.2.3.4")', "query_unsupported@11");
  check('{a="b"}[5m]', "query_unsupported@7");
  check('rate({a="b"}[5m])', "query_unsupported@0: a metric query");
  check('sum by (x) (rate({a="b"}[5m]))', "query_unsupported@0");
  check("vector(1)", "query_unsupported@0");
  check("1 + 1", "query_unsupported@0");
});

test("a stream selector takes no stages", () => {
  expect(parseStreamSelector('{a="b"}')).toHaveLength(1);
  expect(() => parseStreamSelector('{a="b"} |= "c"')).toThrow(TriptychError);
});

test("print and parse round-trip", () => {
  const text = fc.string({ unit: "binary" });
  const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/);
  const matcher = fc.tuple(name, fc.constantFrom("=", "!=", "=~", "!~"), text);
  const line = fc.tuple(fc.constantFrom("|=", "!=", "|~", "!~"), text);
  fc.assert(
    fc.property(
      fc.array(matcher, { minLength: 1 }),
      fc.array(line),
      fc.array(matcher),
      (matchers, lines, filters) => {
        const show = ([n, op, v]: readonly [string, string, string]) => `${n}${op}${quote(v)}`;
        const query = [
          `{${matchers.map(show).join(",")}}`,
          ...lines.map(([op, v]) => `${op}${quote(v)}`),
          ...filters.map((f) => `|${show(f)}`),
        ].join("");
        const tree = parseLogql(query);
        expect(tree.matchers.map((m) => [m.name, m.op, m.value])).toEqual(matchers);
        expect(tree.stages).toHaveLength(lines.length + filters.length);
        expect(printLogql(parseLogql(printLogql(tree)))).toBe(printLogql(tree));
      },
    ),
  );
});

test("mutated queries are accepted or refused, never anything else", () => {
  const seeds = [
    '{a="b",c=~"d.*"} |= "x" | level="y"',
    "{a=`b`} | json | x > 5",
    'sum(rate({a="b"}[5m])) by (c)',
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
    "|",
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
  for (const piece of ["(", "{", '{a="b"}', '|= "x"', "sum(", "| json", '"'])
    expect(outcome(piece.repeat(10_000))).toMatch(/^query_/);
});
