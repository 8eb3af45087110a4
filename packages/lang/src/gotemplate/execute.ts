/** Runs templates: a tree walk as Go's, with bounds on output, steps and depth. Errors are in Go's words. */
import { TriptychError } from "@triptych/model";
import { goQuote } from "../promql/go-format.ts";
import { builtins } from "./builtins.ts";
import { escapeHtmlText } from "./escape.ts";
import { fitTo, literalAs } from "./fit.ts";
import type { Branch, Command, Operand, Pipeline, Statement } from "./node.ts";
import { printNode } from "./node.ts";
import type { ParsedTemplate } from "./parser.ts";
import {
  byteLength,
  type CallContext,
  type FunctionTable,
  type GoFunction,
  type GoValue,
  isTrue,
  itemsOf,
  type ParamType,
  printValue,
  TemplateInterrupt,
  typeNameOf,
} from "./value.ts";

export interface TemplateLimits {
  /** Bytes of UTF-8. */
  readonly outputBytesMax: number;
  /** Nodes visited, and characters that functions give, in units of 16. */
  readonly stepsMax: number;
}

export interface ExecuteOptions {
  readonly functions: FunctionTable;
  readonly limits: TemplateLimits;
  /** What a map gives for a key that it has not: nothing, its zero value, or an error. */
  readonly missingKey?: "default" | "zero" | "error" | undefined;
  /** Values are escaped for HTML text; attributes and scripts are not told apart. */
  readonly html?: boolean | undefined;
}

/** Nested `template` actions; Go allows 100,000, which would cost our stack. */
const DEPTH_MAX = 200;
/** Steps for each character that a function gives. */
const STEP_CHARS = 16;

/** Throws `query_failed` with Go's message. Data is only printed, never read as a template. */
export function executeTemplate(
  template: ParsedTemplate,
  data: GoValue,
  options: ExecuteOptions,
): string {
  return new Run(template, options).whole(data);
}

/** No value at all: what the first stage of a pipeline has no value of. */
const absent: unique symbol = Symbol("absent");
type Final = GoValue | typeof absent;
type Flow = "next" | "break" | "continue";

interface Node {
  readonly at: number;
}

interface Scope {
  readonly name: string;
  readonly variables: { name: string; value: GoValue }[];
}

class Run {
  private readonly template: ParsedTemplate;
  private readonly options: ExecuteOptions;
  private readonly context: CallContext;
  private out = "";
  private outBytes = 0;
  private steps = 0;
  private depth = 0;
  private here: Operand | Command | Statement | undefined;
  private scope: Scope;

  constructor(template: ParsedTemplate, options: ExecuteOptions) {
    this.template = template;
    this.options = options;
    this.scope = { name: template.name, variables: [] };
    this.context = { execute: (name, data) => this.named(name, data) };
  }

  whole(data: GoValue): string {
    this.scope.variables.push({ name: "$", value: data });
    this.walkAll(this.template.body, data);
    return this.out;
  }

  /** Output of a defined template, for functions. */
  private named(name: string, data: GoValue): string {
    const body = this.bodyOf(name);
    if (body === undefined) throw new Error(`html/template: ${goQuote(name)} is undefined`);
    const { out } = this;
    this.out = "";
    this.within(name, data, body);
    const text = this.out;
    this.out = out;
    return text;
  }

  private bodyOf(name: string): readonly Statement[] | undefined {
    return (
      this.template.defined.get(name) ??
      (name === this.template.name ? this.template.body : undefined)
    );
  }

  private within(name: string, data: GoValue, body: readonly Statement[]): void {
    if (++this.depth > DEPTH_MAX)
      throw this.wrong(`exceeded maximum template depth (${DEPTH_MAX})`);
    const { scope } = this;
    this.scope = { name, variables: [{ name: "$", value: data }] };
    this.walkAll(body, data);
    this.scope = scope;
    this.depth--;
  }

