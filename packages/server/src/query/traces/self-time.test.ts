import { describe, expect, test } from "vitest";
import { selfTimes, type TimedSpan, unionLength } from "./self-time.ts";

type Short = readonly [id: string, parent: string, service: string, start: number, end: number];
const spans = (list: readonly Short[]): TimedSpan[] =>
  list.map(([spanId, parentSpanId, service, start, end]) => ({
    spanId,
    parentSpanId,
    service,
    // Today's nanoseconds do not fit a double exactly; the result must all the same.
    startNs: 1_700_000_000_000_000_001n + BigInt(start),
    durationNs: end - start,
  }));

describe("time per service", () => {
  const check = (
    name: string,
    list: readonly Short[],
    want: readonly (readonly [string, number])[],
  ) =>
    test(name, () =>
      expect(selfTimes(spans(list), 8).map(({ service, selfNs }) => [service, selfNs])).toEqual(
        want,
      ),
    );
  check("no spans", [], []);
  check("one span", [["a", "", "web", 0, 10]], [["web", 10]]);
  check(
    "a child in another service",
    [
      ["a", "", "web", 0, 10],
      ["b", "a", "db", 2, 9],
    ],
    [
      ["db", 7],
      ["web", 3],
    ],
  );
  check(
    "children that overlap are taken off once",
    [
      ["a", "", "web", 0, 10],
      ["b", "a", "db", 1, 5],
      ["c", "a", "db", 3, 8],
    ],
    [
      ["db", 9],
      ["web", 3],
    ],
  );
  check(
    "a child that sticks out",
    [
      ["a", "", "web", 5, 10],
      ["b", "a", "mail", 0, 20],
    ],
    [
      ["mail", 20],
      ["web", 0],
    ],
  );
  check("its own parent", [["a", "a", "web", 0, 10]], [["web", 10]]);
  check(
    "stored twice",
    [
      ["a", "", "web", 0, 10],
      ["b", "a", "db", 2, 9],
      ["b", "a", "db", 2, 9],
    ],
    [
      ["db", 7],
      ["web", 3],
    ],
  );
  check("a parent that is missing", [["b", "x", "db", 2, 9]], [["db", 7]]);
});

test("a union within bounds", () => {
  expect(
    unionLength(
      [
        [0, 2],
        [1, 3],
        [5, 9],
        [20, 30],
      ],
      [1, 8],
    ),
  ).toBe(5);
  expect(unionLength([], [0, 5])).toBe(0);
});
