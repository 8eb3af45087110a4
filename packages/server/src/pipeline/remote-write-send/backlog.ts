/**
 * Batches that wait to be spread over shards. Bounded by the number of their items: beyond it the oldest batch is
 * dropped and counted. Spreading runs in slices, so that a large batch does not hold the event loop.
 */
import type { SampleBatch } from "@triptych/model";
import { letOthersRun } from "../../self/event-loop.ts";
import { countOf, type EntryOptions, entriesOf, type RawEntry } from "./batch-entries.ts";

export interface BacklogOptions {
  readonly itemsMax: number;
  readonly what: EntryOptions;
  /** Takes an entry over; false when there is no room, then it is given again. */
  readonly place: (batch: SampleBatch, entry: RawEntry) => boolean;
  /** Resolves when there may be room. */
  readonly room: () => Promise<void>;
  readonly onDrop: (items: number) => void;
  readonly signal: AbortSignal;
}

export interface Backlog {
  readonly items: number;
  /** Returns how many items of the batch are to be sent. */
  offer(batch: SampleBatch): number;
}

/** Entries are spread this long before others run. */
const SLICE_MS = 5;

interface Waiting {
  readonly batch: SampleBatch;
  readonly entries: Generator<RawEntry>;
  /** The entry for which there was no room. */
  held: RawEntry | undefined;
  left: number;
}

export function createBacklog(options: BacklogOptions): Backlog {
  const waiting: Waiting[] = [];
  let items = 0;
  let running = false;
  const forget = (one: Waiting): void => {
    items -= one.left;
    one.left = 0;
    one.held = undefined;
    one.entries.return(undefined);
  };
  /** One entry of the oldest batch; false when it has to wait for room. */
  const step = (first: Waiting): boolean => {
    const next = first.held ?? nextOf(first.entries);
    if (next === undefined) {
      waiting.shift();
      forget(first);
      return true;
    }
    if (!options.place(first.batch, next)) {
      first.held = next;
      return false;
    }
    first.held = undefined;
    first.left--;
    items--;
    return true;
  };
  const run = async (): Promise<void> => {
    let sliceEndMs = performance.now() + SLICE_MS;
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (options.signal.aborted) return;
      if (!step(first)) await options.room();
      if (performance.now() < sliceEndMs) continue;
      await letOthersRun();
      sliceEndMs = performance.now() + SLICE_MS;
    }
  };
  const start = (): void => {
    if (running || options.signal.aborted || waiting.length === 0) return;
    running = true;
    void run().finally(() => {
      running = false;
      start();
    });
  };
  return {
    get items() {
      return items;
    },
    offer(batch) {
      const count = countOf(batch, options.what);
      if (count === 0) return 0;
      const entries = entriesOf(batch, options.what);
      waiting.push({ batch, entries, held: undefined, left: count });
      items += count;
      while (items > options.itemsMax && waiting.length > 1) {
        const oldest = waiting.shift() as Waiting;
        options.onDrop(oldest.left);
        forget(oldest);
      }
      start();
      return count;
    },
  };
}

function nextOf(entries: Generator<RawEntry>): RawEntry | undefined {
  const next = entries.next();
  return next.done === true ? undefined : next.value;
}
