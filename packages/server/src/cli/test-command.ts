/**
 * `triptych test promql FILE…`: runs test scripts of PromQL and reports each evaluation that went wrong. The last line
 * is `N passed, N failed`; a file that cannot be run counts as one failure.
 */
import { readFileSync } from "node:fs";
import { runPromqlTest } from "@triptych/lang";
import { compileRegex } from "../regex/compile.ts";
import { createPacing } from "../query/pacing.ts";
import { partMatcher } from "../regex/regex.ts";
import type { Command } from "commander";
import { reportScript, type ScriptOutput, type Verdict } from "./script-report.ts";
import { testLogql } from "./test-logql.ts";
import { type RuleTestOptions, testRules } from "./test-rules.ts";
import { testTraceql } from "./test-traceql.ts";

/** Adds the command; `done` gets 0 when everything went as expected, 1 when not, 2 when a file cannot be run. */
export function addTest(program: Command, deps: ScriptOutput, done: (code: number) => void): void {
  const test = program
    .command("test")
    .description("Runs test scripts; exit 1 with file:line of what went wrong.");
  test
    .command("rules")
    .description("Tests of recording and alerting rules in promtool's format.")
    .argument("<file...>")
    .option(
      "--run <regex>",
      "only tests whose name matches (RE2, a part of it); may be given several times",
      // As promtool: one a flag, so that the file after it is a file.
      (regex: string, all: string[] | undefined) => [...(all ?? []), regex],
    )
    .option("--diff", "show what differs line by line")
    .option("--debug", "tell of each test, with all series at its end")
    .option("--ignore-unknown-fields", "pass over fields that are not known")
    .action(async (files: string[], options: RuleTestOptions) => {
      const total = { passed: 0, failed: 0 };
      for (const file of files) {
        const { passed, failed } = await testRules(file, deps, options);
        total.passed += passed;
        total.failed += failed;
      }
      deps.out(`${total.passed} passed, ${total.failed} failed\n`);
      done(total.failed === 0 ? 0 : 1);
    });
  const scripts: readonly (readonly [string, string, typeof testPromql])[] = [
    ["promql", "Scripts in Prometheus's format: load, clear, eval.", testPromql],
    ["logql", "Scripts in Loki's format: load, clear, eval.", testLogql],
    [
      "traceql",
      "Scripts of ours: load, search, metrics; lists of cases as YAML or JSON.",
      testTraceql,
    ],
  ];
  for (const [name, description, run] of scripts)
    test
      .command(name)
      .description(description)
      .argument("<file...>")
      .action(async (files: string[]) => {
        const total: Verdict = { passed: 0, failed: 0, code: 0 };
        for (const file of files) {
          const verdict = await run(file, deps);
          total.passed += verdict.passed;
          total.failed += verdict.failed;
          total.code = Math.max(total.code, verdict.code);
        }
        deps.out(`${total.passed} passed, ${total.failed} failed\n`);
        done(total.code);
      });
}

function testPromql(file: string, deps: ScriptOutput): Promise<Verdict> {
  const pacing = createPacing();
  return reportScript(file, deps, () =>
    runPromqlTest(readFileSync(file, "utf8"), {
      compileRegex,
      matchesPart: (pattern, text) => partMatcher(pattern)(text),
      pause: () => pacing.pause(),
    }),
  );
}
