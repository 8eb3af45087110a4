/** Operations between two numbers are computed by the parser, as Loki does. */
import type { CompareOp, LogqlBinary, MetricExpr } from "./ast.ts";

export function foldBinary(node: LogqlBinary): MetricExpr {
  const { left, right, span } = node;
  if (left.kind !== "number" || right.kind !== "number") return node;
  return { kind: "number", value: computed(node.op, left.value, right.value), span };
}

function computed(op: LogqlBinary["op"], a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return b === 0 ? Number.NaN : a / b;
    case "%":
      return b === 0 ? Number.NaN : a % b;
    case "^":
      return a === 1 ? 1 : a ** b;
    case "or":
    case "and":
    case "unless":
      return Number.NaN;
    default:
      return Number(holds(op, a, b));
  }
}

export function holds(op: CompareOp, a: number, b: number): boolean {
  switch (op) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
  }
}
