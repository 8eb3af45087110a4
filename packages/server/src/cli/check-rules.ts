/** `triptych check` of a rule file of Prometheus or Loki: errors as those tell them, and lints with why and how. */
import type { LintKnowledge } from "../config/rules/lints.ts";
import { lintRule } from "../config/rules/logql-lints.ts";
import { parseRuleFile, printProblem, type RuleConfig } from "../config/rules/rule-file.ts";
import { ruleLanguageOf } from "../config/rules/rule-language.ts";
import type { CheckContext, CheckedFile, CheckVerdict } from "./check-kind.ts";

export function checkRules(
  { file, text }: CheckedFile,
  { files, known }: CheckContext,
): CheckVerdict {
  const language = ruleLanguageOf(text);
  const { groups, problems } = parseRuleFile(text, file, { language });
  const rules = groups.flatMap((group) => group.rules);
  const recorded = new Set(files.flatMap((one) => recordedIn(one)));
  const knowledge: LintKnowledge = { ...known, recorded };
  const warnings = rules.flatMap((rule) => [...lintsOf(file, rule, knowledge)]);
  return {
    errors: problems.map((problem) => printProblem(file, problem)),
    warnings: [...warnings, ...duplicates(file, rules)],
    summary: `${rules.length} rules${language === "logql" ? " over logs" : ""}`,
  };
}

function recordedIn({ file, text }: CheckedFile): string[] {
  if (!/^\{?\s*["']?groups/m.test(text)) return [];
  const language = ruleLanguageOf(text);
  return parseRuleFile(text, file, { language }).groups.flatMap(({ rules }) =>
    rules.filter(({ kind }) => kind === "record").map(({ name }) => name),
  );
}

function* lintsOf(file: string, rule: RuleConfig, known: LintKnowledge): Generator<string> {
  for (const { name, what, why, fix, at } of lintRule(rule, known)) {
    const place = at === "expr" ? rule.exprPlace : rule.place;
    const message = `${rule.kind} "${rule.name}": ${what}\n    why: ${why}\n    fix: ${fix} [${name}]`;
    yield printProblem(file, { ...place, message: `warning: ${message}` });
  }
}

/** Two rules that write the same series. */
function* duplicates(file: string, rules: readonly RuleConfig[]): Generator<string> {
  const seen = new Map<string, RuleConfig>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.kind, rule.name, rule.labels]);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, rule);
      continue;
    }
    // Alerts often have two rules of one name with different expressions on purpose.
    if (rule.kind === "alert" && first.exprText !== rule.exprText) continue;
    const message = `warning: ${rule.kind} "${rule.name}": stands in line ${first.place.line} too, with the same labels
    why: both write the same series, and which value stays is chance
    fix: remove one of them, or tell them apart by a label [duplicate-rule]`;
    yield printProblem(file, { ...rule.place, message });
  }
}
