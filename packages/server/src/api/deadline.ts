/** The time limit of a whole question: of what the store reads and of what is worked out in this process. */
import { type Clock, TriptychError } from "@triptych/model";

/**
 * Runs `work` with a signal that fires when the client has gone or the time is over. Rejects with `query_timeout` when
 * it was the time.
 */
export async function withDeadline<T>(
  limit: { readonly clock: Clock; readonly timeoutMs: number; readonly gone: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, timeoutMs, gone } = limit;
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => late.abort());
  try {
    return await work(AbortSignal.any([gone, late.signal]));
  } catch (cause) {
    if (!late.signal.aborted || gone.aborted) throw cause;
    const message = `query timed out: it ran longer than ${timeoutMs / 1000} s; ask for less time or for less at once`;
    throw new TriptychError("query_timeout", message, { cause });
  } finally {
    cancel();
  }
}
