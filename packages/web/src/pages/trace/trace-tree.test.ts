import { selfIntervals } from "@triptych/lang";
import { describe, expect, test } from "vitest";
import { type Line, shownOf } from "./trace-fixture.ts";
import { buildTree, oddities, selfTimeByService } from "./trace-tree.ts";

const ids = (lines: readonly Line[], indices: Iterable<number>) =>
  [...indices].map((i) => lines[i]?.[0]);

describe("order", () => {
  const check = (name: string, lines: Line[], want: string[]) =>
    test(name, () => expect(ids(lines, buildTree(shownOf(lines)).order)).toEqual(want));
  check(
    "children by start",
    [
      ["a", "", 0, 9],
      ["c", "a", 5, 6],
      ["b", "a", 1, 2],
    ],
    ["a", "b", "c"],
  );
  check(
    "orphans stand at the top",
    [
      ["a", "", 0, 9],
      ["b", "gone", 1, 2],
      ["c", "b", 1, 2],
    ],
    ["a", "b", "c"],
  );
  check(
    "several roots",
    [
      ["a", "", 0, 3],
      ["b", "", 4, 9],
    ],
    ["a", "b"],
  );
  check("its own parent", [["a", "a", 0, 3]], ["a"]);
  check(
    "a circle is cut once",
    [
      ["a", "b", 0, 3],
      ["b", "a", 1, 3],
    ],
    ["b", "a"],
  );
  check(
    "the same id twice",
    [
      ["a", "", 0, 9],
      ["a", "", 1, 2],
      ["b", "a", 3, 4],
    ],
    ["a", "b", "a"],
  );
});

test("a chain of 20,000 spans", () => {
  const lines = Array.from(
    { length: 20_000 },
    (_, i): Line => [`${i}`, i === 0 ? "" : `${i - 1}`, i, 40_000 - i],
  );
  const tree = buildTree(shownOf(lines));
  expect(tree.depthMax).toBe(19_999);
  expect(tree.after[0]).toBe(20_000);
});

describe("self time", () => {
  const check = (name: string, lines: Line[], want: [number, number][]) =>
    test(name, () => expect(selfIntervals(buildTree(shownOf(lines)), 0)).toEqual(want));
  check("no children", [["a", "", 2, 9]], [[2, 9]]);
  check(
    "overlapping children count once",
    [
      ["a", "", 0, 10],
      ["b", "a", 2, 5],
      ["c", "a", 4, 7],
    ],
    [
      [0, 2],
      [7, 10],
    ],
  );
  check(
    "children outside are clipped",
    [
      ["a", "", 2, 8],
      ["b", "a", 0, 4],
      ["c", "a", 7, 20],
    ],
    [[4, 7]],
  );
  check(
    "a child after the end takes nothing",
    [
      ["a", "", 0, 4],
      ["b", "a", 6, 9],
    ],
    [[0, 4]],
  );
  check(
    "covered whole",
    [
      ["a", "", 0, 4],
      ["b", "a", 0, 4],
    ],
    [],
  );
});

test("self time by service, largest first", () => {
  const tree = buildTree(
    shownOf([
      ["a", "", 0, 10, "gateway"],
      ["b", "a", 1, 9, "orders"],
      ["c", "b", 2, 4, "gateway"],
    ]),
  );
  expect(selfTimeByService(tree)).toEqual([
    { service: "orders", ns: 6, spans: 1 },
    { service: "gateway", ns: 4, spans: 2 },
  ]);
});

test("what was left out of a span is said", () => {
  const trace = shownOf([["a", "", 0, 3]]);
  const dropped = { attributes: 5, events: 0, links: 2 };
  const spans = trace.spans.map((span) => ({ ...span, dropped }));
  expect(oddities(buildTree({ ...trace, spans }), 0, String)).toEqual([
    "Not kept, because the sender or a limit left them out: 5 attributes, 2 links.",
  ]);
});

describe("oddities are said", () => {
  const check = (name: string, lines: Line[], index: number, want: RegExp) =>
    test(name, () =>
      expect(oddities(buildTree(shownOf(lines)), index, (ns) => `${ns} ns`).join(" ")).toMatch(
        want,
      ),
    );
  check("orphan", [["a", "gone", 0, 1]], 0, /parent gone has not been received/);
  check(
    "clock",
    [
      ["a", "", 5, 9],
      ["b", "a", 3, 6],
    ],
    1,
    /starts 2 ns before its parent/,
  );
  check(
    "twin",
    [
      ["a", "", 0, 9],
      ["a", "", 1, 2],
    ],
    1,
    /same id/,
  );
  check(
    "circle",
    [
      ["a", "b", 0, 3],
      ["b", "a", 1, 3],
    ],
    1,
    /circle/,
  );
  check(
    "nothing",
    [
      ["a", "", 0, 9],
      ["b", "a", 3, 12],
    ],
    1,
    /^$/,
  );
});
