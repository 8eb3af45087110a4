import { describe, expect, test } from "vitest";
import { durationAt, rowPosition, summarise, usedRows } from "./heat-scale.ts";

const bounds = [1, 10, 100, 1000];

describe("position and back", () => {
  const check = (ns: number, position: number) =>
    test(`${ns} ns`, () => {
      expect(rowPosition(bounds, ns)).toBeCloseTo(position, 9);
      expect(durationAt(bounds, position)).toBeCloseTo(ns, 6);
    });
  check(1, 0);
  check(10, 1);
  check(Math.sqrt(1000), 1.5);
  check(1000, 3);
  check(5000, 3 + Math.log10(5));
});
test("beyond the open row", () => expect(rowPosition(bounds, 1e9)).toBe(4));
test("a zero lower bound does not divide by zero", () =>
  expect(rowPosition([0, 10], 5)).toBeGreaterThan(0));

const cells = [
  [[1, 9, 0]],
  [],
  [
    [1, 8, 0],
    [3, 3, 2],
  ],
] as const;
test("used rows with one to spare", () =>
  expect(usedRows(cells, 30, 4)).toEqual({ low: 0, high: 5 }));
test("no rows used", () => expect(usedRows([[], []], 30, 4)).toEqual({ low: 0, high: 30 }));
test("summary", () => {
  const summary = summarise(bounds, cells);
  expect(summary).toMatchObject({ total: 20, errors: 2, slowestNs: 1000 });
  expect(summary.medianNs).toBeCloseTo(10 * 10 ** (10 / 17), 6);
});
