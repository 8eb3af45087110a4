import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { criticalPath, criticalTimes, isAsyncKind } from "./critical-path.ts";
import { buildForest } from "./forest.ts";

/** `[id, parent, start, end, kind?]`. */
type Line = readonly [id: string, parent: string, start: number, end: number, kind?: string];

const forestOf = (lines: readonly Line[]) =>
  buildForest(
    lines.map(([spanId, parentSpanId, offsetNs, to]) => ({
      spanId,
      parentSpanId,
      offsetNs,
      durationNs: to - offsetNs,
    })),
  );
const path = (lines: readonly Line[]) =>
  criticalPath(forestOf(lines), (span) => isAsyncKind(lines[span]?.[4] ?? ""))
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
    "what was still running when the next began is not what it waited for",
    [
      ["a", "", 0, 9],
      ["b", "a", 1, 6],
      ["c", "a", 5, 8],
    ],
    "a 0-5, c 5-8, a 8-9",
  );
  check(
    "then the one before it may be",
    [
      ["a", "", 0, 9],
      ["b", "a", 1, 6],
      ["c", "a", 5, 8],
      ["d", "a", 0, 3],
    ],
    "d 0-3, a 3-5, c 5-8, a 8-9",
  );
  check(
    "a child that ends a little late counts until the next begins",
    [
      ["a", "", 0, 900],
      ["b", "a", 100, 510],
      ["c", "a", 500, 800],
    ],
    "a 0-100, b 100-500, c 500-800, a 800-900",
  );
  check(
    "messages and all below them are not waited for",
    [
      ["a", "", 0, 9],
      ["b", "a", 1, 8, "producer"],
      ["c", "b", 2, 7],
      ["d", "a", 3, 4],
    ],
    "a 0-3, d 3-4, a 4-9",
  );
  check(
    "but a root may be one, and what outlives the root carries the rest",
    [
      ["a", "", 0, 9, "consumer"],
      ["b", "a", 5, 20, "consumer"],
    ],
    "a 0-9, b 9-20",
  );
  check(
    "a span outside of its parent is not on its path",
    [
      ["a", "", 10, 20],
      ["b", "a", 0, 5],
      ["c", "a", 12, 30],
    ],
    "a 10-12, c 12-20, c 20-30",
  );
  check(
    "a child as long as its parent on both sides",
    [
      ["a", "", 5, 10],
      ["b", "a", 0, 10],
      ["c", "b", 2, 8],
    ],
    "c 5-8, b 8-10",
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
  const tree = forestOf(lines);
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
  expect(criticalPath(forestOf(lines))).toHaveLength(39_999);
});

test("whatever the spans are like, parts never overlap and fill each root", () => {
  const kinds = ["internal", "client", "server", "producer", "consumer"];
  const spans = fc.array(
    fc.record({ parent: fc.nat(), start: fc.nat(100), length: fc.nat(60), kind: fc.nat(4) }),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(spans, (list) => {
      const lines = list.map(
        (span, i): Line => [
          `${i}`,
          i === 0 ? "" : `${span.parent % i}`,
          span.start,
          span.start + span.length,
          kinds[span.kind] ?? "",
        ],
      );
      const forest = forestOf(lines);
      const parts = criticalPath(forest, (span) => isAsyncKind(lines[span]?.[4] ?? ""));
      let until = 0;
      for (const { span, from, to } of parts) {
        expect(from).toBeGreaterThanOrEqual(until);
        expect(to).toBeGreaterThan(from);
        expect(from).toBeGreaterThanOrEqual(lines[span]?.[2] ?? 0);
        expect(to).toBeLessThanOrEqual(lines[span]?.[3] ?? 0);
        until = to;
      }
      const [, , from = 0, to = 0] = lines[0] ?? [];
      const within = parts.reduce(
        (sum, part) => sum + Math.max(0, Math.min(part.to, to) - Math.max(part.from, from)),
        0,
      );
      expect(within).toBe(to - from);
    }),
  );
});
