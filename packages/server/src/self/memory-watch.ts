/** Samples the resident memory, so that asking on every request costs nothing. */
import type { Clock } from "@triptych/model";

export interface MemoryWatch {
  residentBytes(): number;
  close(): void;
}

const EVERY_MS = 100;

export function createMemoryWatch(clock: Clock, read: () => number): MemoryWatch {
  let resident = read();
  let cancel: () => void = () => {};
  let closed = false;
  const look = (): void => {
    resident = read();
    if (!closed) cancel = clock.after(EVERY_MS, look);
  };
  look();
  return {
    residentBytes: () => resident,
    close() {
      closed = true;
      cancel();
    },
  };
}
