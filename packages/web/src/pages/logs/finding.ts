/** What the lines of a range say in one sentence: how many failed, whose they are, since when. */
import type { LogLevelsAnswer } from "@triptych/contract";

export interface LogFinding {
  readonly total: number;
  readonly failed: number;
  readonly warned: number;
  readonly service: { readonly name: string; readonly errors: number } | undefined;
  /** When the failures began, if they did inside the range. */
  readonly since: number | undefined;
}

/** Before this share of the range the failures were there all along. */
const onsetShareMin = 0.15;
/** This share of them must lie after the onset. */
const afterShare = 0.9;
const failuresMin = 5;

export function findInLogs(answer: LogLevelsAnswer): LogFinding {
  const failedBy: number[] = [];
  for (const level of ["error", "fatal"] as const) {
    answer.levels[level]?.forEach((count, i) => {
      failedBy[i] = (failedBy[i] ?? 0) + count;
    });
  }
  const failed = failedBy.reduce((sum, count) => sum + count, 0);
  const warned = (answer.levels.warn ?? []).reduce((sum, count) => sum + count, 0);
  const worst = [...answer.byService].sort((a, b) => b.errors - a.errors)[0];
  const service =
    worst !== undefined && worst.errors > 0
      ? { name: worst.service, errors: worst.errors }
      : undefined;
  return { total: answer.total, failed, warned, service, since: onset(answer, failedBy, failed) };
}

function onset(
  answer: LogLevelsAnswer,
  failedBy: readonly number[],
  failed: number,
): number | undefined {
  if (failed < failuresMin) return undefined;
  let before = 0;
  for (let i = 0; i < failedBy.length; i++) {
    const count = failedBy[i] ?? 0;
    if (before + count > failed * (1 - afterShare)) {
      return i >= failedBy.length * onsetShareMin ? answer.from + i * answer.stepMs : undefined;
    }
    before += count;
  }
  return undefined;
}
