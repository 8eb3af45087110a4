import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clockSkew, SKEW_NS_MAX } from "./clock-skew.ts";
import { buildForest } from "./forest.ts";

/** `[id, parent, start, end, host, kind?]`; a host that begins with "?" is only a service. */
type Line = readonly [string, string, number, number, string, string?];
const skew = (lines: readonly Line[]) => {
  const forest = buildForest(
    lines.map(([spanId, parentSpanId, offsetNs, to]) => ({
      spanId,
      parentSpanId,
      offsetNs,
      durationNs: to - offsetNs,
    })),
  );
  const field = (i: number, at: 4 | 5) => lines[i]?.[at] ?? "";
  return clockSkew({
    forest,
    hostOf: (i) => (field(i, 4).startsWith("?") ? "" : field(i, 4)),
    serviceOf: (i) => field(i, 4),
    kindOf: (i) => field(i, 5),
  });
};

describe("shifts", () => {
  const check = (name: string, lines: readonly Line[], want: readonly number[]) =>
    test(name, () => expect([...skew(lines).shiftNs]).toEqual(want));
  check(
    "a child that fits",
    [
      ["a", "", 0, 10, "x"],
      ["b", "a", 2, 8, "y"],
    ],
    [0, 0],
  );
  check(
    "early: into the middle",
    [
      ["a", "", 10, 20, "x"],
      ["b", "a", 0, 4, "y"],
    ],
    [0, 13],
  );
  check(
    "late: into the middle",
    [
      ["a", "", 0, 10, "x"],
      ["b", "a", 50, 54, "y"],
    ],
    [0, -47],
  );
  check(
    "on the same host nothing moves",
    [
      ["a", "", 10, 20, "x"],
      ["b", "a", 0, 4, "x"],
    ],
    [0, 0],
  );
  check(
    "without hosts the service decides",
    [
      ["a", "", 10, 20, "?s"],
      ["b", "a", 0, 4, "?s"],
      ["c", "a", 0, 4, "?t"],
    ],
    [0, 0, 13],
  );
  check(
    "a longer child starts with its parent",
    [
      ["a", "", 10, 20, "x"],
      ["b", "a", 0, 40, "y"],
    ],
    [0, 10],
  );
  check(
    "a longer child that starts later stays",
    [
      ["a", "", 10, 20, "x"],
      ["b", "a", 15, 90, "y"],
    ],
    [0, 0],
  );
  check(
    "what lies below on the same host moves along",
    [
      ["a", "", 10, 20, "x"],
      ["b", "a", 0, 4, "y"],
      ["c", "b", 1, 3, "y"],
    ],
    [0, 13, 13],
  );
  check(
    "a third host is looked at after its parent moved",
    [
      ["a", "", 10, 20, "x"],
      ["b", "a", 0, 4, "y"],
      ["c", "b", 14, 16, "z"],
    ],
    [0, 13, 0],
  );
  check(
    "a message may be received late",
    [
      ["a", "", 0, 10, "x", "producer"],
      ["b", "a", 50, 54, "y", "consumer"],
    ],
    [0, 0],
  );
  check(
    "but not before it was sent",
    [
      ["a", "", 10, 20, "x", "producer"],
      ["b", "a", 5, 9, "y", "consumer"],
    ],
    [0, 5],
  );
  check("a parent that is not here", [["b", "a", 0, 4, "y"]], [0]);
});

test("what is too much to be a clock stays, and is told", () => {
  const far = SKEW_NS_MAX * 2;
  const found = skew([
    ["a", "", far, far + 10, "x"],
    ["b", "a", 0, 4, "y"],
  ]);
  expect([...found.shiftNs]).toEqual([0, 0]);
  expect([...found.refusedNs]).toEqual([[1, far + 3]]);
  expect(found.shifted).toBe(0);
});

test("after shifting every child that fits lies within its parent, and shifting again changes nothing", () => {
  const spans = fc.array(
    fc.record({ parent: fc.nat(), start: fc.nat(1000), length: fc.nat(500), host: fc.nat(4) }),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(spans, (list) => {
      const lines = list.map(
        (span, i): Line => [
          `${i}`,
          i === 0 ? "" : `${span.parent % i}`,
          span.start,
          span.start + span.length,
          `h${span.host}`,
        ],
      );
      const { shiftNs } = skew(lines);
      const moved = lines.map(([id, parent, from, to, host], i): Line => {
        const by = shiftNs[i] ?? 0;
        return [id, parent, from + by, to + by, host];
      });
      moved.forEach(([, parent, from, to, host], i) => {
        const above = i === 0 ? undefined : moved[Number(parent)];
        if (above === undefined || above[4] === host) return;
        expect(from).toBeGreaterThanOrEqual(above[2]);
        if (to - from <= above[3] - above[2]) expect(to).toBeLessThanOrEqual(above[3]);
      });
      expect(skew(moved).shifted).toBe(0);
    }),
  );
});
