/** What was acknowledged, on disk before anything else happens: the truth that a fault run is judged by. */
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export interface AckLedger {
  /** Appends with O_APPEND: also right when several processes write. */
  record(id: string): void;
  ids(): Set<string>;
  close(): void;
}

export function openAckLedger(path: string): AckLedger {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, "a");
  let closed = false;
  return {
    record: (id) => void writeSync(fd, `${id}\n`),
    ids: () => new Set(readFileSync(path, "utf8").split("\n").slice(0, -1)),
    close() {
      if (!closed) closeSync(fd);
      closed = true;
    },
  };
}
