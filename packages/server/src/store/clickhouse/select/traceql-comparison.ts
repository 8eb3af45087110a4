/** Comparisons of stored values with the constants of a query, as SQL. */
import { fieldColumn, type Static, staticNumber, type Traceql } from "@triptych/lang";
import { wholePattern } from "../../../regex/regex.ts";
import { f64, i64, type Sql, sql, text } from "../sql.ts";
import { oneItem } from "./traceql-place.ts";

type Field = Traceql.FieldExpr;
type Op = Traceql.FieldOp;

export const flipped: { readonly [op: string]: Traceql.FieldOp } = {
  "=": "=",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** The value of an expression that names nothing of a span. */
export function literalOf(expr: Field): Static | undefined {
  if (expr.kind === "literal") return expr.value;
  if (expr.kind === "attribute") return undefined;
  const parts = expr.kind === "unary" ? [expr.operand] : [expr.left, expr.right];
  if (parts.some((part) => literalOf(part) === undefined)) return undefined;
  return fieldColumn(expr, constantsOnly)(0);
}

const nothing = (): never => {
  throw new Error("only constants are computed here");
};
const constantsOnly: Parameters<typeof fieldColumn>[1] = {
  table: {
    rows: 0,
    traceStarts: [0],
    spanId: nothing,
    parentId: nothing,
    column: nothing,
    items: nothing,
  },
  asked: nothing,
  compileRegex: nothing,
  structure: nothing,
  structureSteps: nothing,
};

export function textTest(op: Op, column: Sql, value: string): Sql {
  switch (op) {
    case "=~":
      return sql`match(${column}, ${text(wholePattern(value))})`;
    case "!~":
      return sql`NOT match(${column}, ${text(wholePattern(value))})`;
    case "=":
      return sql`${column} = ${text(value)}`;
    case "!=":
      return sql`${column} != ${text(value)}`;
    case "<":
      return sql`${column} < ${text(value)}`;
    case "<=":
      return sql`${column} <= ${text(value)}`;
    case ">":
      return sql`${column} > ${text(value)}`;
    case ">=":
      return sql`${column} >= ${text(value)}`;
    default:
      return sql`0`;
  }
}

export function numberTest(op: Op, column: Sql, value: Static): Sql {
  const number = staticNumber(value);
  const bound = Number.isSafeInteger(number) ? sql`${i64(number)}` : sql`${f64(number)}`;
  switch (op) {
    case "=":
      return sql`${column} = ${bound}`;
    case "!=":
      return sql`${column} != ${bound}`;
    case "<":
      return sql`${column} < ${bound}`;
    case "<=":
      return sql`${column} <= ${bound}`;
    case ">":
      return sql`${column} > ${bound}`;
    case ">=":
      return sql`${column} >= ${bound}`;
    default:
      return sql`0`;
  }
}

export const isNumber = ({ type }: Static): boolean =>
  type === "int" || type === "float" || type === "duration";

/** What a comparison asks at least of one event or link. */
export function itemTest(expr: Field): Sql | undefined {
  if (expr.kind === "unary" && expr.op === "exists" && expr.operand.kind === "attribute")
    return expr.operand.intrinsic === undefined ? oneItem.has(expr.operand.name) : undefined;
  if (expr.kind !== "binary" || !isComparison(expr.op)) return undefined;
  const { op, left } = expr;
  const value = literalOf(expr.right);
  if (left.kind !== "attribute" || value === undefined || value.type === "nil") return undefined;
  if (left.intrinsic === "event:name")
    return value.type === "string" ? textTest(op, oneItem.eventName, value.value) : undefined;
  if (left.intrinsic !== undefined) return undefined;
  return op === "=" && value.type === "string" && value.value !== ""
    ? oneItem.equals(left.name, value.value)
    : oneItem.has(left.name);
}

const isComparison = (op: Op): boolean => op === "=~" || op === "!~" || flipped[op] !== undefined;
