/**
 * Evaluates spanset pipelines over the spans of one trace at a time, in steps: a trace can have hundreds of thousands
 * of spans, and whoever evaluates it may have other things to do between two steps.
 */
import { TriptychError, unreachable } from "@triptych/model";
import { applied } from "./arithmetic.ts";
import type {
  Aggregate,
  Pipeline,
  Scalar,
  ScalarFilter,
  SpansetOperation,
  Spansets,
  Stage,
} from "./ast.ts";
import { type Bound, fieldColumn, groupColumn, isTrue, standingColumn } from "./field-eval.ts";
import { printField, printScalar } from "./printer.ts";
import { related } from "./relations.ts";
import { compareStatics, firstOf, isNumeric, keyOf, NIL, numberOf, type Static } from "./static.ts";
import type { Column } from "./table.ts";

export interface SpansetAttribute {
  readonly name: string;
  readonly value: Static;
}

/** Spans of a trace that belong together, by row, ascending; and what grouping and aggregates say of them. */
export interface Spanset {
  readonly rows: readonly number[];
  readonly attributes: readonly SpansetAttribute[];
}

export type Evaluate = (input: readonly Spanset[]) => Generator<void, Spanset[]>;

/** Rows that are looked at in one step: some milliseconds at most. */
const STEP_ROWS = 4096;

/** The pipeline over a table. Give it the spansets of one trace, to begin with one that has all its rows. */
export function pipelineOver(pipeline: Pipeline, bound: Bound): Evaluate {
  const stages = pipeline.stages.map((stage) => stageOver(stage, bound));
  return function* (input) {
    let sets = [...input];
    for (const stage of stages) {
      if (sets.length === 0) break;
      sets = yield* stage(sets);
    }
    return sets;
  };
}

/** All spans of a trace. */
export function wholeTrace(first: number, end: number): Spanset {
  return { rows: Array.from({ length: end - first }, (_, i) => first + i), attributes: [] };
}

function stageOver(stage: Stage, bound: Bound): Evaluate {
  switch (stage.kind) {
    case "filter": {
      const column = fieldColumn(stage.expr, bound);
      return function* (input) {
        const out: Spanset[] = [];
        for (const set of input) {
          const rows = yield* rowsWhere(set.rows, (row) => isTrue(column(row)));
          if (rows.length > 0) out.push({ ...set, rows });
        }
        return out;
      };
    }
    case "operation":
      return operationOver(stage, bound);
    case "group":
      return groupOver(`by(${printField(stage.expr)})`, groupColumn(stage.expr, bound));
    case "scalar_filter":
      return scalarFilterOver(stage, bound);
    case "coalesce":
      return function* (input) {
        return [{ rows: yield* unique(input), attributes: [] }];
      };
    case "select":
      // What is selected is read and shown; nothing is left out.
      // biome-ignore lint/correctness/useYield: all stages have one form
      return function* (input) {
        return [...input];
      };
    default:
      return unreachable(stage);
  }
}

function* rowsWhere(
  rows: readonly number[],
  fits: (row: number) => boolean,
): Generator<void, number[]> {
  const out: number[] = [];
  for (let from = 0; from < rows.length; from += STEP_ROWS) {
    if (from > 0) yield;
    const end = Math.min(from + STEP_ROWS, rows.length);
    for (let i = from; i < end; i++) if (fits(rows[i] as number)) out.push(rows[i] as number);
  }
  return out;
}

/** All rows of some spansets, each once, ascending. */
function* unique(...lists: readonly (readonly Spanset[])[]): Generator<void, number[]> {
  return yield* joined(lists.flatMap((sets) => sets.map(({ rows }) => rows)));
}

/** Each row once, ascending, as the lists are. */
function* joined(lists: readonly (readonly number[])[]): Generator<void, number[]> {
  const [a = [], b = [], ...more] = lists;
  if (more.length === 0) return merged(a, b);
  const all = Int32Array.from(lists.flat()).sort();
  yield;
  return [...all.filter((row, i) => row !== all[i - 1])];
}

function merged(a: readonly number[], b: readonly number[]): number[] {
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const x = a[i] ?? Number.POSITIVE_INFINITY;
    const y = b[j] ?? Number.POSITIVE_INFINITY;
    if (x <= y) i++;
    if (y <= x) j++;
    out.push(Math.min(x, y));
  }
  return out;
}

function spansetsOver(value: Spansets, bound: Bound): Evaluate {
  return value.kind === "pipeline" ? pipelineOver(value, bound) : stageOver(value, bound);
}

function operationOver({ op, left, right, span }: SpansetOperation, bound: Bound): Evaluate {
  const leftOf = spansetsOver(left, bound);
  const rightOf = spansetsOver(right, bound);
  function* rowsOf(set: Spanset): Generator<void, readonly number[]> {
    const a = yield* leftOf([set]);
    const b = yield* rightOf([set]);
    if (op === "&&") return a.length > 0 && b.length > 0 ? yield* unique(a, b) : [];
    if (op === "||") return yield* unique(a, b);
    if (a.length > 1 || b.length > 1)
      throw new TriptychError(
        "query_failed",
        `${op} needs one spanset on each side, but there are several per trace; put coalesce() before it`,
        { offset: span.start },
      );
    const sides = { left: a[0]?.rows ?? [], right: b[0]?.rows ?? [] };
    yield* bound.structureSteps();
    return yield* related(op, sides, bound.structure());
  }
  return function* (input) {
    const out: Spanset[] = [];
    for (const set of input) {
      const rows = yield* rowsOf(set);
      if (rows.length > 0) out.push({ ...set, rows });
    }
    return out;
  };
}

