/** What is wrong right now: shown in the interface and counted, so that no failure is silent. */
import type { Clock } from "@triptych/model";

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly since: string;
}

export interface Problems {
  /** Raises or renews a problem; it disappears after `forMs` unless renewed (0: stays until cleared). */
  raise(code: string, message: string, forMs: number): void;
  clear(code: string): void;
  list(): Problem[];
}

export function createProblems(clock: Clock): Problems {
  const open = new Map<string, Problem & { untilMs: number }>();
  return {
    raise(code, message, forMs) {
      const since = open.get(code)?.since ?? new Date(clock.nowMs()).toISOString();
      const untilMs = forMs === 0 ? Number.POSITIVE_INFINITY : clock.nowMs() + forMs;
      open.set(code, { code, message, since, untilMs });
    },
    clear: (code) => {
      open.delete(code);
    },
    list() {
      for (const [code, problem] of open) if (problem.untilMs < clock.nowMs()) open.delete(code);
      return [...open.values()].map(({ code, message, since }) => ({ code, message, since }));
    },
  };
}
