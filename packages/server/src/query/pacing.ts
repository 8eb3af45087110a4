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
      return new Promise((resolve, reject) => {
        setImmediate(() => {
          startedMs = performance.now();
          if (signal?.aborted === true)
            reject(
              new TriptychError(
                "query_cancelled",
                "the query was stopped because nobody waits for it",
              ),
            );
          else resolve();
        });
      });
    },
  };
}
