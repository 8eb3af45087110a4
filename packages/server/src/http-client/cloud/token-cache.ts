/** Something that a server gives for a time, such as a token: kept until shortly before its end, asked for once at a time. */
import type { Clock } from "@triptych/model";

export interface Lent<T> {
  readonly value: T;
  /** On the wall clock. */
  readonly untilMs: number;
}

/** Renewed this long before the end: requests take their time. */
const EARLY_MS = 60_000;

export function createTokenCache<T>(
  clock: Clock,
  renew: () => Promise<Lent<T>>,
): { get(): Promise<T>; forget(): void } {
  let current: Lent<T> | undefined;
  let pending: Promise<T> | undefined;
  return {
    async get() {
      if (current !== undefined && clock.nowMs() < current.untilMs - EARLY_MS) return current.value;
      pending ??= renew()
        .then((lent) => {
          current = lent;
          return lent.value;
        })
        .finally(() => {
          pending = undefined;
        });
      return pending;
    },
    forget() {
      current = undefined;
    },
  };
}
