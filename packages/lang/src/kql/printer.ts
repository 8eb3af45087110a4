/** KQL's trees as text, such that parsing it gives the tree again. */
import { unreachable } from "@triptych/model";
import type { KqlBound, KqlExpr, KqlPattern, KqlValue } from "./ast.ts";

export function printKql(expr: KqlExpr): string {
  return print(expr, "or");
}

/** `within`: the loosest operator that needs no parentheses here. */
function print(expr: KqlExpr, within: "or" | "and" | "not"): string {
  switch (expr.kind) {
    case "all":
      return "*";
    case "or":
    case "and": {
      const isLoose = within === "not" || (within === "and" && expr.kind === "or");
      const inside = expr.kind === "or" ? "and" : "not";
      const text = expr.operands.map((operand) => print(operand, inside)).join(` ${expr.kind} `);
      return isLoose ? `(${text})` : text;
    }
    case "not":
      return `not ${print(expr.operand, "not")}`;
    case "match": {
      const value = printValue(expr.value);
      return expr.field === undefined ? value : `${printPattern(expr.field.name)}: ${value}`;
    }
    case "exists":
      return `${printPattern(expr.field.name)}: *`;
    case "range":
      return `${printPattern(expr.field.name)}${printRange(expr.lower, expr.upper)}`;
    default:
      return unreachable(expr);
  }
}

function printRange(lower: KqlBound | undefined, upper: KqlBound | undefined): string {
  const one = lower === undefined ? upper : upper === undefined ? lower : undefined;
  if (one !== undefined)
    return ` ${lower === undefined ? "<" : ">"}${one.inclusive ? "=" : ""} ${printText(one.text)}`;
  const open = lower?.inclusive === false ? "{" : "[";
  const close = upper?.inclusive === false ? "}" : "]";
  return `: ${open}${printText(lower?.text ?? "")} TO ${printText(upper?.text ?? "")}${close}`;
}

function printValue(value: KqlValue): string {
  if (value.kind === "pattern") return printPattern(value.pattern);
  return `/${value.pattern.replace(/\\(.)|\//gs, (all) => (all === "/" ? "\\/" : all))}/`;
}

/** A word that needs no quotes wherever it stands. */
const PLAIN = /^(?!(?:and|or|not|to)$)[\p{L}\p{N}_@.$%][\p{L}\p{N}_@.$%,;=#/+-]*$/iu;

function printText(text: string): string {
  return PLAIN.test(text) ? text : quoteKql(text);
}

const named: { readonly [char: string]: string } = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "\\": "\\\\",
};

export function quoteKql(text: string): string {
  return `"${text.replace(/[\n\r\t"\\]/g, (char) => named[char] ?? char)}"`;
}

export function printPattern(pattern: KqlPattern): string {
  const [first] = pattern;
  if (pattern.length <= 1 && first?.kind !== "any" && first?.kind !== "one")
    return printText(first?.text ?? "");
  return pattern
    .map((piece) => {
      if (piece.kind === "any") return "*";
      return piece.kind === "one" ? "?" : escaped(piece.text);
    })
    .join("");
}

/** Every sign is escaped: which of them would end or begin something depends on what stands around. */
function escaped(text: string): string {
  return text.replace(/[^\p{L}\p{N}_.]/gu, (char) => {
    const known = named[char];
    return known !== undefined && char !== '"' && char !== "\\" ? known : `\\${char}`;
  });
}
