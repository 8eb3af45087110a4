/** What the guide shows works as it stands there. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lints } from "../config/rules/lints.ts";
import { lintRule, logqlLints } from "../config/rules/logql-lints.ts";
import { requireRuleFile } from "../config/rules/rule-file.ts";
import { ruleLanguageOf } from "../config/rules/rule-language.ts";
import { parseRuleTestFile } from "../config/rules/test-file.ts";
import { runRuleTest } from "./rule-test.ts";

const guide = readFileSync(new URL("../../../../docs/guide/rules.md", import.meta.url), "utf8");

function block(name: string): string {
  const start = guide.indexOf(`\`\`\`yaml ${name}\n`);
  expect(start).toBeGreaterThan(0);
  const from = guide.indexOf("\n", start) + 1;
  return guide.slice(from, guide.indexOf("```", from));
}

test("the rules load without a warning and pass the test", async () => {
  const { groups } = requireRuleFile(block("rules"), "rules.yml");
  const file = parseRuleTestFile(block("test"), "tests.yml");
  const verdicts = await Promise.all(file.tests.map((one) => runRuleTest(one, { file, groups })));
  expect(verdicts).toMatchObject([{ passed: 3, failures: [] }]);
  const known = { types: new Map<string, string>(), recorded: new Set<string>() };
  const rules = groups.flatMap((group) => group.rules);
  const found = rules.flatMap((rule) => [...lintRule(rule, known)]);
  expect(found).toEqual([]);
});

test("the rules over logs load without a warning", () => {
  const text = block("loki rules");
  expect(ruleLanguageOf(text)).toBe("logql");
  const { groups } = requireRuleFile(text, "rules.yaml", { language: "logql" });
  const known = { types: new Map<string, string>(), recorded: new Set<string>() };
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.flatMap((rule) => [...lintRule(rule, known)])).toEqual([]);
});

test("every lint is told of", () => {
  for (const { name } of [...lints, ...logqlLints]) expect(guide).toContain(`\`${name}\``);
});
