/** The types of PromQL: what may stand where. */
import type { Matcher } from "../matcher.ts";
import { invalidAt, type Span } from "../source.ts";
import {
  type Aggregate,
  type Binary,
  type Call,
  comparisonOps,
  type PromqlExpr,
  setOps,
  typeName,
  typeOf,
  type ValueType,
  type VectorSelector,
} from "./ast.ts";
import { goQuote } from "./go-format.ts";
import type { CompileRegex } from "./regex.ts";

interface Checking {
  readonly text: string;
  readonly compileRegex: CompileRegex | undefined;
}

/** The tree as it is evaluated: vector matching is kept between vectors only. */
export function checkTypes<T extends PromqlExpr>(expr: T, checking: Checking): T {
  return check(expr, checking) as T;
}

function check(expr: PromqlExpr, checking: Checking): PromqlExpr {
  switch (expr.kind) {
    case "number":
    case "string":
      return expr;
    case "paren":
      return { ...expr, expr: check(expr.expr, checking) };
    case "unary":
      return unary(expr, checking);
    case "subquery": {
      const inner = check(expr.expr, checking);
      const type = typeOf(inner);
      if (type !== "vector")
        throw invalidAt(
          expr.span.start,
          `subquery is only allowed on instant vector, got ${type} instead`,
        );
      return { ...expr, expr: inner };
    }
    case "matrix_selector":
      checkSelector(expr.selector, checking);
      return expr;
    case "vector_selector":
      checkSelector(expr, checking);
      return expr;
    case "aggregate":
      return aggregate(expr, checking);
    case "call":
      return call(expr, checking);
    case "binary":
      return binary(expr, checking);
  }
}

function unary(expr: Extract<PromqlExpr, { kind: "unary" }>, checking: Checking): PromqlExpr {
  const inner = check(expr.expr, checking);
  const type = typeOf(inner);
  if (type !== "scalar" && type !== "vector")
    throw invalidAt(
      expr.span.start,
      `unary expression only allowed on expressions of type scalar or instant vector, got ${goQuote(typeName(type))}`,
    );
  return { ...expr, expr: inner };
}

function expectType(expr: PromqlExpr, want: ValueType, context: string): void {
  const type = typeOf(expr);
  if (type !== want)
    throw invalidAt(
      expr.span.start,
      `expected type ${typeName(want)} in ${context}, got ${typeName(type)}`,
    );
}

function aggregate(node: Aggregate, checking: Checking): Aggregate {
  const expr = check(node.expr, checking);
  expectType(expr, "vector", "aggregation expression");
  if (node.param === undefined) return { ...node, expr };
  const param = check(node.param, checking);
  const want = node.op === "count_values" ? "string" : "scalar";
  expectType(param, want, "aggregation parameter");
  return { ...node, expr, param };
}

function call(node: Call, checking: Checking): Call {
  const { func, args, span } = node;
  const name = goQuote(func.name);
  const count = func.args.length;
  if (func.variadic === 0 && count !== args.length)
    throw invalidAt(
      span.start,
      `expected ${count} argument(s) in call to ${name}, got ${args.length}`,
    );
  if (func.variadic !== 0 && args.length < count - 1)
    throw invalidAt(
      span.start,
      `expected at least ${count - 1} argument(s) in call to ${name}, got ${args.length}`,
    );
  const most = count - 1 + func.variadic;
  if (func.variadic > 0 && args.length > most)
    throw invalidAt(
      span.start,
      `expected at most ${most} argument(s) in call to ${name}, got ${args.length}`,
    );
  const labelArg = func.name === "info" ? args[1] : undefined;
  if (labelArg !== undefined) checkInfoLabels(node, labelArg);
  const checked = args.map((arg, i) => {
    const done = arg === labelArg ? arg : check(arg, checking);
    const want = func.args[Math.min(i, count - 1)] as ValueType;
    expectType(done, want, `call to function ${name}`);
    return done;
  });
  return { ...node, args: checked };
}

/** The second argument of `info` is a selector of labels: it may be empty, and it has no name before the braces. */
function checkInfoLabels(node: Call, arg: PromqlExpr): void {
  if (typeOf(arg) !== "vector")
    throw invalidAt(
      node.span.start,
      `expected type instant vector in call to function "info", got ${typeName(typeOf(arg))}`,
    );
  if (arg.kind !== "vector_selector")
    throw invalidAt(arg.span.start, "expected label selectors only");
  if (arg.name !== "")
    throw invalidAt(arg.span.start, "expected label selectors only, got vector selector instead");
}

