/** Leaves that the source computes: the first steps from there, the rest from samples, and both together. */
import type { Matcher } from "../matcher.ts";
import type { Evaluation } from "./evaluation.ts";
import { compareLabels } from "./labels.ts";
import { FLOAT, newRow, putValue, type Row, type RowBuilder, valueAt } from "./rows.ts";
import type { Grid, LeafAnswer, LeafFunction } from "./series.ts";

const leaves: ReadonlySet<string> = new Set<LeafFunction>([
  "last_over_time",
  "rate",
  "increase",
  "delta",
  "irate",
  "idelta",
]);

export const isLeafFunction = (name: string): name is LeafFunction => leaves.has(name);

export interface Leaf {
  readonly leaf: LeafFunction;
  readonly matchers: readonly Matcher[];
  readonly rangeMs: number;
  readonly offsetMs: number;
  readonly dropName: boolean;
}

/**
 * The rows of a leaf when the source computes its first steps; `undefined` when it does not. `rest` evaluates the steps
 * that are left.
 */
export async function leafRows(
  evaluation: Evaluation,
  what: Leaf,
  { grid, rest }: { readonly grid: Grid; readonly rest: (grid: Grid) => Promise<readonly Row[]> },
): Promise<Row[] | undefined> {
  const { leaf, matchers, rangeMs } = what;
  const answer = await evaluation.leaf({
    leaf,
    matchers,
    rangeMs,
    endMs: grid.startMs - what.offsetMs,
    stepMs: grid.stepMs,
    steps: grid.count,
  });
  if (answer === undefined || answer.steps === 0) return undefined;
  const { steps } = answer;
  const left = { ...grid, startMs: grid.startMs + steps * grid.stepMs, count: grid.count - steps };
  const later = left.count > 0 ? await rest(left) : [];
  evaluation.room(answer.rows.length + later.length, grid);
  return joined(answer, later, { grid, dropName: what.dropName });
}

function joined(
  { rows, steps }: LeafAnswer,
  later: readonly Row[],
  { grid, dropName }: { readonly grid: Grid; readonly dropName: boolean },
): Row[] {
  const out = new Map<string, RowBuilder>();
  for (const { labels, has, value } of rows) {
    const row = newRow(labels, dropName, grid.count);
    for (let step = 0; step < steps; step++) {
      if (has[step] === 0) continue;
      row.kind[step] = FLOAT;
      row.value[step] = value[step] as number;
    }
    out.set(labels.key, row);
  }
  for (const row of later) {
    const into = out.get(row.labels.key) ?? newRow(row.labels, row.dropName, grid.count);
    out.set(row.labels.key, into);
    for (let step = 0; step < row.kind.length; step++) {
      const value = valueAt(row, step);
      if (value !== undefined) putValue(into, steps + step, value);
    }
  }
  return [...out.values()].sort((a, b) => compareLabels(a.labels, b.labels));
}
