/** The stages of a pipeline: filters, `by`, `select`, `coalesce`, and aggregates. */
import { invalidAt } from "../source.ts";
import type { Aggregate, AggregateOp, Attribute, SpansetFilter, Stage } from "./ast.ts";
import { parseAttribute, parseField } from "./field-parser.ts";
import { TRUE } from "./static.ts";
import type { TokenStream } from "./tokens.ts";

const AGGREGATES = new Set(["count", "min", "max", "avg", "sum"]);
const CALLS = new Set(["by", "select", "coalesce"]);

export function isAggregate(tokens: TokenStream): boolean {
  const token = tokens.peek();
  return token.kind === "name" && AGGREGATES.has(token.text);
}

export function isStageCall(tokens: TokenStream): boolean {
  const token = tokens.peek();
  return token.kind === "name" && CALLS.has(token.text);
}

export function parseFilter(tokens: TokenStream): SpansetFilter {
  const { start } = tokens.expect("{");
  if (tokens.take("}")) {
    const span = tokens.from(start);
    return { kind: "filter", expr: { kind: "literal", value: TRUE, span }, span };
  }
  const expr = parseField(tokens);
  tokens.expect("}");
  return { kind: "filter", expr, span: tokens.from(start) };
}

export function parseAggregate(tokens: TokenStream): Aggregate {
  const name = tokens.next();
  const op = name.text as AggregateOp;
  tokens.expect("(");
  const expr = op === "count" ? undefined : parseField(tokens);
  tokens.expect(")");
  return { kind: "aggregate", op, expr, span: tokens.from(name.start) };
}

export function parseStageCall(tokens: TokenStream): Stage {
  const name = tokens.next();
  tokens.expect("(");
  if (name.text === "coalesce") {
    tokens.expect(")");
    return { kind: "coalesce", span: tokens.from(name.start) };
  }
  if (name.text === "by") {
    const expr = parseField(tokens);
    tokens.expect(")");
    return { kind: "group", expr, span: tokens.from(name.start) };
  }
  const attributes = parseAttributes(tokens);
  tokens.expect(")");
  return { kind: "select", attributes, span: tokens.from(name.start) };
}

const ATTRIBUTES_MAX = 100;

/** One or more attributes between commas. */
export function parseAttributes(tokens: TokenStream): Attribute[] {
  const out = [parseAttribute(tokens)];
  while (tokens.take(",")) {
    out.push(parseAttribute(tokens));
    if (out.length > ATTRIBUTES_MAX)
      throw invalidAt(tokens.peek().start, `more than ${ATTRIBUTES_MAX} attributes are named`);
  }
  return out;
}
