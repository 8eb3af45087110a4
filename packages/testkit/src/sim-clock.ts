/** A clock that stands still until a test moves it. Timers run in order of their time, on the test's own stack. */
import type { Clock } from "@triptych/model";

export interface SimClock extends Clock {
  /** Moves time on, running what falls due; promises settle between two timers. */
  advance(ms: number): Promise<void>;
  /** Steps wall time only, as an administrator or NTP does. */
  stepWall(ms: number): void;
  readonly timers: number;
}

/** Work in pieces pauses after some milliseconds of real time: on a busy machine more than once. */
const TURNS = 6;

export function createSimClock(startMs = 1_700_000_000_000): SimClock {
  let monotonic = 0;
  let wallOffset = startMs;
  let timers: { readonly dueMs: number; readonly run: () => void }[] = [];
  /** Everything already resolved has run by then, also work that lets the event loop turn a few times. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS; turn++)
      await new Promise<void>((resolve) => void setImmediate(resolve));
  };
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
