import { describe, expect, test } from "vitest";
import {
  type CompareRow,
  compareSteps,
  type ComparedSpan,
  measureSteps,
  median,
} from "./compare.ts";
import { finishSteps } from "./forest.ts";

/** `[id, parent, start, end, name, failed?]`. */
type Line = readonly [string, string, number, number, string, true?];
const measured = (lines: readonly Line[]) =>
  finishSteps(
    measureSteps(
      lines.map(
        ([spanId, parentSpanId, from, to, name, failed]): ComparedSpan => ({
          spanId,
          parentSpanId,
          offsetNs: from,
          durationNs: to - from,
          service: "shop",
          name,
          kind: "internal",
          failed: failed === true,
        }),
      ),
    ),
  );
const compare = (here: readonly Line[], ...there: readonly (readonly Line[])[]) =>
  finishSteps(compareSteps(measured(here), there.map(measured)));
const side = (of: CompareRow["here"]) =>
  of === undefined ? "-" : `${of.spans}x${of.durationNs}/${of.selfNs}/${of.criticalNs}`;
const shown = (rows: readonly CompareRow[]) =>
  rows.map(
    (row) =>
      `${" ".repeat(row.depth)}${row.name}${row.position > 0 ? `#${row.position}` : ""} ${side(row.here)} ${side(row.there)}`,
  );

const base: Line[] = [
  ["r", "", 0, 100, "buy"],
  ["a", "r", 10, 30, "pay"],
  ["b", "r", 40, 90, "ship"],
];

describe("rows", () => {
  const check = (
    name: string,
    here: readonly Line[],
    there: readonly (readonly Line[])[],
    want: string[],
  ) => test(name, () => expect(shown(compare(here, ...there))).toEqual(want));
  check(
    "a trace beside itself",
    base,
    [base],
    ["buy 1x100/30/30 1x100/30/30", " pay 1x20/20/20 1x20/20/20", " ship 1x50/50/50 1x50/50/50"],
  );
  check(
    "missing and new",
    base,
    [
      [
        ["r", "", 0, 50, "buy"],
        ["x", "r", 0, 10, "mail"],
      ],
    ],
    ["buy 1x100/30/30 1x50/40/40", " pay 1x20/20/20 -", " ship 1x50/50/50 -", " mail - 1x10/10/10"],
  );
  check(
    "alike siblings by position",
    [
      ["r", "", 0, 9, "buy"],
      ["a", "r", 0, 2, "q"],
      ["b", "r", 3, 8, "q"],
    ],
    [
      [
        ["r", "", 0, 4, "buy"],
        ["a", "r", 0, 2, "q"],
      ],
    ],
    ["buy 1x9/2/2 1x4/2/2", " q#1 1x2/2/2 1x2/2/2", " q#2 1x5/5/5 -"],
  );
  const many = (n: number): Line[] => [
    ["r", "", 0, 100, "buy"],
    ...Array.from({ length: n }, (_, i): Line => [`${i}`, "r", i * 10, i * 10 + 5, "q"]),
  ];
  check(
    "many alike siblings are one row",
    many(8),
    [many(2)],
    ["buy 1x100/60/60 1x100/90/90", " q 8x40/40/40 2x10/10/10"],
  );
  check(
    "medians of many traces",
    many(2),
    [many(1), many(3), many(9)],
    ["buy 1x100/90/90 1x100/85/85", " q 2x10/10/10 3x15/15/15"],
  );
  check(
    "nothing beside it",
    base,
    [],
    ["buy 1x100/30/30 -", " pay 1x20/20/20 -", " ship 1x50/50/50 -"],
  );
});

test("differences on the critical path add up to the difference of the traces", () => {
  const rows = compare(base, [
    ["r", "", 0, 37, "buy"],
    ["a", "r", 3, 30, "pay"],
    ["x", "r", 31, 35, "y"],
  ]);
  const sum = rows.reduce(
    (s, row) => s + (row.here?.criticalNs ?? 0) - (row.there?.criticalNs ?? 0),
    0,
  );
  expect(sum).toBe(100 - 37);
});

test("how many of the traces have a row", () => {
  const rows = compare(base, base, [["r", "", 0, 5, "buy"]]);
  expect(rows.map((row) => row.there?.traces)).toEqual([2, 1, 1]);
});

test("a chain of 5,000 spans", () => {
  const chain = Array.from(
    { length: 5_000 },
    (_, i): Line => [`${i}`, i === 0 ? "" : `${i - 1}`, 0, 10, "x"],
  );
  expect(compare(chain, chain)).toHaveLength(5_000);
});

test("median", () => {
  expect(median([3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});
