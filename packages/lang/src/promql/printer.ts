/** PromQL trees as text that parses to the same tree. */
import { printMatcher } from "../matcher.ts";
import { quote } from "../source.ts";
import type { PromqlExpr } from "./ast.ts";
import { formatFloat } from "./format-float.ts";

const PLAIN_METRIC = /^(?:[a-zA-Z_]|:[a-zA-Z_:])[a-zA-Z0-9_:]*$/;
/** Names that read as something else when they stand alone. */
const AMBIGUOUS = /^(?:inf|nan|bool|on|ignoring|group_left|group_right|atan2)$/i;

export function printPromql(expr: PromqlExpr): string {
  switch (expr.kind) {
    case "number":
      return formatFloat(expr.value);
    case "string":
      return quote(expr.value);
    case "vector_selector": {
      const matchers = expr.matchers.map(printMatcher);
      const plain = PLAIN_METRIC.test(expr.name) && !AMBIGUOUS.test(expr.name);
      if (plain) return matchers.length === 0 ? expr.name : `${expr.name}{${matchers.join(",")}}`;
      const name = expr.name === "" ? [] : [quote(expr.name)];
      return `{${[...name, ...matchers].join(",")}}`;
    }
  }
}
