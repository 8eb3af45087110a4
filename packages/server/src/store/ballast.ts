/**
 * A file that is worth nothing: it is deleted when the disk is full, so that there is room to write what frees more
 * (the engine needs some to drop a day, the journal to write a checkpoint). Made again when there is room to spare.
 */
import { open, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

export interface Ballast {
  /** Writes the file when it is not there and the disk has many times its size free. Resolves with whether it is there. */
  keep(): Promise<boolean>;
  /** Deletes it; whether there was something to delete. */
  release(): Promise<boolean>;
}

const PIECE_BYTES = 1024 * 1024;
/** So many times its size must be free, or the file would itself be what fills a small disk. */
const FREE_TIMES_MIN = 16;

export function createBallast(path: string, bytes: number): Ballast {
  const isThere = async (): Promise<boolean> => {
    const found = await stat(path).catch(() => undefined);
    return found !== undefined;
  };
  return {
    async keep() {
      if (await isThere()) return true;
      const { bavail, bsize } = await statfs(dirname(path));
      if (bavail * bsize < bytes * FREE_TIMES_MIN) return false;
      const draft = `${path}.new`;
      try {
        await fill(draft, bytes);
        await rename(draft, path);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      return true;
    },
    async release() {
      if (!(await isThere())) return false;
      await rm(path, { force: true });
      return true;
    },
  };
}

/** Blocks that are really taken: a file that was only made longer would hold nothing. */
async function fill(path: string, bytes: number): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    const piece = Buffer.alloc(Math.min(PIECE_BYTES, bytes), 0xba);
    for (let at = 0; at < bytes; at += piece.length)
      await file.write(piece, 0, Math.min(piece.length, bytes - at), at);
    await file.datasync();
  } finally {
    await file.close();
  }
}
