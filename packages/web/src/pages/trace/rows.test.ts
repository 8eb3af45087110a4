import { describe, expect, test } from "vitest";
import { findSpans, type RowChoices, revealing, visibleRows } from "./rows.ts";
import { type Line, shownOf } from "./trace-fixture.ts";
import { buildTree } from "./trace-tree.ts";

const lines: Line[] = [
  ["a", "", 0, 100],
  ["b", "a", 1, 90],
  ["c", "b", 2, 50],
  ["d", "a", 91, 99],
];
const tree = buildTree(
  shownOf(lines, (span) => (span.spanId === "c" ? { ...span, status: "error" } : span)),
);
const choices = (change: Partial<RowChoices> = {}): RowChoices => ({
  show: "all",
  onPath: (i) => i === 0 || i === 3,
  depth: 99,
  toggled: new Set(),
  ...change,
});

describe("rows", () => {
  const check = (name: string, change: Partial<RowChoices>, want: string) =>
    test(name, () =>
      expect(
        visibleRows(tree, choices(change))
          .map((row) => lines[row.span]?.[0])
          .join(""),
      ).toBe(want),
    );
  check("all", {}, "abcd");
  check("folded by hand", { toggled: new Set(["b"]) }, "abd");
  check("folded by depth", { depth: 1 }, "abd");
  check("folded by depth, opened by hand", { depth: 1, toggled: new Set(["b"]) }, "abcd");
  check("errors with their parents", { show: "errors" }, "abc");
  check("critical path", { show: "critical" }, "ad");
});

describe("alike siblings", () => {
  const many: Line[] = [
    ["r", "", 0, 100],
    ...Array.from({ length: 8 }, (_, i): Line => [`q${i}`, "r", i, i + 1]),
  ];
  const repeated = buildTree(
    shownOf(many, (span) => (span.spanId === "r" ? span : { ...span, name: "SELECT stock" })),
  );
  test("are one row", () => {
    const rows = visibleRows(repeated, choices());
    expect(rows).toHaveLength(2);
    expect(rows[1]?.alike).toHaveLength(8);
  });
  test("open on demand", () =>
    expect(visibleRows(repeated, choices({ toggled: new Set(["q0*"]) }))).toHaveLength(9));
});

test("revealing opens what is folded above", () => {
  const toggled = revealing(tree, 2, choices({ depth: 0 }));
  expect(visibleRows(tree, choices({ depth: 0, toggled })).map((row) => row.span)).toContain(2);
});
test("finding looks at names and attributes", () => expect(findSpans(tree, "OP C")).toEqual([2]));
test("finding nothing by nothing", () => expect(findSpans(tree, "  ")).toEqual([]));
