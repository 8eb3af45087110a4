/** Keeps long work from holding the event loop: do a piece, ask for a pause, go on. */
import { TriptychError } from "@triptych/model";

/** Others may have to wait this long for a turn. */
const SLICE_MS = 8;

export interface Pacing {
  /** Call after a piece of work of at most some milliseconds. Throws `query_cancelled` when the signal has fired. */
  pause(): Promise<void> | undefined;
}

/** Uses the process's monotonic time: pacing is about the event loop, not about data. */
export function createPacing(signal?: AbortSignal): Pacing {
  let startedMs = performance.now();
  return {
    pause() {
      if (performance.now() - startedMs < SLICE_MS) return undefined;
      return turn().then(() => {
        startedMs = performance.now();
        if (signal?.aborted !== true) return;
        const message = "the query was stopped because nobody waits for it";
        throw new TriptychError("query_cancelled", message);
      });
    },
  };
}

/** Runs all steps, with a pause wherever it is time for one. */
export async function inSteps<T>(steps: Generator<void, T>, pacing: Pacing): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await pacing.pause();
  }
}

const waiting: (() => void)[] = [];

/**
 * Resolves when it is the caller's turn to work for some milliseconds. All who work in pieces stand in one line, and
 * the event loop looks for other work between any two of them: what comes in waits for one piece, not for one of each
 * query that runs.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next);
  });
}

function next(): void {
  const resolve = waiting.shift();
  // Not in this turn of the event loop but in the next one.
  if (waiting.length > 0) setImmediate(next);
  resolve?.();
}