  private wrong(message: string): TriptychError {
    const { here, template } = this;
    if (here === undefined)
      return new TriptychError("query_failed", `template: ${this.scope.name}: ${message}`);
    const before = template.text.slice(0, here.at);
    const line = before.split("\n").length;
    const column = byteLength(before.slice(before.lastIndexOf("\n") + 1));
    const place = `${template.name}:${line}:${column}`;
    const text = `template: ${place}: executing ${goQuote(this.scope.name)} at <${printNode(here)}>: ${message}`;
    return new TriptychError("query_failed", text, { offset: here.at });
  }

  private step(count = 1): void {
    this.steps += count;
    if (this.steps > this.options.limits.stepsMax)
      throw this.wrong(`the template takes more than ${this.options.limits.stepsMax} steps`);
  }

  private write(text: string): void {
    this.outBytes += byteLength(text);
    if (this.outBytes > this.options.limits.outputBytesMax)
      throw this.wrong(`the output is larger than ${this.options.limits.outputBytesMax} bytes`);
    this.out += text;
  }

  private walkAll(body: readonly Statement[], dot: GoValue): Flow {
    for (const one of body) {
      const flow = this.walk(one, dot);
      if (flow !== "next") return flow;
    }
    return "next";
  }

  private walk(node: Statement, dot: GoValue): Flow {
    this.here = node;
    this.step();
    switch (node.kind) {
      case "text":
        this.write(node.text);
        return "next";
      case "action": {
        const value = this.pipeline(dot, node.pipeline);
        if (node.pipeline.declared.length === 0) {
          this.here = node;
          this.print(value);
        }
        return "next";
      }
      case "if":
      case "with":
        return this.conditional(node, dot);
      case "range":
        return this.range(node, dot);
      case "break":
      case "continue":
        return node.kind;
      case "template": {
        const body = this.bodyOf(node.name);
        if (body === undefined) throw this.wrong(`template ${goQuote(node.name)} not defined`);
        const data = node.pipeline === undefined ? null : this.pipeline(dot, node.pipeline);
        this.here = node;
        this.within(node.name, data, body);
        return "next";
      }
    }
  }

  private print(value: GoValue): void {
    if (!this.options.html) {
      this.write(value === null ? "<no value>" : printValue(value));
      return;
    }
    if (value === null) return;
    const isSafe = typeof value === "object" && value.kind === "object" && value.safe === true;
    this.write(isSafe ? printValue(value) : escapeHtmlText(printValue(value)));
  }

  private conditional(node: Branch, dot: GoValue): Flow {
    const mark = this.scope.variables.length;
    const value = this.pipeline(dot, node.pipeline);
    let flow: Flow = "next";
    if (isTrue(value)) flow = this.walkAll(node.body, node.kind === "with" ? value : dot);
    else if (node.otherwise !== undefined) flow = this.walkAll(node.otherwise, dot);
    this.scope.variables.length = mark;
    return flow;
  }

  private range(node: Branch, dot: GoValue): Flow {
    const { variables } = this.scope;
    const outer = variables.length;
    const value = this.pipeline(dot, node.pipeline);
    const mark = variables.length;
    let ran = false;
    let flow: Flow = "next";
    const items = itemsOf(value);
    if (items === undefined) throw this.wrong(`range can't iterate over ${printValue(value)}`);
    for (const [index, item] of items) {
      ran = true;
      this.step();
      this.setLoop(node.pipeline, index, item);
      flow = this.walkAll(node.body, item);
      variables.length = mark;
      if (flow === "break") break;
    }
    flow = "next";
    if (!ran && node.otherwise !== undefined) flow = this.walkAll(node.otherwise, dot);
    variables.length = outer;
    return flow;
  }

  /** The variables are there already: the pipeline put them. */
  private setLoop({ declared }: Pipeline, index: GoValue, item: GoValue): void {
    const [first, second] = declared;
    if (first === undefined) return;
    this.setVariable(first, second === undefined ? item : index);
    if (second !== undefined) this.setVariable(second, item);
  }

  private setVariable(name: string, value: GoValue): void {
    const { variables } = this.scope;
    const at = variables.findLastIndex((one) => one.name === name);
    const found = variables[at];
    if (found === undefined) throw this.wrong(`undefined variable: ${name}`);
    variables[at] = { name, value };
  }

