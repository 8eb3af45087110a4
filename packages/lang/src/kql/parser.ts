/**
 * KQL by recursive descent. `not` binds tighter than `and`, `and` tighter than `or`; words side by side must all be
 * there. A field's value is one word, quoted text, a regular expression, a range, or several in parentheses.
 */
import { invalidAt, type Span, shown } from "../source.ts";
import {
  isAnything,
  type KqlBound,
  type KqlExpr,
  type KqlField,
  type KqlPattern,
  type KqlValue,
  plainText,
} from "./ast.ts";
import type { Token } from "./lexer.ts";
import { TokenStream } from "./token-stream.ts";

type CompareOp = "<" | "<=" | ">" | ">=";

/** Throws `query_invalid` with the offset of what is wrong. */
export function parseKql(text: string): KqlExpr {
  const tokens = new TokenStream(text);
  if (tokens.peek().kind === "end") return { kind: "all" };
  const expr = either(tokens, { field: undefined, prefix: [] });
  if (tokens.peek().kind !== "end") throw tokens.unexpected('"and", "or" or the end');
  return expr;
}

/** Where names and values are looked for while parsing. */
interface Scope {
  /** In `field: (…)` the values are the field's. */
  readonly field: KqlField | undefined;
  /** In `items: { … }` names begin with this. */
  readonly prefix: KqlPattern;
}

function either(tokens: TokenStream, scope: Scope): KqlExpr {
  return tokens.nested(() => {
    const operands = [both(tokens, scope)];
    while (tokens.peek().kind === "or") {
      tokens.next();
      operands.push(both(tokens, scope));
    }
    return joined("or", operands);
  });
}

function both(tokens: TokenStream, scope: Scope): KqlExpr {
  const operands = [negation(tokens, scope)];
  for (;;) {
    if (tokens.peek().kind === "and") tokens.next();
    else if (!beginsClause(tokens.peek(), scope)) break;
    operands.push(negation(tokens, scope));
  }
  return joined("and", operands);
}

function negation(tokens: TokenStream, scope: Scope): KqlExpr {
  return tokens.nested(() => {
    if (tokens.peek().kind === "not" || tokens.is("-") || tokens.is("!")) {
      tokens.next();
      const operand = negation(tokens, scope);
      return operand.kind === "not" ? operand.operand : { kind: "not", operand };
    }
    if (tokens.take("+")) return negation(tokens, scope);
    return primary(tokens, scope);
  });
}

function primary(tokens: TokenStream, scope: Scope): KqlExpr {
  if (tokens.is("(")) return inside(tokens, scope, ")");
  return scope.field === undefined ? clause(tokens, scope) : fieldValue(tokens, scope.field);
}

/** What stands between the sign at hand and the one that closes it. */
function inside(tokens: TokenStream, scope: Scope, close: ")" | "}"): KqlExpr {
  const open = tokens.next();
  const expr = either(tokens, scope);
  tokens.close(open, close);
  return expr;
}

function clause(tokens: TokenStream, scope: Scope): KqlExpr {
  const token = tokens.peek();
  const isName = token.kind === "word" || token.kind === "string";
  if (!isName && token.kind !== "regex") throw tokens.unexpected("a field or text to search for");
  tokens.next();
  if (isName && tokens.is(":")) return named(tokens, fieldOf(token, scope));
  if (isName && compareOp(tokens.peek()) !== undefined)
    return fieldValue(tokens, fieldOf(token, scope));
  if (scope.prefix.length > 0)
    throw invalidAt(token.start, "between { and } each value needs the name of its field");
  tokens.countCondition();
  const value = valueIn(token);
  // `*` alone asks for nothing in particular.
  if (value.kind === "pattern" && isAnything(value.pattern)) return { kind: "all" };
  return { kind: "match", field: undefined, value, span: tokens.spanFrom(token.start) };
}

/** What follows a name and its colon. */
function named(tokens: TokenStream, field: KqlField): KqlExpr {
  const colon = tokens.next();
  if (plainText(field.name) === "_exists_") return existence(tokens);
  if (tokens.is("(")) return inside(tokens, { field, prefix: [] }, ")");
  if (tokens.is("{") && !isTo(tokens.peek(2)))
    return inside(tokens, { field: undefined, prefix: [...field.name, dot] }, "}");
  if (tokens.peek().kind === "end") throw invalidAt(colon.end, "a value belongs behind the colon");
  return fieldValue(tokens, field);
}

function existence(tokens: TokenStream): KqlExpr {
  tokens.countCondition();
  const token = tokens.peek();
  if (token.kind !== "word" && token.kind !== "string")
    throw tokens.unexpected("the name of a field");
  tokens.next();
  const span = tokens.spanFrom(token.start);
  return { kind: "exists", field: { name: token.pattern ?? [], span }, span };
}

