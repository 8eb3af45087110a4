/** Time as an argument. Production wires the real clock, tests step a fake one. */
export interface Clock {
  /** Wall time, milliseconds since 1970 UTC. May step. */
  nowMs(): number;
  /** Monotonic milliseconds; only differences mean something. */
  monotonicMs(): number;
  /** Runs `run` once after `delayMs`; the returned function cancels it and may be called twice. */
  after(delayMs: number, run: () => void): () => void;
}

/** Waits `delayMs` on the given clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
