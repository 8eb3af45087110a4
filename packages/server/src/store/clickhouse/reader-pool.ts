/**
 * Who gets which of the store's readers: rules before people, one reader for rules only, and nobody waits for ever. Most
 * requests ask several queries, one after the other: who came first is served first with each of them, so that under
 * load requests end one after the other, and not all of them late.
 */
import { TriptychError } from "@triptych/model";
import { createPriorityLine, type Priority } from "../../self/priority-line.ts";

export interface ReaderPool<T> {
  /**
   * Resolves with a reader, to be given back. Rejects with `query_queue_full` when too many wait, `query_cancelled` when
   * the signal fires first.
   */
  take(who?: {
    readonly signal?: AbortSignal | undefined;
    readonly priority?: Priority | undefined;
  }): Promise<T>;
  give(reader: T): void;
}

/** Readers that only rules get: what people ask may take the store minutes. */
const FOR_RULES = 1;

export function createReaderPool<T>(readers: readonly T[], queueMax: number): ReaderPool<T> {
  const free = [...readers];
  const line = createPriorityLine<(reader: T) => void>();
  /** When requests came, in numbers; a request is known by its signal. */
  const ranks = new WeakMap<AbortSignal, number>();
  let came = 0;
  const rankOf = (signal: AbortSignal | undefined): number => {
    const rank = (signal && ranks.get(signal)) ?? came++;
    if (signal !== undefined) ranks.set(signal, rank);
    return rank;
  };
  // One reader alone is everybody's.
  const kept = readers.length > FOR_RULES ? FOR_RULES : 0;
  const mayTake = (priority: Priority): boolean => free.length > (priority === "rules" ? 0 : kept);
  const serve = (): void => {
    for (;;) {
      const take = line.shift(mayTake);
      if (take === undefined) return;
      const reader = free.pop();
      if (reader !== undefined) take(reader);
    }
  };
  return {
    take({ signal, priority = "interactive" } = {}) {
      const rank = rankOf(signal);
      if (line.length >= queueMax && !mayTake(priority)) {
        const message = `${queueMax} queries are waiting already; try again later`;
        return Promise.reject(
          new TriptychError("query_queue_full", message, { retryAfterSeconds: 2 }),
        );
      }
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          line.remove(take);
          reject(new TriptychError("query_cancelled", "the query was stopped while it waited"));
        };
        // One request asks many queries with one signal: each must take its listener away again.
        const take = (reader: T): void => {
          signal?.removeEventListener("abort", onAbort);
          resolve(reader);
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        line.push(take, priority, rank);
        serve();
      });
    },
    give(reader) {
      free.push(reader);
      serve();
    },
  };
}
