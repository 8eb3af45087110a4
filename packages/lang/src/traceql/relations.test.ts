import fc from "fast-check";
import { expect, test } from "vitest";
import { finishSteps } from "../trace/forest.ts";
import { structuralOps } from "./ast.ts";
import { related } from "./relations.ts";
import { structureOf } from "./structure.ts";
import type { SpanTable } from "./table.ts";

/** `parents[i]` is the row of a parent, or -1 for a root, or -2 for a parent that is not there. */
function tableOf(parents: readonly number[]): SpanTable {
  return {
    rows: parents.length,
    traceStarts: [0, parents.length],
    spanId: (row) => `s${row}`,
    parentId: (row) => {
      const parent = parents[row] as number;
      return parent === -1 ? "" : parent === -2 ? "lost" : `s${parent}`;
    },
    column: () => () => ({ type: "nil" }),
    items: () => () => [],
  };
}

/** The relations by their definition. */
function holds(op: string, left: number, right: number, parents: readonly number[]): boolean {
  const parent = (row: number): number => Math.max(-1, parents[row] as number);
  const above = (row: number): number[] => {
    const out: number[] = [];
    for (let at = parent(row); at >= 0; at = parent(at)) out.push(at);
    return out;
  };
  switch (op) {
    case ">":
      return parent(right) === left;
    case "<":
      return parent(left) === right;
    case ">>":
      return above(right).includes(left);
    case "<<":
      return above(left).includes(right);
    default:
      return left !== right && parent(left) >= 0 && parent(left) === parent(right);
  }
}

test("operators are what they are defined to be", () => {
  const tree = fc
    .array(fc.nat(), { minLength: 1, maxLength: 24 })
    .map((seeds) =>
      seeds.map((seed, row) =>
        row === 0 || seed % 7 === 0 ? -1 : seed % 11 === 0 ? -2 : seed % row,
      ),
    );
  const rows = fc.array(fc.nat(23), { maxLength: 12 });
  fc.assert(
    fc.property(
      tree,
      rows,
      rows,
      fc.constantFrom(...structuralOps),
      (parents, some, others, op) => {
        const within = (list: readonly number[]) =>
          [...new Set(list)].filter((row) => row < parents.length).sort((a, b) => a - b);
        const [left, right] = [within(some), within(others)];
        const structure = structureOf(tableOf(parents), () => false);
        const plain = op.replace(/^[!&]/, "");
        const matched = right.filter((r) => left.some((l) => holds(plain, l, r, parents)));
        const inverse = left.filter((l) => right.some((r) => holds(plain, l, r, parents)));
        const want = op.startsWith("!")
          ? right.filter((r) => !matched.includes(r))
          : op.startsWith("&")
            ? within([...matched, ...inverse])
            : matched;
        expect(finishSteps(related(op as ">", { left, right }, structure))).toEqual(want);
      },
    ),
  );
});

test("a chain of 100,000 spans, and circles", () => {
  const chain = Array.from({ length: 100_000 }, (_, row) => row - 1);
  const { left, right, parent } = structureOf(tableOf(chain), () => false);
  expect([left[0], right[0], parent[0], left[99_999]]).toEqual([1, 200_000, -1, 100_000]);
  const circle = structureOf(tableOf([1, 0, -1]), () => false);
  expect([...circle.left]).toEqual([0, 0, 1]);
});
