/** PromQL trees as text that parses to the same tree: on one line, or broken into lines where it is long. */
import type { Matcher } from "../matcher.ts";
import {
  type Aggregate,
  type AtTime,
  type Binary,
  type DurationExpr,
  type NumberLiteral,
  paramOps,
  type PromqlExpr,
  type VectorSelector,
} from "./ast.ts";
import { formatFloat } from "./format-float.ts";
import { formatDuration, formatG, goQuote } from "./go-format.ts";

const LINE_CHARS_MAX = 100;
const PLAIN_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function printPromql(expr: PromqlExpr): string {
  switch (expr.kind) {
    case "number":
      return printNumber(expr);
    case "string":
      return expr.written ?? goQuote(expr.value);
    case "paren":
      return `(${printPromql(expr.expr)})`;
    case "unary":
      return `${expr.op}${printPromql(expr.expr)}`;
    case "binary":
      return `${printPromql(expr.left)} ${binaryHead(expr)} ${printPromql(expr.right)}`;
    case "call":
      return `${expr.func.name}(${expr.args.map(printPromql).join(", ")})`;
    case "aggregate": {
      const param = paramOps.has(expr.op) && expr.param ? `${printPromql(expr.param)}, ` : "";
      return `${aggregateHead(expr)}(${param}${printPromql(expr.expr)})`;
    }
    case "vector_selector":
      return printSelector(expr);
    case "matrix_selector": {
      const { selector } = expr;
      const bare = { ...selector, offsetMs: 0, offsetExpr: undefined, at: undefined };
      const text = printSelector({ ...bare, extended: undefined });
      const extended = selector.extended === undefined ? "" : ` ${selector.extended}`;
      return `${text}[${range(expr.rangeMs, expr.rangeExpr)}]${extended}${times(selector)}`;
    }
    case "subquery":
      return `${printPromql(expr.expr)}${subqueryTail(expr)}`;
  }
}

function printNumber(expr: NumberLiteral): string {
  return expr.isDuration ? formatDuration(expr.value * 1000) : formatFloat(expr.value);
}

function range(ms: number, expr: DurationExpr | undefined): string {
  return expr === undefined ? formatDuration(ms) : printDuration(expr);
}

function subqueryTail(expr: Extract<PromqlExpr, { kind: "subquery" }>): string {
  const none = expr.intervalMs === 0 && expr.intervalExpr === undefined;
  const interval = none ? "" : range(expr.intervalMs, expr.intervalExpr);
  return `[${range(expr.rangeMs, expr.rangeExpr)}:${interval}]${times(expr)}`;
}

interface Times {
  readonly at?: AtTime | undefined;
  readonly offsetMs: number;
  readonly offsetExpr?: DurationExpr | undefined;
}

function atText({ at }: Times): string {
  if (at === undefined) return "";
  return typeof at === "number" ? ` @ ${(at / 1000).toFixed(3)}` : ` @ ${at}()`;
}

function offsetText({ offsetMs, offsetExpr }: Times): string {
  if (offsetExpr !== undefined) return ` offset ${printDuration(offsetExpr)}`;
  return offsetMs === 0 ? "" : ` offset ${formatDuration(offsetMs)}`;
}

const times = (given: Times): string => atText(given) + offsetText(given);

function printDuration(expr: DurationExpr | NumberLiteral): string {
  if (expr.kind === "number") return printNumber(expr);
  const text = durationText(expr);
  return expr.wrapped ? `(${text})` : text;
}

function durationText({ op, left, right }: DurationExpr): string {
  if (op === "step" || op === "range") return `${op}()`;
  const second = right === undefined ? "" : printDuration(right);
  if (left === undefined) return op === "-" ? `-${second}` : second;
  if (op === "min_of" || op === "max_of") return `${op}(${printDuration(left)}, ${second})`;
  return `${printDuration(left)} ${op} ${second}`;
}

export function printMatchers(matchers: readonly Matcher[]): string[] {
  return matchers
    .map(({ name, op, value }) => `${labelText(name)}${op}${goQuote(value)}`)
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function printSelector(selector: VectorSelector): string {
  const matchers = printMatchers(selector.matchers);
  const empty = matchers.length === 0 && selector.name === "";
  const braces = matchers.length > 0 || empty ? `{${matchers.join(",")}}` : "";
  const extended = selector.extended === undefined ? "" : ` ${selector.extended}`;
  return `${selector.name}${braces}${atText(selector)}${extended}${offsetText(selector)}`;
}

const labelText = (label: string): string => (PLAIN_LABEL.test(label) ? label : goQuote(label));

const labelTexts = (labels: readonly string[]): string => labels.map(labelText).join(", ");

function aggregateHead({ op, grouping, without }: Aggregate): string {
  if (without) return `${op} without (${labelTexts(grouping)}) `;
  return grouping.length > 0 ? `${op} by (${labelTexts(grouping)}) ` : op;
}

function binaryHead({ op, bool, matching }: Binary): string {
  let out = bool ? `${op} bool` : op;
  if (matching === undefined) return out;
  const { card, labels, on, include, fillLeft, fillRight } = matching;
  const grouped = card === "many-to-one" || card === "one-to-many";
  if (labels.length > 0 || on || grouped)
    out += ` ${on ? "on" : "ignoring"} (${labelTexts(labels)})`;
  if (grouped)
    out += ` group_${card === "many-to-one" ? "left" : "right"} (${labelTexts(include)})`;
  if (fillLeft !== undefined && fillLeft === fillRight) return `${out} fill (${formatG(fillLeft)})`;
  if (fillLeft !== undefined) out += ` fill_left (${formatG(fillLeft)})`;
  if (fillRight !== undefined) out += ` fill_right (${formatG(fillRight)})`;
  return out;
}

/** As `printPromql`, in several lines where one would be longer than `width`. */
export function formatPromql(expr: PromqlExpr, width = LINE_CHARS_MAX): string {
  return pretty(expr, { level: 0, width });
}

interface Layout {
  readonly level: number;
  readonly width: number;
}

function pretty(expr: PromqlExpr, layout: Layout): string {
  const indent = "  ".repeat(layout.level);
  const line = printPromql(expr);
  // Prometheus does not indent a subquery that fits on its line.
  if (expr.kind === "subquery" && line.length <= layout.width) return line;
  if (expr.kind === "unary") return `${indent}${expr.op}${pretty(expr.expr, layout).trim()}`;
  if (line.length <= layout.width) return indent + line;
  const inner = (child: PromqlExpr): string =>
    pretty(child, { ...layout, level: layout.level + 1 });
  if (expr.kind === "subquery") return pretty(expr.expr, layout) + subqueryTail(expr);
  if (expr.kind === "paren") return `${indent}(\n${inner(expr.expr)}\n${indent})`;
  if (expr.kind === "binary")
    return `${inner(expr.left)}\n${indent}${binaryHead(expr)}\n${inner(expr.right)}`;
  if (expr.kind === "call")
    return `${indent}${expr.func.name}(\n${expr.args.map(inner).join(",\n")}\n${indent})`;
  if (expr.kind !== "aggregate") return indent + line;
  const param = expr.param === undefined ? "" : `${inner(expr.param)},\n`;
  return `${indent}${aggregateHead(expr)}(\n${param}${inner(expr.expr)}\n${indent})`;
}
