/** `triptych test logql FILE…`: runs Loki's test scripts. */
import { readFileSync } from "node:fs";
import type { LogqlOutcome } from "@triptych/lang";
import { runLogqlScript } from "../query/logql/run-script.ts";

interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** How a file went; `code` is 0 when all is as expected, 1 when not, 2 when it cannot be run. */
export async function testLogql(
  file: string,
  deps: Output,
): Promise<{ passed: number; failed: number; code: number }> {
  let outcomes: LogqlOutcome[];
  try {
    outcomes = await runLogqlScript(readFileSync(file, "utf8"));
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
