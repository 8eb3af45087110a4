/** The parser of Go's templates: text in, statements by template name out; messages in Go's words. */
import { defaultLimits, TriptychError } from "@triptych/model";
import { goQuote } from "../promql/go-format.ts";
import { readQuoted } from "../source.ts";
import { lexTemplate, type Token, type TokenKind } from "./lexer.ts";
import type { Branch, Command, Operand, Pipeline, Statement } from "./node.ts";

export interface ParsedTemplate {
  readonly name: string;
  readonly text: string;
  readonly body: readonly Statement[];
  /** What `define` and `block` define; the whole text itself is not among them. */
  readonly defined: ReadonlyMap<string, readonly Statement[]>;
}

export interface TemplateSource {
  readonly name: string;
  readonly text: string;
  readonly isFunction: (name: string) => boolean;
}

/** Nested actions and parentheses; each costs stack when the template runs. */
const DEPTH_MAX = 100;

/** Throws `query_invalid` with Go's message and the offset. */
export function parseTemplateText(source: TemplateSource): ParsedTemplate {
  if (source.text.length > defaultLimits.queryBytesMax)
    throw new TriptychError(
      "query_invalid",
      `template: ${source.name}:1: the template is longer than ${defaultLimits.queryBytesMax} characters`,
    );
  return new TemplateParser(source).run();
}

const OPERANDS = new Set<TokenKind>([
  ...(["bool", "char_constant", "dot", "field", "identifier", "number", "nil"] as const),
  ...(["raw_string", "string", "variable", "left_paren"] as const),
]);
/** What cannot take the value of a pipeline's stage before it. */
const NOT_CALLABLE = new Set(["bool", "dot", "nil", "number", "string"]);

type Ended = "end" | "else";

class TemplateParser {
  private readonly source: TemplateSource;
  private readonly tokens: readonly Token[];
  private readonly defined = new Map<string, readonly Statement[]>();
  private next_ = 0;
  private furthest = 0;
  private variables: string[] = ["$"];
  private ranges = 0;
  private depth = 0;
  private actionLine = 0;

  constructor(source: TemplateSource) {
    this.source = source;
    this.tokens = lexTemplate(source.text);
  }

  run(): ParsedTemplate {
    const body: Statement[] = [];
    while (this.peek().kind !== "eof") {
      if (this.peek().kind === "left_delim" && this.isKeywordAfterDelim("define")) {
        this.define();
        continue;
      }
      const found = this.statement();
      if (typeof found === "string") throw this.wrong(`unexpected {{${found}}}`);
      if (found !== undefined) body.push(found);
    }
    const { name, text } = this.source;
    return { name, text, body, defined: this.defined };
  }

  private wrong(message: string): TriptychError {
    const token = this.tokens[this.furthest] as Token;
    const text = `template: ${this.source.name}:${token.line}: ${message}`;
    return new TriptychError("query_invalid", text, { offset: token.at });
  }

  private unexpected(token: Token, context: string): TriptychError {
    if (token.kind !== "error") return this.wrong(`unexpected ${printToken(token)} in ${context}`);
    if (this.actionLine === 0 || this.actionLine === token.line) return this.wrong(token.text);
    const started = ` started at ${this.source.name}:${this.actionLine}`;
    const where = token.text.endsWith(" action") ? started : ` in action${started}`;
    return this.wrong(token.text + where);
  }

  private peek(): Token {
    const at = Math.min(this.next_, this.tokens.length - 1);
    this.furthest = Math.max(this.furthest, at);
    return this.tokens[at] as Token;
  }

  private next(): Token {
    const token = this.peek();
    this.next_++;
    return token;
  }

  private peekNonSpace(): Token {
    while (this.peek().kind === "space") this.next_++;
    return this.peek();
  }

  private nextNonSpace(): Token {
    this.peekNonSpace();
    return this.next();
  }

  private expect(kind: TokenKind, context: string): Token {
    const token = this.nextNonSpace();
    if (token.kind !== kind) throw this.unexpected(token, context);
    return token;
  }

  private isKeywordAfterDelim(word: string): boolean {
    let at = this.next_ + 1;
    if (this.tokens[at]?.kind === "space") at++;
    const token = this.tokens[at];
    return token?.kind === "keyword" && token.text === word;
  }

  private deeper<T>(run: () => T): T {
    if (++this.depth > DEPTH_MAX) throw this.wrong("max expression depth exceeded");
    const out = run();
    this.depth--;
    return out;
  }

  private define(): void {
    this.next();
    this.nextNonSpace();
    const context = "define clause";
    const token = this.nextNonSpace();
    if (token.kind !== "string" && token.kind !== "raw_string")
      throw this.unexpected(token, context);
    const name = this.unquoted(token);
    this.expect("right_delim", context);
    this.addDefinition(name, context);
  }

