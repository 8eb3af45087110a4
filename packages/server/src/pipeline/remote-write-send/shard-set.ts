/** The shards of a sender: entries go by their series' hash, so that a series stays in order, also when their number changes. */
import { createShard, type Shard, type ShardOptions } from "./shard.ts";
import type { Entry } from "./shard-queue.ts";

export interface ShardSet {
  readonly count: number;
  readonly pending: number;
  /** Whether an entry of this hash would be taken now. */
  hasRoomFor(hash: number): boolean;
  /** Only when there is room. */
  push(entry: Entry): void;
  /** Resolves when a shard may have room again. One caller at a time. */
  room(): Promise<void>;
  /** Lets who waits for room look again. */
  nudge(): void;
  /** Old shards finish what is on its way, then what waits is spread over the new ones. */
  reshard(count: number): Promise<void>;
  flush(): void;
  /** Ends all; resolves with the number of entries that were left. */
  stop(): Promise<number>;
}

export function createShardSet(options: Omit<ShardOptions, "onRoom">, count: number): ShardSet {
  let came: (() => void) | undefined;
  const nudge = (): void => {
    came?.();
    came = undefined;
  };
  const make = (wanted: number): Shard[] =>
    Array.from({ length: wanted }, () => createShard({ ...options, onRoom: nudge }));
  let shards = make(count);
  let resharding = false;
  const of = (hash: number): Shard => shards[(hash >>> 0) % shards.length] as Shard;
  const stopAll = async (): Promise<Entry[]> =>
    (await Promise.all(shards.map((shard) => shard.stop()))).flat();
  return {
    get count() {
      return shards.length;
    },
    get pending() {
      return shards.reduce((sum, shard) => sum + shard.pending, 0);
    },
    hasRoomFor: (hash) => !resharding && !of(hash).isFull,
    push: (entry) => of(entry.series.hash).push(entry),
    room: () =>
      new Promise((resolve) => {
        came = resolve;
      }),
    nudge,
    async reshard(wanted) {
      if (resharding || wanted === shards.length) return;
      resharding = true;
      const waiting = await stopAll();
      shards = make(wanted);
      // Each old shard's entries are in order, and a series was in one of them only.
      for (const entry of waiting) of(entry.series.hash).push(entry);
      resharding = false;
      nudge();
    },
    flush() {
      for (const shard of shards) shard.flush();
    },
    stop: async () => (await stopAll()).length,
  };
}
