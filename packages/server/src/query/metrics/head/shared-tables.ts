/**
 * The head's memory as other threads see it. One thread writes; `version` is odd while it does, so who read while it
 * was even and stayed the same read what belongs together.
 */
import type { PageWatch } from "./pages.ts";

/** Told of memory that comes and goes, in the order in which it does. */
export interface TableWatch extends PageWatch {
  slab(number: number, buffer: SharedArrayBuffer): void;
}

export class SharedTables {
  /** One number, which counts up when a writing begins and when it ends. */
  readonly version = new Int32Array(new SharedArrayBuffer(4));
  private readonly watches = new Set<TableWatch>();
  private readonly pageBuffers = new Map<number, SharedArrayBuffer>();
  private readonly slabBuffers: SharedArrayBuffer[] = [];

  readonly pages: PageWatch = {
    made: (number, buffer) => {
      this.pageBuffers.set(number, buffer);
      for (const watch of this.watches) watch.made(number, buffer);
    },
    dropped: (number) => {
      this.pageBuffers.delete(number);
      for (const watch of this.watches) watch.dropped(number);
    },
  };

  readonly slabs = (number: number, buffer: SharedArrayBuffer): void => {
    this.slabBuffers[number] = buffer;
    for (const watch of this.watches) watch.slab(number, buffer);
  };

  /** Tells of what is there, and of what comes until the function it returns is called. */
  watch(watch: TableWatch): () => void {
    for (const [number, buffer] of this.slabBuffers.entries()) watch.slab(number, buffer);
    for (const [number, buffer] of this.pageBuffers) watch.made(number, buffer);
    this.watches.add(watch);
    return () => void this.watches.delete(watch);
  }

  /** Runs what changes the tables. */
  write<T>(change: () => T): T {
    Atomics.add(this.version, 0, 1);
    try {
      return change();
    } finally {
      Atomics.add(this.version, 0, 1);
      if (this.watches.size > 0) Atomics.notify(this.version, 0);
    }
  }
}

/** A writer takes a batch at once: some milliseconds. */
const WAIT_MS = 5;

/** In another thread: calls `read` until it read while nobody wrote, and returns what that gave. */
export function readUnchanged<T>(version: Int32Array, read: () => T): T {
  for (;;) {
    const before = Atomics.load(version, 0);
    if ((before & 1) === 1) {
      Atomics.wait(version, 0, before, WAIT_MS);
      continue;
    }
    const result = read();
    if (loadAfter(version, 0) === before) return result;
  }
}

/** A load that all reads before it are ordered before: where processors may do otherwise, it counts as a write. */
const loadAfter = (version: Int32Array, at: number): number =>
  process.arch === "x64" ? Atomics.load(version, at) : Atomics.add(version, at, 0);
