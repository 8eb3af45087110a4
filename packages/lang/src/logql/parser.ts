/**
 * The strict parser of LogQL: a stream selector, line filters and label filters so far. What else the language has is
 * recognised and refused as `query_unsupported`; what is not LogQL is `query_invalid`. Both carry the offset.
 */
import { isMatchOp, type Matcher } from "../matcher.ts";
import { checkSource, invalidAt, type Span, shown, unsupportedAt } from "../source.ts";
import type { LabelFilter, LineFilter, LineOp, LogqlQuery, LogqlStage } from "./ast.ts";
import { lexLogql, type Token } from "./lexer.ts";

const STAGES = new Set(
  "json logfmt pattern regexp unpack unwrap line_format label_format decolorize drop keep distinct".split(
    " ",
  ),
);
const COMPARISONS = new Set(["==", ">", "<", ">=", "<="]);
const JOINS = new Set(["and", "or", ","]);
const ARITHMETIC = new Set(["+", "-", "*", "/", "%", "^", ...COMPARISONS, "and", "or", "unless"]);

export function parseLogql(text: string): LogqlQuery {
  checkSource(text);
  return createParser(lexLogql(text)).query();
}

/** A stream selector without stages, as the `match[]` parameters of the HTTP API take it. */
export function parseStreamSelector(text: string): readonly Matcher[] {
  const query = parseLogql(text);
  const stage = query.stages[0];
  if (stage !== undefined)
    throw invalidAt(stage.span.start, 'this must be a stream selector alone, such as {job="shop"}');
  return query.matchers;
}

function createParser(tokens: readonly Token[]): { query(): LogqlQuery } {
  let at = 0;
  const peek = (ahead = 0): Token => tokens[Math.min(at + ahead, tokens.length - 1)] as Token;
  const next = (): Token => {
    const token = peek();
    at++;
    return token;
  };
  const isSymbol = (text: string): boolean => peek().kind === "symbol" && peek().text === text;

  const query = (): LogqlQuery => {
    const first = peek();
    if (!isSymbol("{")) throw notASelector(first, peek(1));
    const matchers = selector();
    const stages: LogqlStage[] = [];
    let last = tokens[at - 1] as Token;
    for (;;) {
      const stage = stageAt();
      if (stage === undefined) break;
      stages.push(stage);
      last = tokens[at - 1] as Token;
    }
    end();
    return { kind: "log_query", matchers, stages, span: spanOf(first, last) };
  };

  const selector = (): Matcher[] => {
    next();
    const matchers = [matcher()];
    while (isSymbol(",")) {
      next();
      if (isSymbol("}")) break;
      matchers.push(matcher());
    }
    const close = next();
    if (close.kind !== "symbol" || close.text !== "}") throw unexpected(close, 'a "," or "}"');
    return matchers;
  };

  const matcher = (): Matcher => {
    const name = next();
    if (name.kind !== "name") throw unexpected(name, "a label name");
    const op = next();
    if (op.kind !== "symbol" || !isMatchOp(op.text)) throw unexpected(op, "one of =, !=, =~, !~");
    const value = next();
    if (value.kind !== "string") throw unexpected(value, "a quoted value");
    return {
      name: name.text,
      op: op.text,
      value: value.string,
      span: spanOf(name, value),
      valueSpan: spanOf(value, value),
    };
  };

  const stageAt = (): LogqlStage | undefined => {
    const token = peek();
    if (token.kind !== "symbol") return undefined;
    if (token.text === "|") return pipe();
    if (token.text === "|>" || token.text === "!>")
      throw unsupportedAt(token.start, "a pattern filter");
    if (isLineOp(token.text)) return lineFilter(token.text);
    return undefined;
  };

  const lineFilter = (op: LineOp): LineFilter => {
    const first = next();
    const value = next();
    if (value.kind === "name" && value.text === "ip") throw unsupportedAt(value.start, "ip()");
    if (value.kind !== "string") throw unexpected(value, "a quoted text");
    if (peek().kind === "name" && peek().text === "or")
      throw unsupportedAt(peek().start, "the operator or between line filters");
    const span = spanOf(first, value);
    return { kind: "line_filter", op, value: value.string, span, valueSpan: spanOf(value, value) };
  };

  const pipe = (): LabelFilter => {
    const bar = next();
    const name = peek();
    const after = peek(1);
    if (name.kind === "symbol" && name.text === "(")
      throw unsupportedAt(name.start, "a label filter in parentheses");
    if (name.kind !== "name") throw unexpected(name, "a stage");
    if (STAGES.has(name.text) && !isMatchOp(after.text))
      throw unsupportedAt(name.start, `the stage ${name.text}`);
    if (COMPARISONS.has(after.text) || (isMatchOp(after.text) && peek(2).kind === "number"))
      throw unsupportedAt(name.start, "a label filter that compares numbers");
    if (isMatchOp(after.text) && peek(2).kind === "name" && peek(2).text === "ip")
      throw unsupportedAt(peek(2).start, "ip()");
    const found = matcher();
    const join = peek();
    if (join.kind !== "string" && JOINS.has(join.text))
      throw unsupportedAt(join.start, "joining label filters; write each after its own |, which");
    return { kind: "label_filter", matcher: found, span: spanOf(bar, tokens[at - 1] as Token) };
  };

  const end = (): void => {
    const token = peek();
    if (token.kind === "end") return;
    if (token.kind !== "string") {
      if (token.text === "[") throw unsupportedAt(token.start, "a range");
      if (token.text === "offset") throw unsupportedAt(token.start, "the offset modifier");
      if (ARITHMETIC.has(token.text))
        throw unsupportedAt(token.start, `the binary operator ${token.text}`);
    }
    throw unexpected(token, "a stage or the end of the query");
  };
  return { query };
}

function isLineOp(text: string): text is LineOp {
  return text === "|=" || text === "!=" || text === "|~" || text === "!~";
}

/** A query that does not begin with `{` is a metric query or nothing. */
function notASelector(token: Token, after: Token): Error {
  if (token.kind === "end") return invalidAt(token.start, "the query is empty");
  const opens = after.text === "(" || after.text === "by" || after.text === "without";
  if (token.kind === "name" && after.kind !== "string" && opens)
    return unsupportedAt(token.start, `a metric query (${shown(token.text)})`);
  if (token.kind === "number" || (token.kind === "symbol" && token.text === "("))
    return unsupportedAt(token.start, "a metric query");
  return unexpected(token, "a stream selector in braces");
}

function unexpected(token: Token, wanted: string): Error {
  const what = token.kind === "end" ? "end of the query" : shown(token.text);
  return invalidAt(token.start, `unexpected ${what} where ${wanted} belongs`);
}

const spanOf = (first: Span, last: Span): Span => ({ start: first.start, end: last.end });