function groupOver(name: string, column: Column): Evaluate {
  return function* (input) {
    const out: Spanset[] = [];
    for (const set of input) {
      const groups = new Map<string, { value: Static; rows: number[] }>();
      for (const [i, row] of set.rows.entries()) {
        if (i % STEP_ROWS === STEP_ROWS - 1) yield;
        const value = column(row);
        const key = keyOf(value);
        const group = groups.get(key);
        if (group === undefined) groups.set(key, { value, rows: [row] });
        else group.rows.push(row);
      }
      for (const { value, rows } of groups.values())
        out.push({ rows, attributes: [...set.attributes, { name, value }] });
    }
    return out;
  };
}

function scalarFilterOver(filter: ScalarFilter, bound: Bound): Evaluate {
  const left = scalarOver(filter.left, bound);
  const right = scalarOver(filter.right, bound);
  return function* (input) {
    const out: Spanset[] = [];
    for (const [i, set] of input.entries()) {
      // Grouping can make as many sets as there are spans.
      if (i % STEP_ROWS === STEP_ROWS - 1) yield;
      const a = yield* left(set);
      const b = yield* right(set);
      if (!isTrue(applied(filter.op, a.value, b.value))) continue;
      const attributes = [...set.attributes, ...a.attributes, ...b.attributes];
      const named = [...new Map(attributes.map((one) => [one.name, one])).values()];
      const rows = (yield* eitherRows(a, b)) ?? set.rows;
      if (rows.length > 0) out.push({ rows, attributes: named });
    }
    return out;
  };
}

/** The spans that pipelines in parentheses found, if there were such. */
function* eitherRows(a: Computed, b: Computed): Generator<void, readonly number[] | undefined> {
  if (a.rows === undefined || b.rows === undefined) return a.rows ?? b.rows;
  return yield* joined([a.rows, b.rows]);
}

interface Computed {
  readonly value: Static;
  readonly attributes: readonly SpansetAttribute[];
  /** The spans that a pipeline in parentheses found. */
  readonly rows?: readonly number[] | undefined;
}

type Compute = (set: Pick<Spanset, "rows">) => Generator<void, Computed>;

function scalarOver(scalar: Scalar, bound: Bound): Compute {
  switch (scalar.kind) {
    case "literal": {
      const computed: Computed = { value: scalar.value, attributes: [] };
      // biome-ignore lint/correctness/useYield: all scalars have one form
      return function* () {
        return computed;
      };
    }
    case "aggregate": {
      const name = printScalar(scalar);
      const aggregate = aggregateOver(scalar, bound);
      return function* ({ rows }) {
        const value = yield* aggregate(rows);
        return { value, attributes: [{ name, value }] };
      };
    }
    case "scalar_pipeline": {
      const pipeline = pipelineOver(scalar.pipeline, bound);
      const inner = scalarOver(scalar.scalar, bound);
      return function* (set) {
        const rows = yield* unique(yield* pipeline([{ attributes: [], ...set }]));
        return { ...(yield* inner({ rows })), rows };
      };
    }
    case "scalar_operation": {
      const left = scalarOver(scalar.left, bound);
      const right = scalarOver(scalar.right, bound);
      return function* (set) {
        const a = yield* left(set);
        const b = yield* right(set);
        const rows = yield* eitherRows(a, b);
        const value = applied(scalar.op, a.value, b.value);
        return { value, attributes: [...a.attributes, ...b.attributes], rows };
      };
    }
    default:
      return unreachable(scalar);
  }
}

/** Nil when no span has a value: then no comparison holds. */
function aggregateOver(
  { op, expr }: Aggregate,
  bound: Bound,
): (rows: readonly number[]) => Generator<void, Static> {
  if (op === "count" || expr === undefined)
    // biome-ignore lint/correctness/useYield: all aggregates have one form
    return function* (rows) {
      return { type: "int", value: rows.length };
    };
  const column = standingColumn(expr, bound);
  return function* (rows) {
    let result: Static = NIL;
    let count = 0;
    for (const [i, row] of rows.entries()) {
      if (i % STEP_ROWS === STEP_ROWS - 1) yield;
      const value = firstOf(column(row));
      if (value.type === "nil") continue;
      count++;
      if (result.type === "nil") result = value;
      else if (op === "sum" || op === "avg") result = sum(result, value);
      else if (compareStatics(value, result) * (op === "max" ? 1 : -1) > 0) result = value;
    }
    return op === "avg" && count > 0 ? divided(result, count) : result;
  };
}

function sum(a: Static, b: Static): Static {
  if (!isNumeric(a) || !isNumeric(b)) return a;
  if (a.type === "duration" && b.type === "duration") {
    const total = applied("+", { type: "int", value: a.value }, { type: "int", value: b.value });
    return total.type === "int" ? { type: "duration", value: total.value } : a;
  }
  return applied("+", a, b);
}

function divided(value: Static, count: number): Static {
  if (value.type === "duration")
    return { type: "duration", value: Math.trunc(Number(value.value) / count) };
  return isNumeric(value) ? { type: "float", value: numberOf(value) / count } : value;
}
