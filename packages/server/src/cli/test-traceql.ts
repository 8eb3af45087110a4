/** `triptych test traceql FILE…`: runs our scripts, and lists of cases that others publish as YAML or JSON. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { runTraceqlScript, type TraceqlOutcome } from "@triptych/lang";
import { runCases, runExamples } from "../query/traceql/published.ts";
import { compileRegex } from "../regex/compile.ts";
import { checkPattern } from "../regex/regex.ts";
import { reportScript, type ScriptOutput, type Verdict } from "./script-report.ts";

export function testTraceql(file: string, deps: ScriptOutput): Promise<Verdict> {
  return reportScript(file, deps, () => run(file));
}

function run(file: string): TraceqlOutcome[] {
  const text = readFileSync(file, "utf8");
  if (/\.ya?ml$/.test(file)) return runExamples(text);
  if (file.endsWith(".json"))
    return runCases(text, (path) => readFileSync(resolve(dirname(file), path), "utf8"));
  return runTraceqlScript(text, { compileRegex, checkRegex: checkPattern });
}
