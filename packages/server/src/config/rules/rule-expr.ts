/** The expression of a rule, in one of the languages that rules are written in. */
import {
  checkLogql,
  type LogqlExpr,
  parseLogql,
  parsePromql,
  placeOf,
  type PromqlExpr,
  printLogql,
  printPromql,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { compileRegex } from "../../regex/compile.ts";
import { logqlRegexes } from "../../regex/logql-regexes.ts";

export type RuleExpr =
  | { readonly language: "promql"; readonly expr: PromqlExpr }
  | { readonly language: "logql"; readonly expr: LogqlExpr };

export type RuleLanguage = RuleExpr["language"];

/** Throws `query_invalid` with the place in the text. */
export function parseRuleExpr(text: string, language: RuleLanguage): RuleExpr {
  if (language === "promql") return { language, expr: parsePromql(text, { compileRegex }) };
  const expr = parseLogql(text);
  // The time means nothing to a check.
  checkLogql(expr, { regexes: logqlRegexes, nowMs: () => 0 });
  return { language, expr };
}

/** In the one form that the language's own program prints. */
export function printRuleExpr(rule: RuleExpr): string {
  return rule.language === "promql" ? printPromql(rule.expr) : printLogql(rule.expr);
}

/** As `parseRuleExpr`; what is wrong is a text, in the words of the language's own program. */
export function readRuleExpr(text: string, language: RuleLanguage): RuleExpr | string {
  try {
    return parseRuleExpr(text, language);
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    const { line, column } = placeOf(text, error.offset ?? 0);
    return language === "promql"
      ? `${line}:${column}: parse error: ${error.message}`
      : `parse error at line ${line}, col ${column}: ${error.message}`;
  }
}
