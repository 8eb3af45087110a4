import { TriptychError } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applied } from "./arithmetic.ts";
import type { FieldOp } from "./ast.ts";
import { durationNs } from "./duration.ts";
import { parseTraceql, parseTraceqlIdentifier } from "./parser.ts";
import { printAttribute, printTraceql } from "./printer.ts";
import { log2Quantile } from "./quantile.ts";
import { log2Bucket } from "./series.ts";
import { durationText, type Static } from "./static.ts";

function outcome(text: string): string {
  try {
    return printTraceql(parseTraceql(text));
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return `${error.code}@${error.offset}: ${error.message}`;
  }
}

describe("printed", () => {
  const check = (text: string, want: string) => test(text, () => expect(outcome(text)).toBe(want));
  check("{}", "{ true }");
  check("{.a=.b=1||!.c&&-.d *2<3}", "{ (((.a = .b) = 1) || (!.c)) && ((-(.d * 2)) < 3) }");
  check(
    "{a}",
    'query_invalid@1: "a" is not known here; attributes are written with their scope, as in span.a or .a',
  );
  check('{ span."a b".c = `x` }', '{ span."a b.c" = "x" }');
  check(
    "{ trace:rootService = `x` && span:status = ok }",
    '{ (rootServiceName = "x") && (status = ok) }',
  );
  check("{ .a } >> { .b } | by(name) | count() > 2", "{ .a } >> { .b } | by(name) | count() > 2");
  check(
    "{ duration > 1h30m && .x = 1.0 && .y < 2d }",
    "{ ((duration > 1h30m) && (.x = 1.0)) && (.y < 48h) }",
  );
  check(
    "{} | quantile_over_time(duration, .5, 1) by(name)",
    "{ true } | quantile_over_time(duration, 0.5, 1) by (name)",
  );
  check("2 - ({} | rate()) * 3", "2.0 - (({ true } | rate()) * 3.0)");
  check("{} | select(.a, parent.span.b)", "{ true } | select(.a, parent.span.b)");
  check("{ .a = minInt || .b = maxInt }", "{ (.a = minInt) || (.b = 9223372036854775807) }");
});

describe("places of mistakes", () => {
  const check = (text: string, want: string) =>
    test(text, () => expect(outcome(text)).toContain(want));
  check("", "query_invalid@0");
  check("{ .a = ", "query_invalid@7: unexpected end of the query");
  check("{ .a == 1 }", "query_invalid@6");
  check('{ ."a }', "query_invalid@3: the quoted name is not closed");
  check("{ .a = 99999999999999999999 }", "query_invalid@7");
  check("{} | foo()", "query_invalid@5");
  check("{ event:foo }", 'query_invalid@2: there is no intrinsic "event:foo"');
  check(`{ ${"(".repeat(300)}`, "deeper than");
  check("{ \ud800 }", "query_invalid@2");
});

test("printing and parsing round-trip", () => {
  const attribute = fc.tuple(
    fc.constantFrom(".", "span.", "resource.", "parent.", "event."),
    fc.string({ minLength: 1, unit: "binary" }),
  );
  const value = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
    fc
      .double({ min: 0, noNaN: true, noDefaultInfinity: true })
      .map((n) => (/e/.test(String(n)) ? "1.5" : `${n}`)),
    fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
    fc.constantFrom("true", "error", "server", "5ms"),
  );
  fc.assert(
    fc.property(
      attribute,
      value,
      fc.constantFrom("=", "!=", "<", "&&", "+", "^"),
      ([scope, name], literal, op) => {
        const quoted = `"${name.replace(/[\\"]/g, "\\$&")}"`;
        const printed = outcome(`{ -${scope}${quoted} ${op} ${literal} || nil != .x }`);
        if (printed.startsWith("query_invalid")) return;
        expect(outcome(printed)).toBe(printed);
      },
    ),
  );
});

test("whatever is given, it is parsed or refused", () => {
  const pieces = fc.array(
    fc.constantFrom(
      "{",
      "}",
      "(",
      ")",
      ".a",
      "=",
      "!",
      "&&",
      ">>",
      "|",
      "count()",
      "rate()",
      "by(",
      "1",
      "5s",
      '"x"',
      "nil",
      "-",
      "&>",
      "span:id",
      "with(",
      ",",
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(pieces, (list) => {
      expect(typeof outcome(list.join(" "))).toBe("string");
    }),
  );
});

describe("identifiers", () => {
  const check = (text: string, want: string) =>
    test(text, () => expect(printAttribute(parseTraceqlIdentifier(text))).toBe(want));
  check(".a.b", ".a.b");
  check("resource.service.name", "resource.service.name");
  check("span:name", "name");
  check('span."x y"', 'span."x y"');
});

describe("arithmetic", () => {
  const int = (value: number | bigint): Static => ({ type: "int", value });
  const check = (op: FieldOp, a: Static, b: Static, want: unknown) =>
    test(`${JSON.stringify(a, (_, v) => (typeof v === "bigint" ? `${v}n` : v))} ${op}`, () => {
      const value = applied(op, a, b);
      expect("value" in value ? value.value : value.type).toBe(want);
    });
  check("/", int(7), int(2), 3);
  check("/", int(1), int(0), "nil");
  check("*", int(3_037_000_500), int(3_037_000_500), -9_223_372_036_709_301_616n);
  check("+", int(2n ** 63n - 1n), int(1), -(2n ** 63n));
  check("=", int(1), { type: "float", value: 1 }, true);
  check("=", int(2 ** 53), int(2n ** 53n + 1n), false);
  check("=", { type: "string", value: "1" }, int(1), false);
  check("!=", { type: "nil" }, int(1), false);
  check("<", { type: "duration", value: 5 }, { type: "float", value: 5.5 }, true);
});

test("durations", () => {
  expect([
    durationNs("1.5ms"),
    durationNs("1d"),
    durationNs("10us"),
    durationNs("1h30m"),
    durationNs("5"),
    durationNs("1x"),
  ]).toEqual([1_500_000, 86_400e9, 10_000, 5_400e9, undefined, undefined]);
  expect([durationText(1_500_000), durationText(0), durationText(-90e9)]).toEqual([
    "1ms500us",
    "0s",
    "-1m30s",
  ]);
});

test("buckets and quantiles", () => {
  expect([0, 1, 2, 3, 4, 5, 2 ** 40, 2 ** 40 + 1].map(log2Bucket)).toEqual([
    -1,
    -1,
    2,
    4,
    4,
    8,
    2 ** 40,
    2 ** 41,
  ]);
  const buckets = [
    { max: 2, count: 1 },
    { max: 4, count: 2 },
    { max: 8, count: 1 },
  ];
  expect([0, 0.25, 0.75, 1].map((q) => log2Quantile(q, buckets))).toEqual([2, 2, 4, 8]);
  expect(log2Quantile(0.5, buckets)).toBeCloseTo(2 ** 1.5);
  expect(log2Quantile(0.5, [])).toBe(0);
});
