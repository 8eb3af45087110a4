/** Samples the memory in use, so that asking on every request costs nothing. */
import { readFileSync } from "node:fs";
import type { Clock } from "@triptych/model";

export interface MemoryWatch {
  usedBytes(): number;
  close(): void;
}

const EVERY_MS = 100;

export function createMemoryWatch(clock: Clock, read: () => number): MemoryWatch {
  let used = read();
  let cancel: () => void = () => {};
  let closed = false;
  const look = (): void => {
    used = read();
    if (!closed) cancel = clock.after(EVERY_MS, look);
  };
  look();
  return {
    usedBytes: () => used,
    close() {
      closed = true;
      cancel();
    },
  };
}

const PAGE_BYTES = 4096;

/**
 * Memory that only we can give back. Pages of files, such as the 230 MiB of the engine's code, are resident too, but the
 * system takes them away when it needs to.
 */
export function privateBytes(): number {
  try {
    const [, resident = 0, shared = 0] = readFileSync("/proc/self/statm", "utf8")
      .split(" ")
      .map(Number);
    return (resident - shared) * PAGE_BYTES;
  } catch {
    return process.memoryUsage.rss();
  }
}