function fieldValue(tokens: TokenStream, field: KqlField): KqlExpr {
  tokens.countCondition();
  const token = tokens.peek();
  const op = compareOp(token);
  if (op !== undefined) {
    tokens.next();
    return comparison(tokens, field, op);
  }
  if (tokens.is("[") || tokens.is("{")) return range(tokens, field);
  if (token.kind !== "word" && token.kind !== "string" && token.kind !== "regex")
    throw tokens.unexpected("a value");
  tokens.next();
  if (tokens.is(":"))
    throw invalidAt(
      tokens.peek().start,
      "a value with a colon in it must be quoted, and values of a field have no fields of their own",
    );
  return matching(field, valueIn(token), tokens.spanFrom(token.start));
}

function matching(field: KqlField, value: KqlValue, span: Span): KqlExpr {
  if (value.kind === "regex" || !isAnything(value.pattern))
    return { kind: "match", field, value, span };
  return isAnything(field.name) ? { kind: "all" } : { kind: "exists", field, span };
}

function comparison(tokens: TokenStream, field: KqlField, op: CompareOp): KqlExpr {
  const bound = {
    ...boundText(tokens, "a value to compare with"),
    inclusive: op.length === 2,
  };
  const isLower = op.startsWith(">");
  return {
    kind: "range",
    field,
    lower: isLower ? bound : undefined,
    upper: isLower ? undefined : bound,
    span: bound.span,
  };
}

/** A bound must be one text. */
function boundText(
  tokens: TokenStream,
  wanted: string,
): { readonly text: string; readonly span: Span } {
  const token = tokens.peek();
  if (token.kind !== "word" && token.kind !== "string") throw tokens.unexpected(wanted);
  const text = plainText(token.pattern ?? []);
  if (text === undefined)
    throw invalidAt(token.start, `${shown(token.text)} has wildcards: it cannot be compared with`);
  tokens.next();
  return { text, span: tokens.spanFrom(token.start) };
}

function range(tokens: TokenStream, field: KqlField): KqlExpr {
  const open = tokens.next();
  const lower = rangeBound(tokens, open.text === "[");
  if (!isTo(tokens.peek())) throw tokens.unexpected('"TO"');
  tokens.next();
  const upper = rangeBound(tokens, true);
  const close = tokens.close(open, "]", "}");
  const span = tokens.spanFrom(open.start);
  if (lower === undefined && upper === undefined) return { kind: "exists", field, span };
  const last = upper === undefined ? undefined : { ...upper, inclusive: close.text === "]" };
  return { kind: "range", field, lower, upper: last, span };
}

function rangeBound(tokens: TokenStream, inclusive: boolean): KqlBound | undefined {
  const token = tokens.peek();
  if (token.kind === "word" && isAnything(token.pattern ?? [])) {
    tokens.next();
    return undefined;
  }
  return { ...boundText(tokens, "a bound or *"), inclusive };
}

const dot = { kind: "text", text: "." } as const;

function fieldOf(token: Token, { prefix }: Scope): KqlField {
  const span = { start: token.start, end: token.end };
  const own = token.pattern ?? [];
  if (own.length === 0 || plainText(own) === "")
    throw invalidAt(token.start, "the name of a field is empty");
  return { name: merged([...prefix, ...own]), span };
}

/** Texts side by side become one. */
function merged(pieces: KqlPattern): KqlPattern {
  const out: KqlPattern[number][] = [];
  for (const piece of pieces) {
    const last = out.at(-1);
    if (last?.kind === "text" && piece.kind === "text")
      out[out.length - 1] = { kind: "text", text: last.text + piece.text };
    else out.push(piece);
  }
  return out;
}

function valueIn(token: Token): KqlValue {
  if (token.regex !== undefined) return { kind: "regex", pattern: token.regex };
  return { kind: "pattern", pattern: token.pattern ?? [] };
}

function compareOp(token: Token): CompareOp | undefined {
  if (token.kind !== "symbol") return undefined;
  return (["<", "<=", ">", ">="] as const).find((op) => op === token.text);
}

const isTo = (token: Token): boolean => token.kind === "word" && /^to$/i.test(token.text);

function beginsClause(token: Token, scope: Scope): boolean {
  switch (token.kind) {
    case "word":
    case "string":
    case "regex":
    case "not":
      return true;
    case "symbol":
      if (["(", "+", "-", "!"].includes(token.text)) return true;
      return scope.field !== undefined && ["<", "<=", ">", ">=", "["].includes(token.text);
    default:
      return false;
  }
}

function joined(kind: "and" | "or", operands: readonly KqlExpr[]): KqlExpr {
  const flat = operands.flatMap((operand) =>
    operand.kind === kind ? operand.operands : [operand],
  );
  return flat.length === 1 ? (flat[0] as KqlExpr) : { kind, operands: flat };
}
