/** Field expressions as functions from a row of a table to a value. They are made once per table. */
import { unreachable } from "@triptych/model";
import type { CompileRegex } from "../promql/regex.ts";
import { applied, negatedStatic } from "./arithmetic.ts";
import type { Attribute, Binary, FieldExpr, Pipeline, Unary } from "./ast.ts";
import { conjuncts, itemScope } from "./conjuncts.ts";
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
import { arrayStatic } from "./memory-table.ts";
import { askedOfItems, type ItemScope } from "./standing.ts";
import { type Structure, structureSteps } from "./structure.ts";
import type { Column, SpanTable } from "./table.ts";

/** A table with what is made of it when it is needed. */
export interface Bound {
  readonly table: SpanTable;
  /** What the query asks of one event, or of one link: those that fit stand for their span. */
  asked(scope: ItemScope): readonly FieldExpr[];
  readonly compileRegex: CompileRegex;
  structure(): Structure;
  /** Makes the structure in steps, where it is not made yet: of many spans it takes long. */
  structureSteps(): Generator<void, Structure>;
}

export function bind(table: SpanTable, pipeline: Pipeline, compileRegex: CompileRegex): Bound {
  const asked = {
    event: askedOfItems(pipeline, "event"),
    link: askedOfItems(pipeline, "link"),
  };
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
    asked: (scope) => asked[scope],
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

function attributeColumn(attribute: Attribute, bound: Bound): Column {
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

/**
 * As `fieldColumn`, where one value is to stand for a span: of its events, and of its links, only those count that fit
 * what some filter asks of them; all of them where none does.
 */
export function standingColumn(expr: FieldExpr, bound: Bound): Column {
  const column = (attribute: Attribute): Column => {
    const scope = itemScope(attribute);
    const asked = scope === undefined ? [] : bound.asked(scope);
    if (asked.length === 0) return bound.table.column(attribute);
    const items = bound.table.items(attribute);
    const tests = asked.map((one) => itemTest([one], bound));
    return (row) => {
      const values = items(row);
      const fit = values.filter((_, item) => tests.some((test) => test.fits(row, item)));
      return arrayStatic(fit.length > 0 ? fit : values);
    };
  };
  return fieldColumn(expr, { ...bound, table: { ...bound.table, column } });
}

/** What spans are grouped by: one value each. Those without events have one whose name is empty. */
export function groupColumn(expr: FieldExpr, bound: Bound): Column {
  const column = standingColumn(expr, bound);
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
  if (op === "!=" && isNoParent(expr)) return (row) => boolStatic(bound.table.parentId(row) !== "");
  const right = fieldColumn(expr.right, bound);
  if (op === "||")
    return (row) => {
      const value = left(row);
      return isTrue(value) ? value : applied(op, value, right(row));
    };
  return (row) => applied(op, left(row), right(row));
}

/** `span:parentID != ""` asks for spans that have a parent, though the id of a root's is shown as zeros. */
function isNoParent({ left, right }: Binary): boolean {
  const [a, b] = left.kind === "attribute" ? [left, right] : [right, left];
  if (a.kind !== "attribute" || a.intrinsic !== "span:parentID" || a.parent) return false;
  return b.kind === "literal" && b.value.type === "string" && b.value.value === "";
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
  const { length, fits } = itemTest(exprs, bound);
  return (row) => {
    const count = length(row);
    for (let item = 0; item < count; item++) if (fits(row, item)) return TRUE;
    return FALSE;
  };
}

interface ItemTest {
  /** How many events, or links, a span has. */
  length(row: number): number;
  /** Whether one of them fits all of the expressions. */
  fits(row: number, item: number): boolean;
}

function itemTest(exprs: readonly FieldExpr[], bound: Bound): ItemTest {
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
  const columns = exprs.map((expr) => fieldColumn(expr, { ...bound, table }));
  return {
    length: (row) => length(row),
    fits(row, item) {
      at.item = item;
      return columns.every((column) => isTrue(column(row)));
    },
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
