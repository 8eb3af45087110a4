import { expect, test } from "vitest";
import { applied } from "./arithmetic.ts";
import { attributeTests } from "./attribute-tests.ts";
import { arrayStatic } from "./memory-table.ts";
import { parseTraceql } from "./parser.ts";
import { compareSeries } from "./series-order.ts";
import { FALSE, floatText, intStatic, NIL, stringStatic, TRUE } from "./static.ts";

test("a comparison with several events holds when it does for one of them", () => {
  const levels = arrayStatic([stringStatic("warn"), stringStatic("error")]);
  expect(applied("!=", levels, stringStatic("warn"))).toEqual(TRUE);
  const list = { type: "array", of: "string", items: [stringStatic("warn")] } as const;
  expect(applied("!=", list, stringStatic("warn"))).toEqual(FALSE);
  expect(applied("+", arrayStatic([intStatic(2), intStatic(5)]), intStatic(1))).toEqual(
    intStatic(3),
  );
});

test("of equal series the one that comes first in the alphabet is the higher", () => {
  const label = (value: Parameters<typeof stringStatic>[0]) => [
    { name: "name", value: stringStatic(value) },
  ];
  const number = (value: number) => [{ name: "name", value: intStatic(value) }];
  expect(compareSeries(label("a"), label("b"))).toBeGreaterThan(0);
  expect(compareSeries(number(5), label("a"))).toBeGreaterThan(0);
  expect(compareSeries(number(5), number(3))).toBeGreaterThan(0);
  expect(compareSeries(label("a"), [{ name: "name", value: NIL }])).toBeGreaterThan(0);
  expect(compareSeries(label("a"), label("a"))).toBe(0);
});

test("an attribute that is only compared is shown where a comparison holds", () => {
  const query = parseTraceql(
    "{ .a = 1 || .a > 5 || .b != nil } > { .c = 1 && .d = 2 } | by(.c) | max(.d) > 1",
  );
  const tests = query.kind === "spansets" ? attributeTests(query.pipeline) : new Map();
  expect([...tests].map(([key, all]) => [key, all.length])).toEqual([["none.a", 2]]);
});

test.each([
  [2, "2.0"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [123456.5, "123456.5"],
  [1e6, "1e+06"],
  [1e21, "1e+21"],
  [-3.25, "-3.25"],
  [Number.NaN, "NaN"],
])("a float as text: %s", (value, want) => {
  expect(floatText(value)).toBe(want);
});
