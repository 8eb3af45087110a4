/**
 * `triptych test rules FILE…`: runs rule tests in promtool's format. Each expectation counts; a file or a test that
 * cannot be run counts as one failure.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { asTriptychError } from "@triptych/model";
import { type RuleGroupConfig, requireRuleFile } from "../config/rules/rule-file.ts";
import { expandRulePaths } from "../config/rules/rule-paths.ts";
import { parseRuleTestFile, type RuleTestFile } from "../config/rules/test-file.ts";
import { runRuleTest } from "../rules/rule-test.ts";

export interface RulesVerdict {
  readonly passed: number;
  readonly failed: number;
}

interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

export async function testRules(file: string, deps: Output): Promise<RulesVerdict> {
  deps.out(`Unit Testing:  ${file}\n`);
  let passed = 0;
  const failures: string[] = [];
  try {
    const read = parseRuleTestFile(readFileSync(file, "utf8"), file);
    const groups = groupsOf(read, file);
    for (const test of read.tests) {
      const verdict = await runRuleTest(test, { file: read, groups });
      passed += verdict.passed;
      for (const { line, text } of verdict.failures)
        failures.push(`${text}\n      at ${file}:${line}`);
    }
  } catch (thrown) {
    const error = asTriptychError(thrown);
    failures.push(error.message);
  }
  if (failures.length === 0) deps.out("  SUCCESS\n\n");
  else deps.err(`  FAILED:\n${failures.join("\n\n")}\n\n`);
  return { passed, failed: failures.length };
}

/** Rule files are meant relative to the test. */
function groupsOf(test: RuleTestFile, file: string): RuleGroupConfig[] {
  const paths = expandRulePaths(test.ruleFiles, dirname(file));
  for (const name of test.ruleFiles) {
    if (/[*?[]/.test(name) || existsSync(expandRulePaths([name], dirname(file))[0] ?? "")) continue;
    throw new Error(`${file}: the rule file ${name} does not exist`);
  }
  return paths.flatMap((path) => requireRuleFile(readFileSync(path, "utf8"), path).groups);
}