  private pipeline(dot: GoValue, node: Pipeline): GoValue {
    this.here = node;
    this.step();
    let value: Final = absent;
    for (const command of node.commands) value = this.command(dot, command, value);
    const result = value === absent ? null : value;
    for (const name of node.declared) {
      if (node.isAssign) this.setVariable(name, result);
      else this.scope.variables.push({ name, value: result });
    }
    return result;
  }

  private command(dot: GoValue, command: Command, final: Final): GoValue {
    const first = command.args[0] as Operand;
    const call: Call = { args: command.args, final };
    switch (first.kind) {
      case "field":
        this.here = first;
        return this.fields(dot, first, { names: first.names, ...call });
      case "chain":
        return this.chain(dot, first, call);
      case "identifier":
        return this.function(dot, first, { ...call, node: command });
      case "pipeline":
        this.notAFunction(call);
        return this.pipeline(dot, first);
      case "variable":
        return this.variable(first, dot, call);
      default:
        break;
    }
    this.here = first;
    this.notAFunction(call);
    if (first.kind === "nil") throw this.wrong("nil is not a command");
    return this.constant(dot, first);
  }

  private constant(
    dot: GoValue,
    node: Extract<Operand, { kind: "dot" | "nil" | "bool" | "number" | "string" }>,
  ): GoValue {
    switch (node.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "bool":
      case "string":
        return node.value;
      case "number":
        if (
          typeof node.value === "bigint" &&
          (node.value >= 2n ** 63n || node.value < -(2n ** 63n))
        )
          throw this.wrong(`${node.text} overflows int`);
        return node.value;
    }
  }

  private notAFunction({ args, final }: Call): void {
    if (args.length > 1 || final !== absent)
      throw this.wrong(`can't give argument to non-function ${printNode(args[0] as Operand)}`);
  }

  private variable(
    node: Extract<Operand, { kind: "variable" }>,
    dot: GoValue,
    call: Call,
  ): GoValue {
    this.here = node;
    const [name = "", ...names] = node.names;
    const found = this.scope.variables.findLast((one) => one.name === name);
    if (found === undefined) throw this.wrong(`undefined variable: ${name}`);
    if (names.length === 0) {
      this.notAFunction(call);
      return found.value;
    }
    return this.fields(found.value, node, { ...call, names, dot });
  }

  private chain(dot: GoValue, node: Extract<Operand, { kind: "chain" }>, call: Call): GoValue {
    this.here = node;
    if (node.node.kind === "nil")
      throw this.wrong(`indirection through explicit nil in ${printNode(node)}`);
    const receiver = this.argument(dot, node.node, "any");
    return this.fields(receiver, node, { ...call, names: node.names, dot });
  }

  /** Takes fields one of another; the last one may be a method and gets the arguments. */
  private fields(receiver: GoValue, node: Operand, access: Access): GoValue {
    let value = receiver;
    const last = access.names.length - 1;
    const none: Call = { args: [], final: absent };
    for (const [i, name] of access.names.entries()) {
      const call = i === last ? access : none;
      value = this.field(value, name, { ...call, dot: access.dot ?? receiver, node });
    }
    return value;
  }

  private field(
    receiver: GoValue,
    name: string,
    call: Call & { dot: GoValue; node: Operand },
  ): GoValue {
    const missing = this.options.missingKey ?? "default";
    if (receiver === null) {
      if (missing === "error") throw this.wrong(`nil data; no entry for key ${goQuote(name)}`);
      return null;
    }
    if (typeof receiver === "object" && receiver.kind === "object") {
      const method = receiver.methods.get(name);
      if (method !== undefined)
        return this.invoke(call.dot, method, {
          args: call.args,
          final: call.final,
          node: call.node,
          name,
        });
      const value = receiver.fields.get(name);
      if (value !== undefined) {
        if (call.args.length > 1 || call.final !== absent)
          throw this.wrong(`${name} has arguments but cannot be invoked as function`);
        return value;
      }
    }
    if (typeof receiver === "object" && receiver.kind === "map") {
      if (call.args.length > 1 || call.final !== absent)
        throw this.wrong(`${name} is not a method but has arguments`);
      const value = receiver.entries.get(name);
      if (value !== undefined) return value;
      if (missing === "error") throw this.wrong(`map has no entry for key ${goQuote(name)}`);
      return missing === "zero" ? receiver.zero : null;
    }
    throw this.wrong(`can't evaluate field ${name} in type ${typeNameOf(receiver)}`);
  }

