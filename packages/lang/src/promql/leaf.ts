/** Leaves that the source computes: the first steps from there, the rest from samples, and both together. */
import type { Matcher } from "../matcher.ts";
import { type PromqlExpr, selectorMatchers } from "./ast.ts";
import type { Evaluation } from "./evaluation.ts";
import { compareLabels } from "./labels.ts";
import { FLOAT, newRow, putValue, type Row, type RowBuilder, valueAt } from "./rows.ts";
import type { Grid, LeafAnswer, LeafFunction, LeafQuestion } from "./series.ts";

const leaves: ReadonlySet<string> = new Set<LeafFunction>([
  "last_over_time",
  "rate",
  "increase",
  "delta",
  "irate",
  "idelta",
]);

const isLeafFunction = (name: string): name is LeafFunction => leaves.has(name);

export interface Leaf {
  readonly leaf: LeafFunction;
  readonly matchers: readonly Matcher[];
  readonly rangeMs: number;
  readonly offsetMs: number;
  readonly dropName: boolean;
}

/** What a selector or a function of a range asks of each series, when it is a leaf. */
export function leafOf(evaluation: Evaluation, expr: PromqlExpr): Leaf | undefined {
  if (expr.kind === "vector_selector") {
    const { offsetMs, atMs } = evaluation.timeOf(expr);
    if (expr.extended !== undefined || atMs !== undefined) return undefined;
    const { lookbackMs: rangeMs } = evaluation;
    return {
      leaf: "instant",
      matchers: selectorMatchers(expr),
      rangeMs,
      offsetMs,
      dropName: false,
    };
  }
  if (expr.kind !== "call") return undefined;
  const [arg] = expr.args;
  const leaf = expr.func.name;
  if (arg?.kind !== "matrix_selector" || arg.selector.extended !== undefined) return undefined;
  const { offsetMs, atMs } = evaluation.timeOf(arg.selector);
  if (!isLeafFunction(leaf) || atMs !== undefined) return undefined;
  const dropName = leaf !== "last_over_time";
  const matchers = selectorMatchers(arg.selector);
  return { leaf, matchers, rangeMs: arg.rangeMs, offsetMs, dropName };
}

export const leafQuestion = (
  { leaf, matchers, rangeMs, offsetMs }: Leaf,
  grid: Grid,
): LeafQuestion => ({
  leaf,
  matchers,
  rangeMs,
  endMs: grid.startMs - offsetMs,
  stepMs: grid.stepMs,
  steps: grid.count,
});

/**
 * The rows of a leaf when the source computes its first steps; `undefined` when it does not. `rest` evaluates the steps
 * that are left.
 */
export async function leafRows(
  evaluation: Evaluation,
  what: Leaf,
  { grid, rest }: { readonly grid: Grid; readonly rest: (grid: Grid) => Promise<readonly Row[]> },
): Promise<Row[] | undefined> {
  const answer = await evaluation.leaf(leafQuestion(what, grid));
  if (answer === undefined || answer.steps === 0) return undefined;
  const { steps } = answer;
  const left = { ...grid, startMs: grid.startMs + steps * grid.stepMs, count: grid.count - steps };
  const later = left.count > 0 ? await rest(left) : [];
  evaluation.room(answer.rows.length + later.length, grid);
  if (left.count === 0) return answer.rows.map((row) => rowOf(row, what.dropName));
  return joined(answer, later, { grid, dropName: what.dropName });
}

/** Nobody else has the arrays. */
const rowOf = ({ labels, has, value }: LeafAnswer["rows"][number], dropName: boolean): Row => ({
  labels,
  dropName,
  kind: has,
  value,
  histograms: undefined,
});

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
