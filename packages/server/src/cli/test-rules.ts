/**
 * `triptych test rules FILE…`: runs rule tests in promtool's format. Each expectation counts; a file or a test that
 * cannot be run counts as one failure.
 */
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { asTriptychError } from "@triptych/model";
import { type RuleGroupConfig, requireRuleFile } from "../config/rules/rule-file.ts";
import { ruleLanguageOf } from "../config/rules/rule-language.ts";
import { expandRulePaths } from "../config/rules/rule-paths.ts";
import { parseRuleTestFile, type RuleTestFile } from "../config/rules/test-file.ts";
import { partMatcher } from "../regex/regex.ts";
import { runRuleTest } from "../rules/rule-test.ts";
import { lineDiff } from "./line-diff.ts";

export interface RulesVerdict {
  readonly passed: number;
  readonly failed: number;
}

interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

export interface RuleTestOptions {
  /** RE2 patterns: only tests are run of whose name one matches a part. All when there are none. */
  readonly run?: readonly string[] | undefined;
  /** Shows what was expected and what was there line by line. */
  readonly diff?: boolean | undefined;
  /** Tells of each test when it begins and of all series at its end. */
  readonly debug?: boolean | undefined;
  /** Fields that are not known, in tests and rules, are passed over. */
  readonly ignoreUnknownFields?: boolean | undefined;
}

export async function testRules(
  file: string,
  deps: Output,
  options: RuleTestOptions = {},
): Promise<RulesVerdict> {
  deps.out(`Unit Testing:  ${file}\n`);
  let passed = 0;
  const failures: string[] = [];
  try {
    const wanted = nameTest(options.run ?? []);
    const ignoreUnknownFields = options.ignoreUnknownFields === true;
    const read = parseRuleTestFile(readFileSync(file, "utf8"), file, { ignoreUnknownFields });
    const groups = groupsOf(read, file, { ignoreUnknownFields, warn: deps.err });
    for (const test of read.tests.filter(({ name }) => wanted(name))) {
      if (options.debug) deps.out(`DEBUG: starting test ${JSON.stringify(test.name)}\n`);
      const verdict = await runRuleTest(test, { file: read, groups });
      passed += verdict.passed;
      if (options.debug)
        deps.out(
          verdict
            .series()
            .map((line) => `  ${line}\n`)
            .join(""),
        );
      for (const { line, text, compared } of verdict.failures) {
        const shown =
          options.diff && compared !== undefined
            ? `${text.split("\n        exp:")[0]}\n${lineDiff(compared.want, compared.got)}`
            : text;
        failures.push(`${shown}\n      at ${file}:${line}`);
      }
    }
  } catch (thrown) {
    const error = asTriptychError(thrown);
    failures.push(error.message);
  }
  if (failures.length === 0) deps.out("  SUCCESS\n\n");
  else deps.err(`  FAILED:\n${failures.join("\n\n")}\n\n`);
  return { passed, failed: failures.length };
}

function nameTest(patterns: readonly string[]): (name: string) => boolean {
  const tests = patterns.map((pattern) => partMatcher(pattern));
  return (name) => tests.length === 0 || tests.some((test) => test(name));
}

/** Rule files are meant relative to the test. */
function groupsOf(
  test: RuleTestFile,
  file: string,
  options: { readonly ignoreUnknownFields: boolean; readonly warn: (text: string) => void },
): RuleGroupConfig[] {
  const directory = dirname(file);
  const paths = expandRulePaths(test.ruleFiles, directory);
  for (const name of test.ruleFiles)
    if (expandRulePaths([name], directory).length === 0)
      options.warn(
        `  WARNING: no file match pattern ${isAbsolute(name) ? name : join(directory, name)}\n`,
      );
  return paths.flatMap((path) => {
    const text = readFileSync(path, "utf8");
    if (ruleLanguageOf(text) === "logql")
      throw new Error(
        `${path}: these rules are over logs (LogQL); tests are of rules over metrics (PromQL), for their input is series. \`triptych check\` reads both.`,
      );
    return requireRuleFile(text, path, options).groups;
  });
}
