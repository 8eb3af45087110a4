/**
 * One account of what all queries hold, so that many of them together stay within the memory limit. Each query takes
 * from it as it reads and makes its answer, and gives all back at its end, also when it fails or nobody waits for it.
 * What it takes is an estimate of bytes that stay: not what is garbage a moment later.
 */
import { type Clock, TriptychError } from "@triptych/model";
import type { Metrics } from "./metrics.ts";
import { createPriorityLine, type Priority, type PriorityLine } from "./priority-line.ts";

/** What one query holds. */
export interface QueryMemory {
  readonly bytes: number;
  /** Resolves when queries may begin; waits while the others hold most of what there is. */
  admit(who: {
    readonly signal?: AbortSignal | undefined;
    readonly timeoutMs: number;
  }): Promise<void>;
  /**
   * Takes so many bytes more. Throws `query_limit` when this query alone needs more than one may have, and
   * `memory_pressure`, which says when to come again, when there is no room beside the others.
   */
  take(bytes: number): void;
  /** Gives some of it back: what was read in pieces and is not held any more. */
  give(bytes: number): void;
  /** Gives everything back; later calls do nothing. */
  release(): void;
}

export interface QueryMemoryBudget {
  readonly bytesMax: number;
  /** What one query may hold. */
  readonly queryBytesMax: number;
  open(priority?: Priority): QueryMemory;
}

/** One query leaves this much to the others. */
const QUERY_SHARE = 3 / 4;
/** Above this no more queries begin: those that run must be able to end. */
const BEGIN_BELOW = 1 / 2;
/** Only rules get the rest. */
const OTHERS_SHARE = 7 / 8;
const WAITING_MAX = 200;
const MiB = 1024 * 1024;

export function createQueryMemoryBudget(options: {
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
}): QueryMemoryBudget {
  const { bytesMax, clock, metrics } = options;
  const queryBytesMax = Math.floor(bytesMax * QUERY_SHARE);
  const line = createPriorityLine<() => void>();
  let held = 0;
  let running = 0;
  metrics.gauge("triptych_query_memory_bytes", "Memory that queries hold, about.", () => held);
  metrics.gauge(
    "triptych_query_memory_limit_bytes",
    "Memory that all queries together may hold.",
    () => bytesMax,
  );
  metrics.gauge(
    "triptych_query_memory_waiting",
    "Queries that wait for others to give memory back.",
    () => line.length,
  );
  const refused = metrics.counter(
    "triptych_query_memory_refused_total",
    "Queries that were refused for the memory they needed.",
    "reason",
  );
  const isOpen = (): boolean => running === 0 || held < bytesMax * BEGIN_BELOW;
  const callNext = (): void => {
    while (isOpen()) {
      const begin = line.shift();
      if (begin === undefined) return;
      begin();
    }
  };
  return {
    bytesMax,
    queryBytesMax,
    open(priority = "interactive") {
      let bytes = 0;
      let state: "new" | "admitted" | "released" = "new";
      const admitted = (): void => {
        if (state !== "new") return;
        state = "admitted";
        running++;
      };
      return {
        get bytes() {
          return bytes;
        },
        async admit({ signal, timeoutMs }) {
          if (state !== "new") return;
          if (!isOpen()) {
            if (line.length >= WAITING_MAX) {
              refused.add(1, "queue_full");
              throw tight(held, bytesMax);
            }
            await waitIn({ line, clock, admitted }, { priority, signal, timeoutMs });
          } else {
            admitted();
          }
        },
        take(more) {
          if (state === "released") return;
          const max = bytesMax * (priority === "rules" ? 1 : OTHERS_SHARE);
          if (bytes + more > queryBytesMax) {
            refused.add(1, "query_too_large");
            throw tooLarge(bytes + more, queryBytesMax);
          }
          if (held + more > max) {
            refused.add(1, "budget_used_up");
            throw tight(held, bytesMax);
          }
          bytes += more;
          held += more;
        },
        give(less) {
          const given = Math.min(less, bytes);
          bytes -= given;
          held -= given;
          callNext();
        },
        release() {
          if (state === "admitted") running--;
          state = "released";
          held -= bytes;
          bytes = 0;
          callNext();
        },
      };
    },
  };
}

/** Rejects with `query_cancelled` or `query_timeout`. */
function waitIn(
  place: {
    readonly line: PriorityLine<() => void>;
    readonly clock: Clock;
    readonly admitted: () => void;
  },
  who: {
    readonly priority: Priority;
    readonly signal: AbortSignal | undefined;
    readonly timeoutMs: number;
  },
): Promise<void> {
  const { line, clock, admitted } = place;
  const { priority, signal, timeoutMs } = who;
  return new Promise((resolve, reject) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", gone);
      line.remove(begin);
    };
    const begin = (): void => {
      done();
      admitted();
      resolve();
    };
    const gone = (): void => {
      done();
      reject(new TriptychError("query_cancelled", "the query was stopped while it waited"));
    };
    const cancel = clock.after(timeoutMs, () => {
      done();
      const message = "the query timed out while it waited for memory that other queries hold";
      reject(new TriptychError("query_timeout", message));
    });
    line.push(begin, priority);
    signal?.addEventListener("abort", gone, { once: true });
    if (signal?.aborted === true) gone();
  });
}

const inMiB = (bytes: number): string => `${Math.ceil(bytes / MiB).toLocaleString("en-US")} MiB`;

function tooLarge(bytes: number, max: number): TriptychError {
  const message = `the query needs ${inMiB(bytes)} of memory or more, and one query may hold ${inMiB(max)}; ask for less time, fewer series or a longer step, or give the process more with --memory`;
  return new TriptychError("query_limit", message);
}

function tight(held: number, max: number): TriptychError {
  const message = `queries that run hold ${inMiB(held)} of the ${inMiB(max)} there are for them; try again, ask for less, or give the process more with --memory`;
  return new TriptychError("memory_pressure", message, { retryAfterSeconds: 2 });
}
