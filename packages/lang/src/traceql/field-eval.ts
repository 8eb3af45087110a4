/** Field expressions as functions from a row of a table to a value. They are made once per table. */
import { unreachable } from "@triptych/model";
import type { CompileRegex } from "../promql/regex.ts";
import { applied, negatedStatic } from "./arithmetic.ts";
import type { Attribute, Binary, FieldExpr, Unary } from "./ast.ts";
import { conjuncts } from "./conjuncts.ts";
import { intrinsic } from "./field-parser.ts";
import {
  boolStatic,
  FALSE,
  firstOf,
  intStatic,
  NIL,
  type Static,
  stringStatic,
  TRUE,
} from "./static.ts";
import { finishSteps } from "../trace/forest.ts";
import { type Structure, structureSteps } from "./structure.ts";
import type { Column, SpanTable } from "./table.ts";

/** A table with what is made of it when it is needed. */
export interface Bound {
  readonly table: SpanTable;
  readonly compileRegex: CompileRegex;
  structure(): Structure;
  /** Makes the structure in steps, where it is not made yet: of many spans it takes long. */
  structureSteps(): Generator<void, Structure>;
}

export function bind(table: SpanTable, compileRegex: CompileRegex): Bound {
  let structure: Structure | undefined;
  function* steps(): Generator<void, Structure> {
    if (structure === undefined) {
      const kind = table.column(intrinsic("kind"));
      structure = yield* structureSteps(table, (row) => {
        const value = kind(row);
        return value.type === "kind" && value.value === "server";
      });
    }
    return structure;
  }
  return {
    table,
    compileRegex,
    structure: () => structure ?? finishSteps(steps()),
    structureSteps: steps,
  };
}

export function fieldColumn(expr: FieldExpr, bound: Bound): Column {
  switch (expr.kind) {
    case "literal": {
      const { value } = expr;
      return () => value;
    }
    case "attribute":
      return attributeColumn(expr, bound);
    case "unary":
      return unaryColumn(expr, bound);
    case "binary":
      return binaryColumn(expr, bound);
    default:
      return unreachable(expr);
  }
}

export function attributeColumn(attribute: Attribute, bound: Bound): Column {
  if (attribute.parent) {
    const { parentRow } = bound.structure();
    const own = attributeColumn({ ...attribute, parent: false }, bound);
    return (row) => {
      const above = parentRow[row] as number;
      return above < 0 ? NIL : own(above);
    };
  }
  const place = placeIn(attribute, bound);
  return place === undefined
    ? bound.table.column(attribute)
    : (row) => intStatic(place[row] as number);
}

const NO_NAME = stringStatic("");

/** What spans are grouped by: one value each. Those without events have one whose name is empty. */
export function groupColumn(expr: FieldExpr, bound: Bound): Column {
  const column = fieldColumn(expr, bound);
  const named = expr.kind === "attribute" && expr.intrinsic === "event:name";
  return (row) => {
    const value = firstOf(column(row));
    return named && value.type === "nil" ? NO_NAME : value;
  };
}

function placeIn({ intrinsic: name }: Attribute, bound: Bound): Int32Array | undefined {
  switch (name) {
    case "nestedSetLeft":
      return bound.structure().left;
    case "nestedSetRight":
      return bound.structure().right;
    case "nestedSetParent":
      return bound.structure().parent;
    case "span:childCount":
      return bound.structure().childCount;
    default:
      return undefined;
  }
}

function unaryColumn(expr: Unary, bound: Bound): Column {
  const operand = fieldColumn(expr.operand, bound);
  switch (expr.op) {
    case "-":
      return (row) => negatedStatic(operand(row));
    case "!":
      return (row) => {
        const value = operand(row);
        return value.type === "bool" ? boolStatic(!value.value) : NIL;
      };
    case "exists":
      return (row) => boolStatic(operand(row).type !== "nil");
    case "missing":
      return (row) => boolStatic(operand(row).type === "nil");
    default:
      return unreachable(expr.op);
  }
}

function binaryColumn(expr: Binary, bound: Bound): Column {
  const { op } = expr;
  if (op === "&&") return everyColumn(expr, bound);
  const left = fieldColumn(expr.left, bound);
  if (op === "=~" || op === "!~") return regexColumn(expr, left, bound);
  const right = fieldColumn(expr.right, bound);
  if (op === "||")
    return (row) => {
      const value = left(row);
      return isTrue(value) ? value : applied(op, value, right(row));
    };
  return (row) => applied(op, left(row), right(row));
}

/** What is joined by `&&`: what is asked of events must hold for one of them, and likewise for links. */
function everyColumn(expr: Binary, bound: Bound): Column {
  const { plain, ofItems } = conjuncts(expr);
  const columns = [
    ...plain.map((one) => fieldColumn(one, bound)),
    ...ofItems.map((all) => itemColumn(all, bound)),
  ];
  return (row) => {
    let all: Static = TRUE;
    for (const column of columns) {
      all = applied("&&", all, column(row));
      if (!isTrue(all)) return all;
    }
    return all;
  };
}

/** Whether one event, or one link, fits all of some expressions, which name only such. */
function itemColumn(exprs: readonly FieldExpr[], bound: Bound): Column {
  const at = { item: 0 };
  let length: (row: number) => number = () => 0;
  const table: SpanTable = {
    ...bound.table,
    column(attribute) {
      const items = bound.table.items(attribute);
      let last = -1;
      let values: readonly Static[] = [];
      const valuesOf = (row: number): readonly Static[] => {
        if (row !== last) values = items(row);
        last = row;
        return values;
      };
      length = (row) => valuesOf(row).length;
      return (row) => valuesOf(row)[at.item] ?? NIL;
    },
  };
  const fits = exprs.map((expr) => fieldColumn(expr, { ...bound, table }));
  return (row) => {
    const count = length(row);
    for (at.item = 0; at.item < count; at.item++)
      if (fits.every((column) => isTrue(column(row)))) return TRUE;
    return FALSE;
  };
}

function regexColumn(expr: Binary, left: Column, bound: Bound): Column {
  const pattern =
    expr.right.kind === "literal" && expr.right.value.type === "string"
      ? expr.right.value.value
      : undefined;
  if (pattern === undefined) return () => FALSE;
  const { matches } = bound.compileRegex(pattern);
  const wanted = expr.op === "=~";
  const fits = (value: Static): boolean =>
    value.type === "string" && matches(value.value) === wanted;
  return (row) => {
    const value = left(row);
    if (value.type !== "array") return boolStatic(fits(value));
    const some = wanted || value.several === true;
    return boolStatic(some ? value.items.some(fits) : value.items.every(fits));
  };
}

export const isTrue = (value: Static): boolean =>
  value === TRUE || (value.type === "bool" && value.value);
