/** A clock that stands still until a test moves it. Timers run in order of their time, on the test's own stack. */
import type { Clock } from "@triptych/model";

export interface SimClock extends Clock {
  /** Moves time on, running what falls due; promises settle between two timers. */
  advance(ms: number): Promise<void>;
  /** Steps wall time only, as an administrator or NTP does. */
  stepWall(ms: number): void;
  readonly timers: number;
}

export function createSimClock(startMs = 1_700_000_000_000): SimClock {
  let monotonic = 0;
  let wallOffset = startMs;
  let timers: { readonly dueMs: number; readonly run: () => void }[] = [];
  /** A turn of the event loop: everything already resolved has run by then. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    nowMs: () => wallOffset + monotonic,
    monotonicMs: () => monotonic,
    after(delayMs, run) {
      const timer = { dueMs: monotonic + Math.max(0, delayMs), run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    async advance(ms) {
      const until = monotonic + ms;
      await settle();
      for (;;) {
        let first: (typeof timers)[number] | undefined;
        for (const timer of timers)
          if (first === undefined || timer.dueMs < first.dueMs) first = timer;
        if (first === undefined || first.dueMs > until) break;
        const due = first;
        timers = timers.filter((other) => other !== due);
        monotonic = Math.max(monotonic, due.dueMs);
        due.run();
        await settle();
      }
      monotonic = until;
    },
    stepWall(ms) {
      wallOffset += ms;
    },
    get timers() {
      return timers.length;
    },
  };
}
