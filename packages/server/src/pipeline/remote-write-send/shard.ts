/**
 * One shard of a sender: a queue and whoever empties it, one request at a time. A request goes when it is full, or
 * when what waits has waited long enough.
 */
import type { Clock } from "@triptych/model";
import { createShardQueue, type Entry } from "./shard-queue.ts";

export interface ShardOptions {
  readonly clock: Clock;
  readonly capacity: number;
  readonly itemsPerSend: number;
  readonly deadlineMs: number;
  /** Sends entries; resolves when they are taken or given up. Never rejects. */
  readonly send: (entries: readonly Entry[]) => Promise<void>;
  /** Called when there is room again. */
  readonly onRoom: () => void;
}

export interface Shard {
  /** What waits, and what is on its way. */
  readonly pending: number;
  readonly isFull: boolean;
  push(entry: Entry): void;
  /** Sends all that waits without waiting for more. */
  flush(): void;
  /** Resolves when the request under way is done; takes what waits out of the shard, and nothing is sent any more. */
  stop(): Promise<Entry[]>;
}

export function createShard(options: ShardOptions): Shard {
  const { clock, capacity, itemsPerSend, deadlineMs, send, onRoom } = options;
  const queue = createShardQueue();
  let sending: Promise<void> | undefined;
  let inFlight = 0;
  let due = false;
  let stopped = false;
  let cancelTimer: (() => void) | undefined;
  const wait = (): void => {
    cancelTimer ??= clock.after(deadlineMs, () => {
      cancelTimer = undefined;
      due = true;
      wake();
    });
  };
  const drain = async (): Promise<void> => {
    while (!stopped && queue.size > 0 && (due || queue.size >= itemsPerSend)) {
      const entries = queue.take(itemsPerSend);
      if (queue.size === 0) due = false;
      inFlight = entries.length;
      onRoom();
      await send(entries);
      inFlight = 0;
    }
  };
  const wake = (): void => {
    if (sending !== undefined || stopped) return;
    if (queue.size === 0) {
      due = false;
      return;
    }
    if (!due && queue.size < itemsPerSend) {
      wait();
      return;
    }
    sending = drain().finally(() => {
      sending = undefined;
      onRoom();
      wake();
    });
  };
  return {
    get pending() {
      return queue.size + inFlight;
    },
    get isFull() {
      return queue.size >= capacity;
    },
    push(entry) {
      queue.push(entry);
      wake();
    },
    flush() {
      due = true;
      wake();
    },
    async stop() {
      stopped = true;
      cancelTimer?.();
      await sending;
      return queue.take(queue.size);
    },
  };
}
