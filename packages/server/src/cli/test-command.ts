/**
 * `triptych test promql FILE…`: runs test scripts of PromQL and reports each evaluation that went wrong. The last line
 * is `N passed, N failed`; a file that cannot be run counts as one failure.
 */
import { readFileSync } from "node:fs";
import { type EvalOutcome, runPromqlTest } from "@triptych/lang";
import { compileRegex } from "../regex/compile.ts";
import { createPacing } from "../query/pacing.ts";
import { partMatcher } from "../regex/regex.ts";
import type { Command } from "commander";
import { testLogql } from "./test-logql.ts";
import { testRules } from "./test-rules.ts";
import { testTraceql } from "./test-traceql.ts";

interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Adds the command; `done` gets 0 when everything went as expected, 1 when not, 2 when a file cannot be run. */
export function addTest(program: Command, deps: Output, done: (code: number) => void): void {
  const test = program
    .command("test")
    .description("Runs test scripts; exit 1 with file:line of what went wrong.");
  test
    .command("rules")
    .description("Tests of recording and alerting rules in promtool's format.")
    .argument("<file...>")
    .action(async (files: string[]) => {
      const total = { passed: 0, failed: 0 };
      for (const file of files) {
        const { passed, failed } = await testRules(file, deps);
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

interface Verdict {
  passed: number;
  failed: number;
  code: number;
}

async function testPromql(file: string, deps: Output): Promise<Verdict> {
  let outcomes: EvalOutcome[];
  try {
    const pacing = createPacing();
    outcomes = await runPromqlTest(readFileSync(file, "utf8"), {
      compileRegex,
      matchesPart: (pattern, text) => partMatcher(pattern)(text),
      pause: () => pacing.pause(),
    });
  } catch (error) {
    deps.err(`${file}: ${error instanceof Error ? error.message : String(error)}\n`);
    return { passed: 0, failed: 1, code: 2 };
  }
  const failed = outcomes.filter((one) => one.failure !== undefined);
  for (const { line, query, failure } of failed)
    deps.err(`${file}:${line}: ${query}\n  ${failure ?? ""}\n`);
  deps.out(`${file}: ${outcomes.length - failed.length} of ${outcomes.length} as expected\n`);
  const passed = outcomes.length - failed.length;
  return { passed, failed: failed.length, code: failed.length === 0 ? 0 : 1 };
}
