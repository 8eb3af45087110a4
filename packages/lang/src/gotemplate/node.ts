/** The tree of a template; nodes print as Go prints them, because errors quote them. */

interface At {
  /** Character offset of the node in its template's text. */
  readonly at: number;
}

export interface Field extends At {
  readonly kind: "field";
  readonly names: readonly string[];
}
export interface Variable extends At {
  readonly kind: "variable";
  /** With its `$`; then the fields taken of it. */
  readonly names: readonly string[];
}
export interface Chain extends At {
  readonly kind: "chain";
  readonly node: Operand;
  readonly names: readonly string[];
}
export type Operand =
  | Field
  | Variable
  | Chain
  | Pipeline
  | ({ readonly kind: "identifier"; readonly name: string } & At)
  | ({ readonly kind: "dot" | "nil" } & At)
  | ({ readonly kind: "bool"; readonly value: boolean } & At)
  | ({ readonly kind: "number"; readonly text: string; readonly value: number | bigint } & At)
  | ({ readonly kind: "string"; readonly written: string; readonly value: string } & At);

export interface Command extends At {
  readonly kind: "command";
  readonly args: readonly Operand[];
}

export interface Pipeline extends At {
  readonly kind: "pipeline";
  readonly declared: readonly string[];
  readonly isAssign: boolean;
  readonly commands: readonly Command[];
}

export type Statement =
  | ({ readonly kind: "text"; readonly text: string } & At)
  | ({ readonly kind: "action"; readonly pipeline: Pipeline } & At)
  | Branch
  | ({ readonly kind: "break" | "continue" } & At)
  | ({
      readonly kind: "template";
      readonly name: string;
      readonly pipeline: Pipeline | undefined;
    } & At);

export interface Branch extends At {
  readonly kind: "if" | "with" | "range";
  readonly pipeline: Pipeline;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[] | undefined;
}

export function printNode(node: Operand | Command | Statement): string {
  switch (node.kind) {
    case "field":
      return node.names.map((name) => `.${name}`).join("");
    case "variable":
      return node.names.join(".");
    case "chain":
      return printOperand(node.node) + node.names.map((name) => `.${name}`).join("");
    case "identifier":
      return node.name;
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "bool":
      return String(node.value);
    case "number":
    case "text":
      return node.text;
    case "string":
      return node.written;
    case "command":
      return node.args.map(printOperand).join(" ");
    case "pipeline": {
      const sign = node.isAssign ? " = " : " := ";
      const head = node.declared.length > 0 ? node.declared.join(", ") + sign : "";
      return head + node.commands.map(printNode).join(" | ");
    }
    case "action":
      return `{{${printNode(node.pipeline)}}}`;
    case "break":
    case "continue":
      return `{{${node.kind}}}`;
    case "template": {
      const data = node.pipeline === undefined ? "" : ` ${printNode(node.pipeline)}`;
      return `{{template ${JSON.stringify(node.name)}${data}}}`;
    }
    default: {
      const rest =
        node.otherwise === undefined ? "" : `{{else}}${node.otherwise.map(printNode).join("")}`;
      return `{{${node.kind} ${printNode(node.pipeline)}}}${node.body.map(printNode).join("")}${rest}{{end}}`;
    }
  }
}

const printOperand = (node: Operand): string =>
  node.kind === "pipeline" ? `(${printNode(node)})` : printNode(node);
