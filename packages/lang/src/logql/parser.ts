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
  return new LogqlParser(lexLogql(text)).query();
}

/** A stream selector without stages, as the `match[]` parameters of the HTTP API take it. */
export function parseStreamSelector(text: string): readonly Matcher[] {
  const query = parseLogql(text);
  const stage = query.stages[0];
  if (stage !== undefined)
    throw invalidAt(stage.span.start, 'this must be a stream selector alone, such as {job="shop"}');
  return query.matchers;
}

class LogqlParser {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  private peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token;
  }

  private next(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  private isSymbol(text: string): boolean {
    return this.peek().kind === "symbol" && this.peek().text === text;
  }

  query(): LogqlQuery {
    const first = this.peek();
    if (!this.isSymbol("{")) throw notASelector(first, this.peek(1));
    const matchers = this.selector();
    const stages: LogqlStage[] = [];
    let last = this.tokens[this.at - 1] as Token;
    for (;;) {
      const stage = this.stageAt();
      if (stage === undefined) break;
      stages.push(stage);
      last = this.tokens[this.at - 1] as Token;
    }
    this.end();
    return { kind: "log_query", matchers, stages, span: spanOf(first, last) };
  }

  private selector(): Matcher[] {
    this.next();
    const matchers = [this.matcher()];
    while (this.isSymbol(",")) {
      this.next();
      if (this.isSymbol("}")) break;
      matchers.push(this.matcher());
    }
    const close = this.next();
    if (close.kind !== "symbol" || close.text !== "}") throw unexpected(close, 'a "," or "}"');
    return matchers;
  }

  private matcher(): Matcher {
    const name = this.next();
    if (name.kind !== "name") throw unexpected(name, "a label name");
    const op = this.next();
    if (op.kind !== "symbol" || !isMatchOp(op.text)) throw unexpected(op, "one of =, !=, =~, !~");
    const value = this.next();
    if (value.kind !== "string") throw unexpected(value, "a quoted value");
    return {
      name: name.text,
      op: op.text,
      value: value.string,
      span: spanOf(name, value),
      valueSpan: spanOf(value, value),
    };
  }

  private stageAt(): LogqlStage | undefined {
    const token = this.peek();
    if (token.kind !== "symbol") return undefined;
    if (token.text === "|") return this.pipe();
    if (token.text === "|>" || token.text === "!>")
      throw unsupportedAt(token.start, "a pattern filter");
    if (isLineOp(token.text)) return this.lineFilter(token.text);
    return undefined;
  }

  private lineFilter(op: LineOp): LineFilter {
    const first = this.next();
    const value = this.next();
    if (value.kind === "name" && value.text === "ip") throw unsupportedAt(value.start, "ip()");
    if (value.kind !== "string") throw unexpected(value, "a quoted text");
    if (this.peek().kind === "name" && this.peek().text === "or")
      throw unsupportedAt(this.peek().start, "the operator or between line filters");
    const span = spanOf(first, value);
    return { kind: "line_filter", op, value: value.string, span, valueSpan: spanOf(value, value) };
  }

  private pipe(): LabelFilter {
    const bar = this.next();
    const name = this.peek();
    const after = this.peek(1);
    if (name.kind === "symbol" && name.text === "(")
      throw unsupportedAt(name.start, "a label filter in parentheses");
    if (name.kind !== "name") throw unexpected(name, "a stage");
    if (STAGES.has(name.text) && !isMatchOp(after.text))
      throw unsupportedAt(name.start, `the stage ${name.text}`);
    if (COMPARISONS.has(after.text) || (isMatchOp(after.text) && this.peek(2).kind === "number"))
      throw unsupportedAt(name.start, "a label filter that compares numbers");
    if (isMatchOp(after.text) && this.peek(2).kind === "name" && this.peek(2).text === "ip")
      throw unsupportedAt(this.peek(2).start, "ip()");
    const found = this.matcher();
    const join = this.peek();
    if (join.kind !== "string" && JOINS.has(join.text))
      throw unsupportedAt(join.start, "joining label filters; write each after its own |, which");
    return {
      kind: "label_filter",
      matcher: found,
      span: spanOf(bar, this.tokens[this.at - 1] as Token),
    };
  }

  private end(): void {
    const token = this.peek();
    if (token.kind === "end") return;
    if (token.kind !== "string") {
      if (token.text === "[") throw unsupportedAt(token.start, "a range");
      if (token.text === "offset") throw unsupportedAt(token.start, "the offset modifier");
      if (ARITHMETIC.has(token.text))
        throw unsupportedAt(token.start, `the binary operator ${token.text}`);
    }
    throw unexpected(token, "a stage or the end of the query");
  }
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
