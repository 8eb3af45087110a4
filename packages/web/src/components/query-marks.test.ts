import { describe, expect, test } from "vitest";
import { markAt, withOption, withSearch } from "./query-marks.ts";

describe("marks", () => {
  const check = (text: string, offset: number, want: string) =>
    test(`${text} at ${offset}`, () => {
      const { before, wrong, after } = markAt(text, offset);
      expect(`${before}[${wrong}]${after}`).toBe(want);
    });
  check("a or (b", 5, "a or [(]b");
  check("level: ", 7, "level: [ ]");
  check("duration > fast and x", 11, "duration > [fast] and x");
  check('a "open', 2, 'a ["open]');
  check("", 0, "[ ]");
  check("x", 99, "x[ ]");
});

describe("options", () => {
  const check = (text: string, at: [number, number, string], option: string, want: string) =>
    test(`${text} ${option}`, () => {
      const [start, end, kind] = at;
      const done = withOption(text, { start, end, kind }, option);
      expect(`${done.text.slice(0, done.cursor)}|${done.text.slice(done.cursor)}`).toBe(want);
    });
  check("ser", [0, 3, "field"], "service", "service: |");
  check("ser: x", [0, 3, "field"], "service", "service|: x");
  check("level: err", [7, 10, "value"], "error", "level: error |");
  check("(level: err)", [8, 11, "value"], "error", "(level: error|)");
});

test("history has each search once, the newest first, and an end", () => {
  expect(withSearch(["a", "b"], " b ")).toEqual(["b", "a"]);
  expect(withSearch(["a"], " ")).toEqual(["a"]);
  expect(
    withSearch(
      Array.from({ length: 20 }, (_, i) => `${i}`),
      "x",
    ),
  ).toHaveLength(20);
});
