/** How long to wait before a request is sent again. */
export interface BackoffRules {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The other side may ask for more patience than ours, but not for ever. */
const RETRY_AFTER_MS_MAX = 300_000;
/** Senders that failed together shall not come back together. */
const SPREAD = 0.1;

/**
 * `retryAfter` is the header's value: seconds or a date. Without it the wait doubles from the least to the most with
 * each attempt (from 0). `random` is from 0 to 1.
 */
export function backoffMs(
  rules: BackoffRules,
  attempt: number,
  given: {
    readonly retryAfter?: string | undefined;
    readonly nowMs: number;
    readonly random: number;
  },
): number {
  const asked = retryAfterMs(given.retryAfter, given.nowMs);
  if (asked > 0) return Math.min(asked, RETRY_AFTER_MS_MAX);
  const doubled = Math.min(rules.maxMs, rules.minMs * 2 ** Math.min(attempt, 30));
  return doubled * (1 - SPREAD + SPREAD * 2 * given.random);
}

export function retryAfterMs(text: string | undefined, nowMs: number): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, date - nowMs);
}