  /** Reads the body of a template with its own variables. */
  private addDefinition(name: string, context: string): void {
    const { variables, ranges } = this;
    this.variables = ["$"];
    this.ranges = 0;
    const { body, ended } = this.list();
    if (ended !== "end") throw this.wrong(`unexpected {{${ended}}} in ${context}`);
    this.variables = variables;
    this.ranges = ranges;
    const known = this.defined.get(name);
    if (known !== undefined && !isBlank(known)) {
      if (!isBlank(body))
        throw this.wrong(`template: multiple definition of template ${goQuote(name)}`);
      return;
    }
    this.defined.set(name, body);
  }

  private list(): { body: Statement[]; ended: Ended } {
    const body: Statement[] = [];
    while (this.peekNonSpace().kind !== "eof") {
      const found = this.statement();
      if (typeof found === "string") return { body, ended: found };
      if (found !== undefined) body.push(found);
    }
    throw this.wrong("unexpected EOF");
  }

  /** Nothing for a comment or an action that defines something. */
  private statement(): Statement | Ended | undefined {
    const token = this.nextNonSpace();
    if (token.kind === "text") return { kind: "text", text: token.text, at: token.at };
    if (token.kind !== "left_delim") throw this.unexpected(token, "input");
    this.actionLine = token.line;
    const found = this.deeper(() => this.action());
    this.actionLine = 0;
    return found;
  }

  private action(): Statement | Ended {
    const token = this.peekNonSpace();
    if (token.kind !== "keyword")
      return { kind: "action", at: token.at, pipeline: this.pipeline("command", "right_delim") };
    this.next();
    switch (token.text) {
      case "if":
      case "with":
      case "range":
        return this.branch(token.text, token.at);
      case "break":
      case "continue":
        return this.loopControl(token.text, token.at);
      case "end":
        this.expect("right_delim", "end");
        return "end";
      case "else":
        return this.elseOf();
      case "block":
        return this.block();
      case "template":
        return this.call();
      default:
        throw this.unexpected(token, "command");
    }
  }

  private elseOf(): Ended {
    const { kind, text } = this.peekNonSpace();
    if (kind !== "keyword" || (text !== "if" && text !== "with"))
      this.expect("right_delim", "else");
    return "else";
  }

  private loopControl(kind: "break" | "continue", at: number): Statement {
    const token = this.nextNonSpace();
    if (token.kind !== "right_delim") throw this.unexpected(token, `{{${kind}}}`);
    if (this.ranges === 0) throw this.wrong(`{{${kind}}} outside {{range}}`);
    return { kind, at };
  }

  private branch(kind: Branch["kind"], at: number): Branch {
    const mark = this.variables.length;
    const pipeline = this.pipeline(kind, "right_delim");
    if (kind === "range") this.ranges++;
    const { body, ended } = this.list();
    if (kind === "range") this.ranges--;
    const otherwise = ended === "else" ? this.otherwise(kind) : undefined;
    this.variables.length = mark;
    return { kind, at, pipeline, body, otherwise };
  }

  private otherwise(kind: Branch["kind"]): readonly Statement[] {
    const token = this.peekNonSpace();
    if (kind !== "range" && token.kind === "keyword" && token.text === kind) {
      this.next();
      return [this.deeper(() => this.branch(kind, token.at))];
    }
    const { body, ended } = this.list();
    if (ended !== "end") throw this.wrong(`expected end; found {{${ended}}}`);
    return body;
  }

  private templateName(context: string): string {
    const token = this.nextNonSpace();
    if (token.kind !== "string" && token.kind !== "raw_string")
      throw this.unexpected(token, context);
    return this.unquoted(token);
  }

  // Both stand where their name does, as Go has it in its messages.
  private block(): Statement {
    const { at } = this.peekNonSpace();
    const name = this.templateName("block clause");
    const pipeline = this.pipeline("block clause", "right_delim");
    this.addDefinition(name, "block clause");
    return { kind: "template", at, name, pipeline };
  }

  private call(): Statement {
    const { at } = this.peekNonSpace();
    const name = this.templateName("template clause");
    if (this.peekNonSpace().kind === "right_delim") {
      this.next();
      return { kind: "template", at, name, pipeline: undefined };
    }
    return {
      kind: "template",
      at,
      name,
      pipeline: this.pipeline("template clause", "right_delim"),
    };
  }

  private pipeline(context: string, end: "right_delim" | "right_paren"): Pipeline {
    const { at } = this.peekNonSpace();
    const declared: string[] = [];
    const isAssign = this.declarations(declared, context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.nextNonSpace();
      if (token.kind === end) break;
      if (!OPERANDS.has(token.kind)) throw this.unexpected(token, context);
      this.next_--;
      commands.push(this.command());
    }
    if (commands.length === 0) throw this.wrong(`missing value for ${context}`);
    for (const [i, command] of commands.entries()) {
      if (i > 0 && NOT_CALLABLE.has(command.args[0]?.kind ?? ""))
        throw this.wrong(`non executable command in pipeline stage ${i + 1}`);
    }
    return { kind: "pipeline", at, declared, isAssign, commands };
  }

