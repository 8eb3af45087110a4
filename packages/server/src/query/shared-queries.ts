/**
 * Questions that several ask at the same time are answered once: twenty people who look at the same dashboard cost what
 * one costs. Only who asks within moments of the first shares its answer, so that nobody sees older data than he would
 * by asking alone; and the work is stopped when the last one leaves.
 */
import type { Clock } from "@triptych/model";
import { TriptychError } from "@triptych/model";

export interface SharedQueries<T> {
  /**
   * The answer of the work that runs under this key, or of `work` when none does. `leave` must be called when the
   * answer is not needed any more; the last one who leaves ends what `work` holds (its signal fires). Rejects with
   * `query_cancelled` when the signal fires first, which stops the work only when nobody else waits for it.
   */
  ask(
    key: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<{ readonly value: T; readonly leave: () => void }>;
  /** Questions that were answered by the work of another. */
  readonly shared: number;
}

interface Running<T> {
  readonly startedMs: number;
  readonly answer: Promise<T>;
  readonly abort: AbortController;
  users: number;
}

/** What is acknowledged is seen within a second; this leaves time to read it. */
const SHARED_WITHIN_MS = 500;

export function createSharedQueries<T>(clock: Clock): SharedQueries<T> {
  const running = new Map<string, Running<T>>();
  let shared = 0;
  const begin = (key: string, work: (signal: AbortSignal) => Promise<T>): Running<T> => {
    const abort = new AbortController();
    const one: Running<T> = {
      startedMs: clock.monotonicMs(),
      answer: work(abort.signal),
      abort,
      users: 0,
    };
    running.set(key, one);
    const over = (): void => {
      if (running.get(key) === one) running.delete(key);
    };
    one.answer.then(over, over);
    return one;
  };
  return {
    get shared() {
      return shared;
    },
    async ask(key, signal, work) {
      const known = running.get(key);
      const joins =
        known !== undefined &&
        !known.abort.signal.aborted &&
        clock.monotonicMs() - known.startedMs <= SHARED_WITHIN_MS;
      const one = joins ? known : begin(key, work);
      if (joins) shared++;
      one.users++;
      let left = false;
      const leave = (): void => {
        if (left) return;
        left = true;
        one.users--;
        if (one.users === 0) one.abort.abort();
      };
      try {
        return { value: await unlessGone(one.answer, signal), leave };
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

function unlessGone<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = (): void => {
      const message = "the query was stopped because nobody waits for it";
      reject(new TriptychError("query_cancelled", message));
    };
    if (signal.aborted) gone();
    signal.addEventListener("abort", gone, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", gone));
  });
}
