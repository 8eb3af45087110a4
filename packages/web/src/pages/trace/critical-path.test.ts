import { describe, expect, test } from "vitest";
import { criticalPath, criticalTimes } from "./critical-path.ts";
import { type Line, traceOf } from "./trace-fixture.ts";
import { buildTree } from "./trace-tree.ts";

const path = (lines: readonly Line[]) =>
  criticalPath(buildTree(traceOf(lines)))
    .map((part) => `${lines[part.span]?.[0]} ${part.from}-${part.to}`)
    .join(", ");

describe("critical path", () => {
  const check = (name: string, lines: Line[], want: string) =>
    test(name, () => expect(path(lines)).toBe(want));
  check("one span", [["a", "", 0, 9]], "a 0-9");
  check(
    "a child in the middle",
    [
      ["a", "", 0, 9],
      ["b", "a", 2, 5],
    ],
    "a 0-2, b 2-5, a 5-9",
  );
  check(
    "one after the other",
    [
      ["a", "", 0, 9],
      ["b", "a", 1, 3],
      ["c", "a", 5, 8],
    ],
    "a 0-1, b 1-3, a 3-5, c 5-8, a 8-9",
  );
  check(
    "of parallel ones the last to finish",
    [
      ["a", "", 0, 9],
      ["b", "a", 1, 6],
      ["c", "a", 1, 8],
    ],
    "a 0-1, c 1-8, a 8-9",
  );
  check(
    "a child still running when the next begins counts until then",
    [
      ["a", "", 0, 9],
      ["b", "a", 1, 6],
      ["c", "a", 5, 8],
    ],
    "a 0-1, b 1-5, c 5-8, a 8-9",
  );
  check(
    "grandchildren",
    [
      ["a", "", 0, 9],
      ["b", "a", 1, 8],
      ["c", "b", 2, 7],
    ],
    "a 0-1, b 1-2, c 2-7, b 7-8, a 8-9",
  );
  check(
    "a child that outlives its parent inside the tree is clipped",
    [
      ["a", "", 0, 10],
      ["b", "a", 1, 5],
      ["c", "b", 3, 8],
    ],
    "a 0-1, b 1-3, c 3-5, a 5-10",
  );
  check(
    "a span that outlives the root carries the rest",
    [
      ["a", "", 0, 5],
      ["b", "a", 3, 9],
    ],
    "a 0-3, b 3-5, b 5-9",
  );
  check(
    "work that starts after the root",
    [
      ["a", "", 0, 5],
      ["b", "a", 6, 9],
    ],
    "a 0-5, b 6-9",
  );
  check(
    "two roots in a row",
    [
      ["a", "", 0, 3],
      ["b", "", 4, 9],
    ],
    "a 0-3, b 4-9",
  );
  check(
    "a child that starts early is clipped",
    [
      ["a", "", 2, 9],
      ["b", "a", 0, 5],
    ],
    "b 2-5, a 5-9",
  );
  check(
    "spans without length do not disturb",
    [
      ["a", "", 0, 9],
      ["b", "a", 4, 4],
    ],
    "a 0-9",
  );
});

test("parts cover a well-formed trace exactly once", () => {
  const lines: Line[] = [["r", "", 0, 1000]];
  for (let i = 0; i < 300; i++) {
    const parent = i < 20 ? "r" : `${i % 20}`;
    const start = (i * 37) % 900;
    lines.push([`${i}`, parent, start, start + 1 + ((i * 53) % 100)]);
  }
  const tree = buildTree(traceOf(lines));
  const parts = criticalPath(tree);
  let cursor = 0;
  for (const part of parts) {
    expect(part.from).toBe(cursor);
    cursor = part.to;
  }
  expect(cursor).toBe(tree.totalNs);
  const sum = criticalTimes(parts, lines.length).reduce((a, b) => a + b, 0);
  expect(sum).toBe(1000);
});

test("a chain of 20,000 spans does not exhaust the stack", () => {
  const lines = Array.from(
    { length: 20_000 },
    (_, i): Line => [`${i}`, i === 0 ? "" : `${i - 1}`, i, 50_000 - i],
  );
  expect(criticalPath(buildTree(traceOf(lines)))).toHaveLength(39_999);
});