  /** `$x :=`, `$x =` or, of a range, `$i, $x :=`. Tells whether it was `=`. */
  private declarations(declared: string[], context: string): boolean {
    for (;;) {
      const start = this.next_;
      const variable = this.peekNonSpace();
      if (variable.kind !== "variable") return false;
      this.next();
      const after = this.peekNonSpace();
      if (after.kind === "assign" || after.kind === "declare") {
        this.next();
        declared.push(variable.text);
        if (after.kind === "assign") this.variableAt(variable.text);
        else this.variables.push(variable.text);
        return after.kind === "assign";
      }
      if (after.kind !== "char" || after.text !== ",") {
        this.next_ = start;
        return false;
      }
      this.next();
      declared.push(variable.text);
      this.variables.push(variable.text);
      if (context !== "range" || declared.length >= 2)
        throw this.wrong(`too many declarations in ${context}`);
      const { kind } = this.peekNonSpace();
      if (kind !== "variable" && kind !== "right_delim" && kind !== "right_paren")
        throw this.wrong("range can only initialize variables");
    }
  }

  private variableAt(name: string): void {
    if (!this.variables.includes(name)) throw this.wrong(`undefined variable ${goQuote(name)}`);
  }

  private command(): Command {
    const { at } = this.peekNonSpace();
    const args: Operand[] = [];
    for (;;) {
      this.peekNonSpace();
      const operand = this.operand();
      if (operand !== undefined) args.push(operand);
      const token = this.next();
      if (token.kind === "space") continue;
      if (token.kind === "right_delim" || token.kind === "right_paren") this.next_--;
      else if (token.kind !== "pipe") throw this.unexpected(token, "operand");
      break;
    }
    if (args.length === 0) throw this.wrong("empty command");
    return { kind: "command", at, args };
  }

  private operand(): Operand | undefined {
    const node = this.term();
    const first = this.peek();
    if (node === undefined || first.kind !== "field") return node;
    const names: string[] = [];
    while (this.peek().kind === "field") names.push(this.next().text.slice(1));
    // Go's place of such a node is its first field.
    const { at } = first;
    if (node.kind === "field" || node.kind === "variable")
      return { ...node, at, names: [...node.names, ...names] };
    if (NOT_CALLABLE.has(node.kind)) {
      const shown = goQuote(node.kind === "dot" ? "." : this.source.text.slice(node.at, at));
      throw this.wrong(`unexpected . after term ${shown}`);
    }
    return { kind: "chain", at, node, names };
  }

  private term(): Operand | undefined {
    const token = this.nextNonSpace();
    const { at, text } = token;
    switch (token.kind) {
      case "identifier":
        if (!this.source.isFunction(text))
          throw this.wrong(`function ${goQuote(text)} not defined`);
        return { kind: "identifier", at, name: text };
      case "dot":
      case "nil":
        return { kind: token.kind, at };
      case "variable":
        this.variableAt(text);
        return { kind: "variable", at, names: [text] };
      case "field":
        return { kind: "field", at, names: [text.slice(1)] };
      case "bool":
        return { kind: "bool", at, value: text === "true" };
      case "number":
        return { kind: "number", at, text, value: this.numberOf(text) };
      case "char_constant": {
        const value = BigInt(this.unquoted(token).codePointAt(0) ?? 0);
        return { kind: "number", at, text, value };
      }
      case "left_paren":
        return this.deeper(() => this.pipeline("parenthesized pipeline", "right_paren"));
      case "string":
      case "raw_string":
        return { kind: "string", at, written: text, value: this.unquoted(token) };
      default:
        this.next_--;
        return undefined;
    }
  }

  private unquoted(token: Token): string {
    try {
      return readQuoted(token.text, 0).value;
    } catch {
      throw this.wrong("invalid syntax");
    }
  }

  private numberOf(text: string): number | bigint {
    const value = goNumber(text);
    if (value === undefined) throw this.wrong(`illegal number syntax: ${goQuote(text)}`);
    return value;
  }
}

/** A number as Go's source has it: with a point or an exponent a float, else whole; `undefined` when it is none. */
function goNumber(written: string): number | bigint | undefined {
  const sign = written.startsWith("-") ? -1 : 1;
  const text = written.replace(/^[+-]/, "").replaceAll("_", "");
  if (/^0[xob]/i.test(text) && !/[.p]/i.test(text)) return wholeNumber(text, sign);
  if (/^0x/i.test(text)) return undefined;
  if (/^0[0-7]+$/.test(text)) return wholeNumber(`0o${text.slice(1)}`, sign);
  if (/^[0-9]+$/.test(text)) return wholeNumber(text, sign);
  const value = /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text)
    ? Number(text)
    : Number.NaN;
  return Number.isNaN(value) ? undefined : sign * value;
}

function wholeNumber(text: string, sign: number): bigint | undefined {
  try {
    return BigInt(text) * BigInt(sign);
  } catch {
    return undefined;
  }
}

const isBlank = (body: readonly Statement[]): boolean =>
  body.every((one) => one.kind === "text" && one.text.trim() === "");

function printToken(token: Token): string {
  if (token.kind === "eof") return "EOF";
  if (token.kind === "keyword" || token.kind === "nil") return `<${token.text}>`;
  const chars = [...token.text];
  return chars.length > 10 ? `${goQuote(chars.slice(0, 10).join(""))}...` : goQuote(token.text);
}
