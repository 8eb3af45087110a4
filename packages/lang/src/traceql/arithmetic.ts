/** Operators on values: what `=`, `<`, `+` and the rest give. Types that do not fit give false, never an error. */
import type { ArithmeticOp, FieldOp } from "./ast.ts";
import {
  boolStatic,
  equals,
  FALSE,
  firstOf,
  isNumeric,
  NIL,
  narrowed,
  numberOf,
  type Static,
} from "./static.ts";

export const isArithmetic = (op: string): op is ArithmeticOp => "+-*/%^".includes(op);

/** Whether `op` takes values of this type. */
export function takes(op: FieldOp, type: string): boolean {
  switch (type) {
    case "attribute":
      return true;
    case "bool":
      return op === "&&" || op === "||" || op === "=" || op === "!=";
    case "int":
    case "float":
    case "duration":
      return op !== "&&" && op !== "||" && op !== "=~" && op !== "!~";
    case "string":
      return op !== "&&" && op !== "||" && !isArithmetic(op);
    default:
      return op === "=" || op === "!=";
  }
}

const numeric = new Set(["int", "float", "duration"]);

/** Whether values of two types can be combined by any operator. */
export function combinable(a: string, b: string): boolean {
  if (a === b || a === "attribute" || b === "attribute" || a === "nil" || b === "nil") return true;
  return numeric.has(a) && numeric.has(b);
}

/** The value of `left op right`, except for regular expressions. */
export function applied(op: FieldOp, left: Static, right: Static): Static {
  if (left.type === "array" || right.type === "array") return appliedToItems(op, left, right);
  if (!combinable(left.type, right.type) || !takes(op, left.type) || !takes(op, right.type))
    return FALSE;
  if (op === "=") return boolStatic(equals(left, right));
  if (left.type === "nil" || right.type === "nil") return FALSE;
  if (op === "!=") return boolStatic(!equals(left, right));
  if (isArithmetic(op)) return calculated(op, left, right);
  return boolStatic(holds(op, left.value, right.value));
}

type Scalar = string | number | bigint | boolean;

function holds(op: FieldOp, a: Scalar, b: Scalar): boolean {
  switch (op) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
    case "&&":
      return a === true && b === true;
    case "||":
      return a === true || b === true;
    default:
      return false;
  }
}

const flipped: { readonly [op: string]: FieldOp } = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" };

/** An array fits when one of its items does; for `!=` all must differ, unless they belong to several events or links. */
function appliedToItems(op: FieldOp, left: Static, right: Static): Static {
  if (left.type === "array" && right.type === "array") return FALSE;
  if (isArithmetic(op)) return calculatedOfFirst(op, left, right);
  const array = left.type === "array" ? left : right;
  const single = left.type === "array" ? right : left;
  if (array.type !== "array" || single.type === "nil") return FALSE;
  const itemOp = left.type === "array" ? op : (flipped[op] ?? op);
  const fits = (item: Static): boolean => applied(itemOp, item, single) === TRUE_VALUE;
  const each = op === "!=" && array.several !== true;
  return boolStatic(each ? array.items.every(fits) : array.items.some(fits));
}

/** Arrays are not calculated with; of several events the first is. */
function calculatedOfFirst(op: ArithmeticOp, left: Static, right: Static): Static {
  const [a, b] = [firstOf(left), firstOf(right)];
  return a.type === "array" || b.type === "array" ? NIL : applied(op, a, b);
}
const TRUE_VALUE = boolStatic(true);

function calculated(op: ArithmeticOp, left: Static, right: Static): Static {
  if (left.type === "int" && right.type === "int") return ofIntegers(op, left.value, right.value);
  if (!isNumeric(left) || !isNumeric(right)) return FALSE;
  return { type: "float", value: ofFloats(op, numberOf(left), numberOf(right)) };
}

export function ofFloats(op: ArithmeticOp, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "%":
      return a % b;
    default:
      return a ** b;
  }
}

/** Two integers give an integer: division cuts, and what does not fit into 64 bits wraps around. */
function ofIntegers(op: ArithmeticOp, a: number | bigint, b: number | bigint): Static {
  // biome-ignore lint/suspicious/noDoubleEquals: a number or a bigint
  if ((op === "/" || op === "%") && b == 0) return NIL;
  if (op === "^") return { type: "int", value: clamped(Number(a) ** Number(b)) };
  if (typeof a === "number" && typeof b === "number") {
    const value = op === "/" ? Math.trunc(a / b) : ofFloats(op, a, b);
    if (Number.isSafeInteger(value)) return { type: "int", value };
  }
  const [x, y] = [BigInt(a), BigInt(b)];
  const exact =
    op === "+" ? x + y : op === "-" ? x - y : op === "*" ? x * y : op === "/" ? x / y : x % y;
  return { type: "int", value: narrowed(BigInt.asIntN(64, exact)) };
}

function clamped(value: number): number | bigint {
  if (Number.isNaN(value)) return 0;
  const whole = Math.trunc(value);
  if (Number.isSafeInteger(whole)) return whole;
  if (whole >= 2 ** 63) return 2n ** 63n - 1n;
  return whole < -(2 ** 63) ? -(2n ** 63n) : BigInt(whole);
}

/** `-value`; nil for what is no number. */
export function negatedStatic(value: Static): Static {
  if (!isNumeric(value) || !("value" in value)) return NIL;
  if (value.type === "float") return { type: "float", value: -value.value };
  if (value.type === "int" || value.type === "duration") {
    const negated = -value.value;
    // Zero has no sign here.
    return { type: value.type, value: negated === 0 ? 0 : negated };
  }
  return NIL;
}