function checkSelector(selector: VectorSelector, { compileRegex }: Checking): void {
  const { name, matchers, span } = selector;
  for (const matcher of matchers) {
    if (matcher.op === "=~" || matcher.op === "!~") compileAt(matcher, compileRegex);
    if (name !== "" && matcher.name === "__name__")
      throw invalidAt(
        span.start,
        `metric name must not be set twice: ${goQuote(name)} or ${goQuote(matcher.value)}`,
      );
  }
  if (name === "" && matchers.every((matcher) => matchesEmpty(matcher, compileRegex)))
    throw invalidAt(span.start, "vector selector must contain at least one non-empty matcher");
}

function compileAt(matcher: Matcher, compileRegex: CompileRegex | undefined): void {
  try {
    compileRegex?.(matcher.value);
  } catch (error) {
    throw invalidAt(matcher.span.start, reasonOf(error as Error));
  }
}

/** What the library says of a pattern, as Prometheus does, without the flags it was compiled with. */
function reasonOf({ cause, message }: Error): string {
  return cause instanceof Error ? cause.message.replace("`(?s)", "`") : message;
}

function matchesEmpty(matcher: Matcher, compileRegex: CompileRegex | undefined): boolean {
  switch (matcher.op) {
    case "=":
      return matcher.value === "";
    case "!=":
      return matcher.value !== "";
    case "=~":
      return compileRegex?.(matcher.value).matches("") ?? false;
    case "!~":
      return !(compileRegex?.(matcher.value).matches("") ?? true);
  }
}

function binary(node: Binary, checking: Checking): Binary {
  // A long sum is a tree that leans to the left: it is walked without recursion on that side.
  const spine: Binary[] = [];
  let left: PromqlExpr = node;
  while (left.kind === "binary") {
    spine.push(left);
    left = left.left;
  }
  let done = check(left, checking);
  for (const level of spine.reverse())
    done = checkBinary({ ...level, left: done, right: check(level.right, checking) }, checking);
  return done as Binary;
}

function checkBinary(node: Binary, { text }: Checking): Binary {
  const { op, left, right, span, bool } = node;
  const leftType = typeOf(left);
  const rightType = typeOf(right);
  const opStart = (): number => operatorSpan(text, left.span, right.span).start;
  const isComparison = comparisonOps.has(op);
  const isSet = setOps.has(op);
  if (bool && !isComparison)
    throw invalidAt(opStart(), "bool modifier can only be used on comparison operators");
  if (isComparison && !bool && leftType === "scalar" && rightType === "scalar")
    throw invalidAt(opStart(), "comparisons between scalars must use BOOL modifier");
  let { matching } = node;
  if (matching !== undefined && isSet && matching.card === "one-to-one")
    matching = { ...matching, card: "many-to-many" };
  const twice = matching?.on
    ? matching.labels.find((l) => matching?.include.includes(l))
    : undefined;
  if (twice !== undefined)
    throw invalidAt(
      opStart(),
      `label ${goQuote(twice)} must not occur in ON and GROUP clause at once`,
    );
  for (const [side, type] of [
    [left, leftType],
    [right, rightType],
  ] as const)
    if (type !== "scalar" && type !== "vector")
      throw invalidAt(
        side.span.start,
        "binary expression must contain only scalar and instant vector types",
      );
  const fills = matching?.fillLeft !== undefined || matching?.fillRight !== undefined;
  if (leftType !== "vector" || rightType !== "vector") {
    if (matching !== undefined && matching.labels.length > 0)
      throw invalidAt(span.start, "vector matching only allowed between instant vectors");
    if (fills)
      throw invalidAt(span.start, "filling in missing series only allowed between instant vectors");
    if (isSet)
      throw invalidAt(
        span.start,
        `set operator ${goQuote(op)} not allowed in binary scalar expression`,
      );
    return { ...node, matching: undefined };
  }
  if (isSet && matching?.card !== "many-to-many")
    throw invalidAt(span.start, `no grouping allowed for ${goQuote(op)} operation`);
  if (isSet && fills)
    throw invalidAt(span.start, "filling in missing series not allowed for set operators");
  return { ...node, matching };
}

/** The operator with its modifiers, without the spaces around it. */
function operatorSpan(text: string, left: Span, right: Span): Span {
  const between = text.slice(left.end, right.start);
  const start = left.end + (between.length - between.trimStart().length);
  return { start, end: start + between.trim().length };
}
