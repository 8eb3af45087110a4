/** Watches how full the disk of the data directory is, and calls for relief before the engine cannot even delete. */
import { statfs } from "node:fs/promises";
import type { Clock } from "@triptych/model";

export interface DiskWatch {
  /** 0 to 1, as last seen. */
  usedRatio(): number;
  close(): void;
}

const EVERY_MS = 10_000;

export function createDiskWatch(deps: {
  readonly directory: string;
  readonly clock: Clock;
  readonly percentMax: number;
  readonly onFull: (percent: number) => Promise<void>;
  /** Called at every look that finds room. */
  readonly onRoom: () => Promise<void>;
  readonly onError: (error: Error) => void;
}): DiskWatch {
  let used = 0;
  let cancel: () => void = () => {};
  let closed = false;
  const look = async (): Promise<void> => {
    try {
      // As `df` counts: space that only root may use is neither used nor free.
      const { blocks, bfree, bavail } = await statfs(deps.directory);
      const taken = blocks - bfree;
      used = taken === 0 ? 0 : taken / (taken + bavail);
      if (used * 100 >= deps.percentMax) await deps.onFull(Math.round(used * 100));
      else await deps.onRoom();
    } catch (error) {
      deps.onError(error instanceof Error ? error : new Error(String(error)));
    }
    if (!closed) cancel = deps.clock.after(EVERY_MS, () => void look());
  };
  void look();
  return {
    usedRatio: () => used,
    close() {
      closed = true;
      cancel();
    },
  };
}
