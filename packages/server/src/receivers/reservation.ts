/** What one request holds of the budget for bodies in flight. Grows as bytes arrive, never on a sender's word. */
import type { IngestNext } from "./next.ts";

export interface Reservation {
  /** Adds `bytes`; throws `memory_pressure` when the budget is spent. */
  hold(bytes: number): void;
  /** Gives all back; calling it twice is safe. */
  release(): void;
}

/** The budget is asked in steps, so that a body in many small chunks does not ask for each. */
const STEP_BYTES = 256 * 1024;

export function createReservation(next: Pick<IngestNext, "admit">): Reservation {
  const releases: (() => void)[] = [];
  let held = 0;
  let admitted = 0;
  return {
    hold(bytes) {
      held += bytes;
      if (held <= admitted) return;
      // The first step is exact: most requests are small and end with it.
      const step = admitted === 0 ? bytes : Math.max(held - admitted, STEP_BYTES);
      releases.push(next.admit(step));
      admitted += step;
    },
    release() {
      for (const release of releases.splice(0)) release();
    },
  };
}
