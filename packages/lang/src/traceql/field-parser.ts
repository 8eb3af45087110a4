/** What stands between the braces: expressions over attributes, intrinsics and literals. */
import { invalidAt, shown } from "../source.ts";
import type { Attribute, AttributeScope, FieldExpr, FieldOp, Literal } from "./ast.ts";
import { type IntrinsicName, intrinsicOf } from "./intrinsics.ts";
import type { Token } from "./lexer.ts";
import { FALSE, NIL, type Static } from "./static.ts";
import type { TokenStream } from "./tokens.ts";

const PRECEDENCE: { readonly [op: string]: number } = {
  "&&": 1,
  "||": 1,
  "=": 2,
  "!=": 2,
  "<": 2,
  "<=": 2,
  ">": 2,
  ">=": 2,
  "=~": 2,
  "!~": 2,
  "+": 3,
  "-": 3,
  "*": 5,
  "/": 5,
  "%": 5,
  "^": 6,
};
/** Both prefixes bind as tightly as multiplication does, so `!.a = .b` is `(!.a) = .b`. */
const PREFIX = 5;

const WORDS: ReadonlyMap<string, Static> = new Map<string, Static>([
  ["true", { type: "bool", value: true }],
  ["false", { type: "bool", value: false }],
  ["ok", { type: "status", value: "ok" }],
  ["error", { type: "status", value: "error" }],
  ["unset", { type: "status", value: "unset" }],
  ["unspecified", { type: "kind", value: "unspecified" }],
  ["internal", { type: "kind", value: "internal" }],
  ["server", { type: "kind", value: "server" }],
  ["client", { type: "kind", value: "client" }],
  ["producer", { type: "kind", value: "producer" }],
  ["consumer", { type: "kind", value: "consumer" }],
  ["minInt", { type: "int", value: -(2n ** 63n) }],
  ["maxInt", { type: "int", value: 2n ** 63n - 1n }],
]);

export function parseField(tokens: TokenStream): FieldExpr {
  const expr = operation(tokens, 0);
  if (isNil(expr)) throw invalidAt(expr.span.start, "nil can only be compared with = and !=");
  return expr;
}

function operation(tokens: TokenStream, above: number): FieldExpr {
  return tokens.nested(() => {
    let left = operand(tokens);
    for (;;) {
      const token = tokens.peek();
      const level = token.kind === "symbol" ? PRECEDENCE[token.text] : undefined;
      if (level === undefined || level <= above) return left;
      tokens.next();
      tokens.countOperator();
      // Powers group to the right, everything else to the left.
      const right = operation(tokens, token.text === "^" ? level - 1 : level);
      left = combined(token, left, right);
    }
  });
}

const isNil = (expr: FieldExpr): boolean => expr.kind === "literal" && expr.value.type === "nil";

function combined(token: Token, left: FieldExpr, right: FieldExpr): FieldExpr {
  const op = token.text as FieldOp;
  const span = { start: left.span.start, end: right.span.end };
  if (!isNil(left) && !isNil(right)) return { kind: "binary", op, left, right, span };
  if (op !== "=" && op !== "!=")
    throw invalidAt(token.start, "nil can only be compared with = and !=");
  // Nothing equals nil, not even nil, and nothing differs from it.
  if (isNil(left) && isNil(right)) return { kind: "literal", value: FALSE, span };
  const operand = isNil(left) ? right : left;
  return { kind: "unary", op: op === "=" ? "missing" : "exists", operand, span };
}

function operand(tokens: TokenStream): FieldExpr {
  const token = tokens.peek();
  switch (token.kind) {
    case "string":
    case "number":
      tokens.next();
      return { kind: "literal", value: token.value ?? NIL, span: spanOf(token) };
    case "attribute":
    case "intrinsic":
      return parseAttribute(tokens);
    case "name":
      return word(tokens);
    case "symbol":
      return bracketedOrPrefixed(tokens);
    default:
      throw tokens.unexpected("an attribute or a value");
  }
}

const spanOf = ({ start, end }: Token) => ({ start, end });

function word(tokens: TokenStream): FieldExpr {
  const token = tokens.peek();
  const value = token.text === "nil" ? NIL : WORDS.get(token.text);
  if (value === undefined) return parseAttribute(tokens);
  tokens.next();
  return { kind: "literal", value, span: spanOf(token) };
}

function bracketedOrPrefixed(tokens: TokenStream): FieldExpr {
  const { start } = tokens.peek();
  if (tokens.take("(")) {
    const inner = operation(tokens, 0);
    if (isNil(inner)) throw invalidAt(inner.span.start, "nil can only be compared with = and !=");
    tokens.expect(")");
    return { ...inner, span: tokens.from(start) };
  }
  const op = tokens.is("-") ? "-" : tokens.is("!") ? "!" : undefined;
  if (op === undefined) throw tokens.unexpected("an attribute or a value");
  tokens.next();
  tokens.countOperator();
  const operand = operation(tokens, PREFIX - 1);
  if (isNil(operand)) throw invalidAt(operand.span.start, "nil can only be compared with = and !=");
  return { kind: "unary", op, operand, span: tokens.from(start) };
}

/** An attribute or intrinsic, as in `select(…)` and `by(…)` of metrics. */
export function parseAttribute(tokens: TokenStream): Attribute {
  const token = tokens.peek();
  const span = spanOf(token);
  if (token.kind === "attribute") {
    tokens.next();
    const scope = (token.scope ?? "").split(".");
    const parent = scope[0] === "parent";
    const own = (parent ? scope[1] : scope[0]) || "none";
    return { kind: "attribute", scope: own as AttributeScope, parent, name: token.text, span };
  }
  const spec =
    token.kind === "name" || token.kind === "intrinsic" ? intrinsicOf(token.text) : undefined;
  if (spec === undefined) {
    if (token.kind === "intrinsic")
      throw invalidAt(token.start, `there is no intrinsic ${shown(token.text)}`);
    if (token.kind === "name")
      throw invalidAt(
        token.start,
        `${shown(token.text)} is not known here; attributes are written with their scope, as in span.${token.text} or .${token.text}`,
      );
    throw tokens.unexpected("an attribute");
  }
  tokens.next();
  return intrinsic(spec.name, span);
}

export function intrinsic(name: IntrinsicName, span = { start: 0, end: 0 }): Attribute {
  return { kind: "attribute", scope: "none", parent: false, name, intrinsic: name, span };
}

/** A literal where only a plain value may stand, as in hints. */
export function parseLiteral(tokens: TokenStream): Literal {
  const expr = operand(tokens);
  if (expr.kind === "literal") return expr;
  if (expr.kind === "unary" && expr.op === "-" && expr.operand.kind === "literal")
    return { ...expr.operand, value: negated(expr.operand.value) };
  throw invalidAt(expr.span.start, "a plain value belongs here");
}

function negated(value: Static): Static {
  if (value.type !== "int" && value.type !== "float" && value.type !== "duration") return value;
  return { ...value, value: -value.value } as Static;
}
