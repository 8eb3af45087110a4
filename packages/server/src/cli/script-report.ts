/** Runs one test script of a query language and tells how it went. */

export interface ScriptOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** `code` is 0 when all is as expected, 1 when not, 2 when the file cannot be run: that counts as one failure. */
export interface Verdict {
  passed: number;
  failed: number;
  code: number;
}

interface Outcome {
  readonly line: number;
  readonly query: string;
  readonly failure?: string | undefined;
}

export async function reportScript(
  file: string,
  deps: ScriptOutput,
  run: () => Promise<readonly Outcome[]> | readonly Outcome[],
): Promise<Verdict> {
  let outcomes: readonly Outcome[];
  try {
    outcomes = await run();
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
