/** Runs a test script of LogQL, with our regular expressions and pauses. */
import { type LogqlOutcome, runLogqlTest } from "@triptych/lang";
import { compileRegex } from "../../regex/compile.ts";
import { partMatcher } from "../../regex/regex.ts";
import { systemClock } from "../../self/clock.ts";
import { createPacing } from "../pacing.ts";
import { pipelineDeps } from "./pipeline-deps.ts";

/** Throws an `Error` for a script that cannot be read. */
export function runLogqlScript(script: string): Promise<LogqlOutcome[]> {
  const pacing = createPacing();
  return runLogqlTest(script, {
    deps: pipelineDeps(systemClock),
    compileRegex,
    matchesPart: (pattern, text) => partMatcher(pattern)(text),
    pause: () => pacing.pause(),
  });
}
