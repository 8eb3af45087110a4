/** Evaluates spanset pipelines over the spans of one trace at a time. */
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
import { type Bound, fieldColumn, isTrue } from "./field-eval.ts";
import { printField, printScalar } from "./printer.ts";
import { related } from "./relations.ts";
import { compareStatics, isNumeric, keyOf, NIL, numberOf, type Static } from "./static.ts";
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

export type Evaluate = (input: readonly Spanset[]) => Spanset[];

/** The pipeline over a table. Give it the spansets of one trace, to begin with one that has all its rows. */
export function pipelineOver(pipeline: Pipeline, bound: Bound): Evaluate {
  const stages = pipeline.stages.map((stage) => stageOver(stage, bound));
  return (input) => {
    let sets = [...input];
    for (const stage of stages) {
      if (sets.length === 0) break;
      sets = stage(sets);
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
      return (input) =>
        kept(input.map((set) => ({ ...set, rows: set.rows.filter((row) => isTrue(column(row))) })));
    }
    case "operation":
      return operationOver(stage, bound);
    case "group":
      return groupOver(`by(${printField(stage.expr)})`, fieldColumn(stage.expr, bound));
    case "scalar_filter":
      return scalarFilterOver(stage, bound);
    case "coalesce":
      return (input) => [{ rows: unique(input), attributes: [] }];
    case "select":
      // What is selected is read and shown; nothing is left out.
      return (input) => [...input];
    default:
      return unreachable(stage);
  }
}

const kept = (sets: readonly Spanset[]): Spanset[] => sets.filter(({ rows }) => rows.length > 0);

function unique(...lists: readonly (readonly Spanset[])[]): number[] {
  const rows = new Set<number>();
  for (const sets of lists) for (const set of sets) for (const row of set.rows) rows.add(row);
  return [...rows].sort((a, b) => a - b);
}

function spansetsOver(value: Spansets, bound: Bound): Evaluate {
  return value.kind === "pipeline" ? pipelineOver(value, bound) : stageOver(value, bound);
}

function operationOver({ op, left, right, span }: SpansetOperation, bound: Bound): Evaluate {
  const leftOf = spansetsOver(left, bound);
  const rightOf = spansetsOver(right, bound);
  const rowsOf = (set: Spanset): number[] => {
    const a = leftOf([set]);
    const b = rightOf([set]);
    if (op === "&&") return a.length > 0 && b.length > 0 ? unique(a, b) : [];
    if (op === "||") return unique(a, b);
    if (a.length > 1 || b.length > 1)
      throw new TriptychError(
        "query_failed",
        `${op} needs one spanset on each side, but there are several per trace; put coalesce() before it`,
        { offset: span.start },
      );
    return related(op, { left: a[0]?.rows ?? [], right: b[0]?.rows ?? [] }, bound.structure());
  };
  return (input) => kept(input.map((set) => ({ ...set, rows: rowsOf(set) })));
}

function groupOver(name: string, column: Column): Evaluate {
  return (input) => {
    const out: Spanset[] = [];
    for (const set of input) {
      const groups = new Map<string, { value: Static; rows: number[] }>();
      for (const row of set.rows) {
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
  return (input) => {
    const out: Spanset[] = [];
    for (const set of input) {
      const a = left(set);
      const b = right(set);
      if (!isTrue(applied(filter.op, a.value, b.value))) continue;
      const attributes = [...set.attributes, ...a.attributes, ...b.attributes];
      const named = [...new Map(attributes.map((one) => [one.name, one])).values()];
      const rows = a.rows === undefined && b.rows === undefined ? set.rows : joined(a.rows, b.rows);
      if (rows.length > 0) out.push({ rows, attributes: named });
    }
    return out;
  };
}

function joined(a: readonly number[] = [], b: readonly number[] = []): number[] {
  return [...new Set([...a, ...b])].sort((x, y) => x - y);
}

interface Computed {
  readonly value: Static;
  readonly attributes: readonly SpansetAttribute[];
  /** The spans that a pipeline in parentheses found. */
  readonly rows?: readonly number[] | undefined;
}

function scalarOver(scalar: Scalar, bound: Bound): (set: Spanset) => Computed {
  switch (scalar.kind) {
    case "literal": {
      const computed: Computed = { value: scalar.value, attributes: [] };
      return () => computed;
    }
    case "aggregate": {
      const name = printScalar(scalar);
      const aggregate = aggregateOver(scalar, bound);
      return ({ rows }) => {
        const value = aggregate(rows);
        return { value, attributes: [{ name, value }] };
      };
    }
    case "scalar_pipeline": {
      const pipeline = pipelineOver(scalar.pipeline, bound);
      const inner = scalarOver(scalar.scalar, bound);
      return (set) => {
        const rows = unique(pipeline([set]));
        return { ...inner({ rows, attributes: [] }), rows };
      };
    }
    case "scalar_operation": {
      const left = scalarOver(scalar.left, bound);
      const right = scalarOver(scalar.right, bound);
      return (set) => {
        const a = left(set);
        const b = right(set);
        const rows =
          a.rows === undefined && b.rows === undefined ? undefined : joined(a.rows, b.rows);
        const value = applied(scalar.op, a.value, b.value);
        return { value, attributes: [...a.attributes, ...b.attributes], rows };
      };
    }
    default:
      return unreachable(scalar);
  }
}

/** Nil when no span has a value: then no comparison holds. */
function aggregateOver({ op, expr }: Aggregate, bound: Bound): (rows: readonly number[]) => Static {
  if (op === "count" || expr === undefined) return (rows) => ({ type: "int", value: rows.length });
  const column = fieldColumn(expr, bound);
  return (rows) => {
    let result: Static = NIL;
    let count = 0;
    for (const row of rows) {
      const value = column(row);
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
