/**
 * The tree of each trace, as nested sets: a span's `left` is smaller and its `right` larger than those of all spans
 * below it. Spans whose parent is not there begin trees of their own, but are no roots.
 */
import { finishSteps } from "../trace/forest.ts";
import type { SpanTable } from "./table.ts";

export interface Structure {
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** `left` of the parent; -1 for a root, 0 when the parent is not known. */
  readonly parent: Int32Array;
  /** Row of the parent or -1. */
  readonly parentRow: Int32Array;
  readonly childCount: Int32Array;
}

/** Rows that are looked at in one step: some milliseconds at most. */
const STEP_ROWS = 4096;

/** `isServer` tells the two apart that share an id, as Zipkin's clients and servers do. */
export function structureOf(table: SpanTable, isServer: (row: number) => boolean): Structure {
  return finishSteps(structureSteps(table, isServer));
}

/** The same in steps. */
export function* structureSteps(
  table: SpanTable,
  isServer: (row: number) => boolean,
): Generator<void, Structure> {
  const { rows } = table;
  const structure: Structure = {
    left: new Int32Array(rows),
    right: new Int32Array(rows),
    parent: new Int32Array(rows),
    parentRow: new Int32Array(rows).fill(-1),
    childCount: new Int32Array(rows),
  };
  for (let i = 0; i + 1 < table.traceStarts.length; i++) {
    const range = {
      first: table.traceStarts[i] as number,
      end: table.traceStarts[i + 1] as number,
    };
    if (yield* findParents(table, range, { structure, isServer }))
      yield* number(table, range, structure);
  }
  return structure;
}

interface Rows {
  readonly first: number;
  readonly end: number;
}

/** False when more than two spans share an id: such a trace has no tree. */
function* findParents(
  table: SpanTable,
  { first, end }: Rows,
  to: { readonly structure: Structure; readonly isServer: (row: number) => boolean },
): Generator<void, boolean> {
  const { parentRow, childCount } = to.structure;
  const byId = new Map<string, number>();
  const twins = new Map<string, number>();
  for (let row = first; row < end; row++) {
    if ((row - first) % STEP_ROWS === STEP_ROWS - 1) yield;
    const id = table.spanId(row);
    if (id === "") continue;
    if (!byId.has(id)) byId.set(id, row);
    else if (twins.has(id)) return false;
    else twins.set(id, row);
  }
  for (let row = first; row < end; row++) {
    if ((row - first) % STEP_ROWS === STEP_ROWS - 1) yield;
    const parent = parentOf(row);
    if (parent < 0 || parent === row) continue;
    parentRow[row] = parent;
    childCount[parent] = (childCount[parent] as number) + 1;
  }
  return true;

  function parentOf(row: number): number {
    const id = table.spanId(row);
    if (id === "") return -1;
    const twin = twins.get(id);
    // Of two with the same id the server is the client's child.
    if (twin !== undefined && to.isServer(row)) {
      const other = twin === row ? (byId.get(id) as number) : twin;
      if (!to.isServer(other)) return other;
    }
    const wanted = table.parentId(row);
    const one = wanted === "" ? undefined : byId.get(wanted);
    if (one === undefined) return -1;
    const two = twins.get(wanted);
    return two !== undefined && two !== row && to.isServer(two) ? two : one;
  }
}

/** Goes through the trees without recursion: a trace can be one chain of 100,000 spans. */
function* number(
  table: SpanTable,
  { first, end }: Rows,
  structure: Structure,
): Generator<void, void> {
  const { left, right, parent, parentRow } = structure;
  // Children as linked lists; filled from the back, so that each list is in the order of rows.
  const firstChild = new Int32Array(end - first).fill(-1);
  const nextSibling = new Int32Array(end - first).fill(-1);
  for (let row = end - 1; row >= first; row--) {
    const above = parentRow[row] as number;
    if (above < 0) continue;
    nextSibling[row - first] = firstChild[above - first] as number;
    firstChild[above - first] = row;
  }
  let bound = 1;
  const begin = function* (row: number): Generator<void, void> {
    parent[row] = table.parentId(row) === "" ? -1 : 0;
    let at = row;
    left[at] = bound++;
    for (;;) {
      if (bound % STEP_ROWS === 0) yield;
      const child = firstChild[at - first] as number;
      if (child >= 0) {
        // Each child is visited once: the list gives way as it is walked.
        firstChild[at - first] = nextSibling[child - first] as number;
        parent[child] = left[at] as number;
        left[child] = bound++;
        at = child;
        continue;
      }
      right[at] = bound++;
      if (at === row) return;
      at = parentRow[at] as number;
    }
  };
  const isTop = (row: number): boolean => parentRow[row] === -1 && table.spanId(row) !== "";
  // Roots with children come first: a stray span without any must not move the places of the trace itself.
  const tops: number[][] = [[], [], []];
  for (let row = first; row < end; row++) {
    if ((row - first) % STEP_ROWS === STEP_ROWS - 1) yield;
    if (!isTop(row)) continue;
    const isRoot = table.parentId(row) === "";
    tops[!isRoot ? 2 : (structure.childCount[row] as number) > 0 ? 0 : 1]?.push(row);
  }
  for (const row of tops.flat()) yield* begin(row);
}
