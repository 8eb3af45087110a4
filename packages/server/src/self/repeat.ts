/** Small helpers around time: running again and again, and remembering a value for a while. */
import type { Clock } from "@triptych/model";

/** Runs again and again, `pauseMs` after each end; the returned function stops it. */
export function repeat(clock: Clock, pauseMs: number, run: () => Promise<void>): () => void {
  let cancel: () => void = () => {};
  let stopped = false;
  const schedule = (): void => {
    cancel = clock.after(pauseMs, () => {
      void run().finally(() => {
        if (!stopped) schedule();
      });
    });
  };
  schedule();
  return () => {
    stopped = true;
    cancel();
  };
}

/** The last value for `forMs`, so that a page that polls does not ask the store each time. */
export function createCached(
  clock: Clock,
  forMs: number,
  read: () => Promise<number>,
): () => Promise<number> {
  let value = 0;
  let untilMs = 0;
  return async () => {
    if (clock.monotonicMs() < untilMs) return value;
    untilMs = clock.monotonicMs() + forMs;
    value = await read().catch(() => value);
    return value;
  };
}
