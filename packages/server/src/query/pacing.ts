/** Keeps long work from holding the event loop: do a piece, ask for a pause, go on. */
import { TriptychError } from "@triptych/model";
import { createPriorityLine, type Priority } from "../self/priority-line.ts";

/** Others may have to wait this long for a turn. */
const SLICE_MS = 8;
/** Rules are few and must be on time while everything else wants the event loop, too. */
const RULE_SLICE_MS = 12;
/** Where turns come this seldom, the event loop is busy with other things: a turn that was waited for is worth more. */
const SELDOM_MS = 50;
const SELDOM_SLICE_MS = 16;
/** A query that worked longer than this lets the shorter ones go first. */
const LONG_AFTER_MS = 3_000;

export interface Pacing {
  /** Call after a piece of work of at most some milliseconds. Throws `query_cancelled` when the signal has fired. */
  pause(): Promise<void> | undefined;
}

/** Uses the process's monotonic time: pacing is about the event loop, not about data. */
export function createPacing(signal?: AbortSignal, priority: Priority = "interactive"): Pacing {
  const usualMs = priority === "rules" ? RULE_SLICE_MS : SLICE_MS;
  let sliceMs = usualMs;
  let startedMs = performance.now();
  let workedMs = 0;
  return {
    pause() {
      const tookMs = performance.now() - startedMs;
      if (tookMs < sliceMs) return undefined;
      workedMs += tookMs;
      const isLong = priority === "interactive" && workedMs > LONG_AFTER_MS;
      const askedMs = performance.now();
      return turn(isLong ? "long" : priority).then(() => {
        startedMs = performance.now();
        sliceMs = startedMs - askedMs > SELDOM_MS ? SELDOM_SLICE_MS : usualMs;
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

const line = createPriorityLine<() => void>();

/** Whether somebody worked already since the event loop looked for other work last. */
let isTaken = false;

/** `undefined` when it is the caller's turn at once: nobody stands in line, and nobody came just before. */
export function firstTurn(): Promise<void> | undefined {
  if (isTaken || line.length > 0) return turn();
  isTaken = true;
  setImmediate(() => {
    isTaken = false;
  });
  return undefined;
}

/**
 * Resolves when it is the caller's turn to work for some milliseconds. All who work in pieces stand in one line, and
 * the event loop looks for other work between any two of them: what comes in waits for one piece, not for one of each
 * query that runs.
 */
export function turn(priority: Priority = "interactive"): Promise<void> {
  return new Promise((resolve) => {
    line.push(resolve, priority);
    if (line.length === 1) setImmediate(next);
  });
}

function next(): void {
  const resolve = line.shift();
  // Not in this turn of the event loop but in the next one.
  if (line.length > 0) setImmediate(next);
  resolve?.();
}
