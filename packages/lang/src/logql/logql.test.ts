import { TriptychError } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quote } from "../source.ts";
import { parseLogql, parseLogQuery, parseStreamSelector } from "./parser.ts";
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
  check('{ app = "shop" , b!~`c\\d` }', '{app="shop", b!~"c\\\\d"}');
  check('{app="shop"} |= "a" != `b` |~ "c.*" !~ "d"', '{app="shop"} |= "a" != "b" |~ "c.*" !~ "d"');
  check('{app="shop"} | level="error" | trace_id=~"a|b"');
  check('{a="b"} # comment |= "c"\n|= "d"', '{a="b"} |= "d"');
  check('{a="b"} |= "x" or "y" or ip("1.2.3.4")');
  check('{a="b"} != "x" or "y"', '{a="b"} != "x" != "y"');
  check('{a="b"} |> "<_> x" !> "y <_>"');
  check('{a="b"} | json | logfmt --strict --keep-empty x="y",z="z" | unpack | decolorize');
  check('{a="b"} | json x', '{a="b"} | json x="x"');
  check('{a="b"} | x > 5 or y<=1h30m and z==2KB', '{a="b"} | ( x>5 or ( y<=1h30m0s , z==2.0kB ) )');
  check('{a="b"} | x="1" y="2", z=ip("::1")', '{a="b"} | ( ( x="1" , y="2" ) , z=ip("::1") )');
  check('{a="b"} | label_format x=y,z="{{.x}}" | line_format "{{.z}}"');
  check('{a="b"} | drop x,y="z" | keep x=~"y"');
  check('{a="b"} | duration="x" | bytes > 2 | ip="y"', '{a="b"} | duration="x" | bytes>2 | ip="y"');
  check('rate({a="b"} [5m])', 'rate({a="b"}[5m])');
  check('rate({a="b"} | json [5m] offset -90s)', 'rate({a="b"} | json[5m] offset -1m30s)');
  check(
    '{a="b"} | x>20MiB | x<20MB | x>1000 | x<5B',
    '{a="b"} | x>20971520B | x<20MB | x>1000 | x<5B',
  );
  check("vector(0.00000012)");
  check(
    'count_over_time({a="b"}[5m] offset 1h |= "x")',
    'count_over_time({a="b"} |= "x"[5m] offset 1h0m0s)',
  );
  check('sum(rate({a="b"}[1m])) by (x, y)', 'sum by (x, y)(rate({a="b"}[1m]))');
  check('topk(5, sum by (x) (rate({a="b"}[1m])))', 'topk(5,sum by (x)(rate({a="b"}[1m])))');
  check(
    'quantile_over_time(0.9, {a="b"} | logfmt | unwrap duration(x) | __error__="" [1m]) by (c)',
    'quantile_over_time(0.9,{a="b"} | logfmt | unwrap duration(x) | __error__=""[1m]) by (c)',
  );
  check("1 + 2 * 3 ^ 2", "19");
  check(
    "2 * vector(1) > bool on (a) group_left (b) vector(0)",
    "((2 * vector(1.000000)) > bool on (a) group_left (b) vector(0.000000))",
  );
  check(
    'label_replace(vector(1), "a", "$1", "b", "(.*)")',
    'label_replace(vector(1.000000),"a","$1","b","(.*)")',
  );
  check('{duration="1", rate="2"}');
});

describe("refused", () => {
  const check = (text: string, want: string) =>
    test(text, () => expect(outcome(text)).toContain(want));
  check("", "query_invalid@0");
  check("{,}", "query_invalid@1");
  check('{a="b",}', "query_invalid@7");
  check('{a="b"', "query_invalid@6");
  check("{a='b'}", "query_invalid@3: syntax error: unexpected character");
  check('{"a"="b"}', "query_invalid@1");
  check('{a="b"} |= c', "query_invalid@11");
  check('{a="b"} |', "query_invalid@9");
  check('{a="b"} | foo', "query_invalid@13");
  check('{a="b"} "x"', "query_invalid@8");
  check("app", "query_invalid@0");
  check('{a="b"}[5m]', "query_invalid@7");
  check('{a="b"} |~ ip("1.2.3.4")', "query_invalid@11");
  check('rate({a="b"}[5minutes])', "query_invalid@13");
  check('rate({a="b"})', "query_invalid@12: syntax error: unexpected ), expecting RANGE");
  check('rate({a="b"}[5m]) by (x)', "query_invalid@0: grouping not allowed");
  check('sum_over_time({a="b"}[5m])', "without unwrap");
  check('topk(rate({a="b"}[5m]))', "parameter required");
  check("1 and vector(1)", "unexpected literal for left leg");
  check('{a="b"} + 1', "unexpected type for left leg");
});

test("a stream selector takes no stages", () => {
  expect(parseStreamSelector('{a="b"}')).toHaveLength(1);
  expect(() => parseStreamSelector('{a="b"} |= "c"')).toThrow(TriptychError);
});

test("print and parse round-trip", () => {
  const text = fc.string({ unit: "binary" });
  // With a beginning that no keyword has: `on`, in any case, is no name in a selector.
  const name = fc.stringMatching(/^[A-Z_]_[a-zA-Z0-9_]{0,8}$/);
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
        const tree = parseLogQuery(query);
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
