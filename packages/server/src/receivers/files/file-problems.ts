/** What of a job's files cannot be read now: counted, logged once, and among the problems until it is over. */
import type { TailerDeps } from "./tailer-options.ts";

export interface FileProblems {
  /** `key` is what it is about; the same message again is no news. */
  say(key: string, message: string, reason: string): void;
  settle(key: string): void;
  list(): readonly string[];
}

const PROBLEMS_MAX = 100;
const SHOWN_MAX = 5;

export function createFileProblems(
  job: string,
  { counters, log, problems: shown }: Pick<TailerDeps, "counters" | "log" | "problems">,
): FileProblems {
  const problems = new Map<string, string>();
  const code = `files_unreadable ${job}`;
  const show = (): void => {
    if (problems.size === 0) shown.clear(code);
    else shown.raise(code, [...problems.values()].slice(0, SHOWN_MAX).join("; "), 0);
  };
  return {
    say(key, message, reason) {
      if (problems.get(key) === message) return;
      counters.errors.add(1, reason);
      log("warn", `a file cannot be read: ${message}`, { job });
      if (problems.size < PROBLEMS_MAX || problems.has(key)) problems.set(key, message);
      show();
    },
    settle(key) {
      if (problems.delete(key)) show();
    },
    list: () => [...problems.values()],
  };
}
