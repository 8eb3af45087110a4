/**
 * Which language the rules of a file are written in: neither Prometheus nor Loki says so in the file, and each reads
 * only its own.
 */
import { logQueriesOf } from "@triptych/lang";
import type { RuleLanguage } from "./rule-expr.ts";
import { parseRuleFile, type RuleGroupConfig } from "./rule-file.ts";

/** Selectors of LogQL name no metric and often go on with a stage, which PromQL has not. */
const STAGE = /\}\s*(?:\|[=~>|\s]|![=~>]\s*["`])/;

/** The language in which fewer expressions are wrong. A selector that both take is LogQL: it names no metric at all. */
export function ruleLanguageOf(text: string): RuleLanguage {
  const logs = parseRuleFile(text, "", { language: "logql" });
  if (logs.problems.length === 0) return logs.groups.some(readsLogs) ? "logql" : "promql";
  const metrics = parseRuleFile(text, "").problems.length;
  if (metrics !== logs.problems.length) return metrics < logs.problems.length ? "promql" : "logql";
  return STAGE.test(text) ? "logql" : "promql";
}

const readsLogs = ({ rules }: RuleGroupConfig): boolean =>
  rules.some((rule) => rule.language === "logql" && logQueriesOf(rule.expr).length > 0);
