/** `triptych test traceql FILE…`: runs our scripts, and lists of cases that others publish as YAML or JSON. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { runTraceqlScript, type TraceqlOutcome } from "@triptych/lang";
import { runCases, runExamples } from "../query/traceql/published.ts";
import { compileRegex } from "../regex/compile.ts";
import { checkPattern } from "../regex/regex.ts";

interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** How a file went; `code` is 0 when all is as expected, 1 when not, 2 when it cannot be run. */
export async function testTraceql(
  file: string,
  deps: Output,
): Promise<{ passed: number; failed: number; code: number }> {
  let outcomes: TraceqlOutcome[];
  try {
    outcomes = run(file);
  } catch (error) {
    deps.err(`${file}: ${error instanceof Error ? error.message : String(error)}\n`);
    return { passed: 0, failed: 1, code: 2 };
  }
  const failed = outcomes.filter((one) => one.failure !== undefined);
  for (const { line, query, failure } of failed)
    deps.err(`${file}:${line}: ${query}\n  ${failure ?? ""}\n`);
  const passed = outcomes.length - failed.length;
  deps.out(`${file}: ${passed} of ${outcomes.length} as expected\n`);
  return { passed, failed: failed.length, code: failed.length === 0 ? 0 : 1 };
}

function run(file: string): TraceqlOutcome[] {
  const text = readFileSync(file, "utf8");
  if (/\.ya?ml$/.test(file)) return runExamples(text);
  if (file.endsWith(".json"))
    return runCases(text, (path) => readFileSync(resolve(dirname(file), path), "utf8"));
  return runTraceqlScript(text, { compileRegex, checkRegex: checkPattern });
}