  private function(
    dot: GoValue,
    node: Extract<Operand, { kind: "identifier" }>,
    call: Call & { node: Node },
  ): GoValue {
    this.here = node;
    const { name } = node;
    const own = this.options.functions.get(name);
    if (own === undefined && (name === "and" || name === "or"))
      return this.logical(dot, name, call);
    const found = own ?? builtins.get(name);
    if (found === undefined) throw this.wrong(`${goQuote(name)} is not a defined function`);
    return this.invoke(dot, found, { ...call, name });
  }

  /** Stops at the first argument that decides. */
  private logical(dot: GoValue, name: "and" | "or", { args, final }: Call): GoValue {
    const given = args.slice(1);
    if (given.length === 0 && final === absent)
      throw this.wrong(`wrong number of args for ${name}: want at least 1 got 0`);
    let value: GoValue = null;
    for (const arg of given) {
      value = this.argument(dot, arg, "any");
      if (isTrue(value) === (name === "or")) return value;
    }
    return final === absent ? value : final;
  }

  private invoke(
    dot: GoValue,
    found: GoFunction,
    call: Call & { node: Node; name: string },
  ): GoValue {
    const given = call.args.slice(1);
    const { params, variadic = false } = found;
    const count = given.length + (call.final === absent ? 0 : 1);
    const fixed = variadic ? params.length - 1 : params.length;
    if (variadic ? count < fixed : count !== fixed) {
      const least = variadic ? `at least ${fixed}` : String(fixed);
      const got = variadic ? given.length : count;
      throw this.wrong(`wrong number of args for ${call.name}: want ${least} got ${got}`);
    }
    const type = (i: number): ParamType => params[Math.min(i, params.length - 1)] ?? "any";
    const values = given.map((arg, i) => this.argument(dot, arg, type(i)));
    if (call.final !== absent) values.push(this.fit(call.final, type(given.length)));
    this.step();
    try {
      const result = found.call(values, this.context);
      if (typeof result === "string") this.step(Math.ceil(result.length / STEP_CHARS));
      return result;
    } catch (error) {
      if (error instanceof TemplateInterrupt || isLimit(error)) throw error;
      this.here = call.node as Operand;
      throw this.wrong(
        `error calling ${call.name}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  private argument(dot: GoValue, node: Operand, type: ParamType): GoValue {
    this.here = node;
    this.step();
    const alone: Call = { args: [node], final: absent };
    switch (node.kind) {
      case "dot":
        return this.fit(dot, type);
      case "nil":
        if (type === "any") return null;
        throw this.wrong(`cannot assign nil to ${type}`);
      case "field":
        return this.fit(this.fields(dot, node, { ...alone, names: node.names }), type);
      case "variable":
        return this.fit(this.variable(node, dot, alone), type);
      case "pipeline":
        return this.fit(this.pipeline(dot, node), type);
      case "identifier":
        return this.fit(this.function(dot, node, { ...alone, node }), type);
      case "chain":
        return this.fit(this.chain(dot, node, alone), type);
      default:
        return this.checked(() => literalAs(this.constant(null, node), printNode(node), type));
    }
  }

  private fit(value: GoValue, type: ParamType): GoValue {
    return this.checked(() => fitTo(value, type));
  }

  /** Gives what is wrong with an argument its place. */
  private checked(run: () => GoValue): GoValue {
    try {
      return run();
    } catch (error) {
      throw this.wrong((error as Error).message);
    }
  }
}

interface Call {
  readonly args: readonly Operand[];
  readonly final: Final;
}

interface Access extends Call {
  readonly names: readonly string[];
  /** What `.` is for the arguments; the receiver itself when absent. */
  readonly dot?: GoValue;
}

/** A template that ran into its own bounds in a nested call is told so once. */
function isLimit(error: unknown): boolean {
  return error instanceof TriptychError && error.message.startsWith("template: ");
}
