/**
 * Structural operators: which spans of the right side stand in a relation to one of the left side, in n log n and in
 * steps.
 */
import type { StructuralOp } from "./ast.ts";
import type { Structure } from "./structure.ts";

type Rows = readonly number[];

export function* related(
  op: StructuralOp,
  sides: { left: Rows; right: Rows },
  tree: Structure,
): Generator<void, number[]> {
  const { left, right } = sides;
  if (op.startsWith("!")) {
    const found = new Set(relation(op.slice(1), left, right, tree));
    yield;
    return right.filter((row) => !found.has(row));
  }
  if (!op.startsWith("&")) return relation(op, left, right, tree);
  const plain = op.slice(1);
  const inverse = plain.replace(/[<>]/g, (c) => (c === "<" ? ">" : "<"));
  const there = relation(plain, left, right, tree);
  yield;
  const back = relation(inverse, right, left, tree);
  yield;
  return [...new Set([...there, ...back])].sort((a, b) => a - b);
}

function relation(op: string, left: Rows, right: Rows, tree: Structure): number[] {
  switch (op) {
    case ">":
      return children(left, right, tree);
    case "<":
      return parents(left, right, tree);
    case ">>":
      return descendants(left, right, tree);
    case "<<":
      return ancestors(left, right, tree);
    default:
      return siblings(left, right, tree);
  }
}

function children(left: Rows, right: Rows, { parentRow }: Structure): number[] {
  const of = new Set(left);
  return right.filter((row) => of.has(parentRow[row] as number));
}

function parents(left: Rows, right: Rows, { parentRow }: Structure): number[] {
  const above = new Set<number>();
  for (const row of left) above.add(parentRow[row] as number);
  return right.filter((row) => above.has(row));
}

/**
 * Sets are nested or apart. So of all sets of the left side that begin before a span's, it is enough to know the
 * largest end: when it lies behind the span's end, that set holds the span.
 */
function descendants(left: Rows, right: Rows, tree: Structure): number[] {
  const sorted = placed(left, tree);
  const ends = new Int32Array(sorted.length);
  let largest = 0;
  for (const [i, row] of sorted.entries()) {
    largest = Math.max(largest, tree.right[row] as number);
    ends[i] = largest;
  }
  return right.filter((row) => {
    const at = tree.left[row] as number;
    if (at === 0) return false;
    const before = firstFrom(sorted, at, tree);
    return before > 0 && (ends[before - 1] as number) > (tree.right[row] as number);
  });
}

function ancestors(left: Rows, right: Rows, tree: Structure): number[] {
  const sorted = placed(left, tree);
  return right.filter((row) => {
    const at = tree.left[row] as number;
    if (at === 0) return false;
    const next = sorted[firstFrom(sorted, at + 1, tree)];
    return next !== undefined && (tree.left[next] as number) < (tree.right[row] as number);
  });
}

function siblings(left: Rows, right: Rows, { parent }: Structure): number[] {
  const counts = new Map<number, number>();
  for (const row of left) {
    const key = parent[row] as number;
    // Roots, and spans whose parent is not known, have no siblings.
    if (key > 0) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const among = new Set(left);
  return right.filter((row) => {
    const count = counts.get(parent[row] as number) ?? 0;
    // Nothing is its own sibling.
    return count > (among.has(row) ? 1 : 0);
  });
}

/** The spans that have a place in a tree, by that place. */
function placed(rows: Rows, { left }: Structure): number[] {
  return rows
    .filter((row) => left[row] !== 0)
    .sort((a, b) => (left[a] as number) - (left[b] as number));
}

/** Index of the first of `sorted` whose place is at least `place`. */
function firstFrom(sorted: Rows, place: number, { left }: Structure): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((left[sorted[middle] as number] as number) < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
