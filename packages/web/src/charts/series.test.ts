import { describe, expect, test } from "vitest";
import { biggestMove, figuresOf, gapsOf, runsOf } from "./series.ts";

test("figures", () =>
  expect(figuresOf([null, 2, 4, null, 3])).toEqual({ min: 2, mean: 3, max: 4, last: 3 }));
test("no figures without data", () => expect(figuresOf([null, null])).toBeUndefined());

describe("runs", () => {
  const check = (name: string, values: (number | null)[], want: [number, number][]) =>
    test(name, () => expect(runsOf(values)).toEqual(want));
  check("whole", [1, 2], [[0, 1]]);
  check(
    "broken",
    [null, 1, null, 2, 3, null],
    [
      [1, 1],
      [3, 4],
    ],
  );
  check(
    "NaN is no data",
    [1, Number.NaN, 1],
    [
      [0, 0],
      [2, 2],
    ],
  );
  check("none", [], []);
});

describe("gaps", () => {
  const check = (name: string, all: (number | null)[][], want: [number, number][]) =>
    test(name, () => expect(gapsOf(all)).toEqual(want));
  check(
    "a hole in all",
    [
      [1, null, null, 1],
      [1, null, null, 1],
    ],
    [[1, 2]],
  );
  check(
    "one series still has data",
    [
      [1, null, 1],
      [1, 1, 1],
    ],
    [],
  );
  check("edges are no holes", [[null, 1, 1, null]], []);
});

test("the biggest move and its moment", () => {
  const flat = Array.from({ length: 12 }, () => 5);
  const up = [1, 1, 1, 1, 1, 1, 1, 10, 10, 10, 10, 10];
  expect(biggestMove([flat, up])).toEqual({ series: 1, last: 10, before: 1, ratio: 10, since: 7 });
});
test("down counts as well", () =>
  expect(biggestMove([[9, 9, 9, 9, 9, 9, 3, 3, 3, 3, 3, 3]])?.ratio).toBeCloseTo(1 / 3));
test("a series full of holes says nothing", () =>
  expect(
    biggestMove([Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? (i < 20 ? 1 : 9) : null))]),
  ).toBeUndefined());
test("nothing moved", () =>
  expect(biggestMove([Array.from({ length: 12 }, (_, i) => 5 + (i % 2))])).toBeUndefined());
