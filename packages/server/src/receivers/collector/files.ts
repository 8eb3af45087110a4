/** Reading the kernel's files below a root: what is missing or may not be read is undefined, and all is bounded. */
import { closeSync, openSync, readSync } from "node:fs";
import { open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

export interface KernelFiles {
  /** The text of a file, cut at the bound; undefined when it cannot be read. */
  text(path: string): Promise<string | undefined>;
  /** A file with one number; undefined when there is none. */
  number(path: string): Promise<number | undefined>;
  /** Names in a directory, sorted; none when it cannot be read. */
  names(path: string): Promise<readonly string[]>;
  /** Where a link points to. */
  link(path: string): Promise<string | undefined>;
}

/** The largest file any collector reads is `/proc/mounts` of a host with many containers, or a text file for us. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const FIRST_BYTES = 16 * 1024;
/** What the runtime takes from its pool of small buffers; most files of cgroups are far below. */
const NOW_BYTES = 4000;
const NAMES_MAX = 10_000;

/**
 * `quick` reads without the runtime's threads: five times cheaper, and right for many files that never make the reader
 * wait. The caller lets others run in between.
 */
export function createKernelFiles(
  root: string,
  speed: "patient" | "quick" = "patient",
): KernelFiles {
  const text = async (path: string): Promise<string | undefined> => {
    try {
      const file = join(root, path);
      return speed === "quick" ? readNow(file) : await readBounded(file);
    } catch {
      return undefined;
    }
  };
  return {
    text,
    async number(path) {
      const read = (await text(path))?.trim();
      if (read === undefined || read === "") return undefined;
      const value = Number(read);
      return Number.isNaN(value) ? undefined : value;
    },
    async names(path) {
      try {
        return (await readdir(join(root, path))).sort().slice(0, NAMES_MAX);
      } catch {
        return [];
      }
    },
    link: (path) => readlink(join(root, path)).catch(() => undefined),
  };
}

/** Kernel files say that they are empty, so they are read until they end. */
async function readBounded(file: string): Promise<string> {
  const handle = await open(file, "r");
  try {
    let buffer = Buffer.alloc(FIRST_BYTES);
    let size = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, size, buffer.length - size);
      if (bytesRead === 0) break;
      size += bytesRead;
      if (size >= FILE_BYTES_MAX) break;
      if (size < buffer.length) continue;
      const larger = Buffer.alloc(buffer.length * 2);
      buffer.copy(larger);
      buffer = larger;
    }
    return buffer.toString("utf8", 0, Math.min(size, FILE_BYTES_MAX));
  } finally {
    await handle.close();
  }
}

function readNow(file: string): string {
  const handle = openSync(file, "r");
  try {
    const parts: Buffer[] = [];
    let size = 0;
    while (size < FILE_BYTES_MAX) {
      const part = Buffer.allocUnsafe(NOW_BYTES);
      const bytesRead = readSync(handle, part, 0, NOW_BYTES, null);
      if (bytesRead === 0) break;
      size += bytesRead;
      parts.push(part.subarray(0, bytesRead));
    }
    return (parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString();
  } finally {
    closeSync(handle);
  }
}

/** Lines of a text, each cut at white space; empty lines are left out. */
export function rows(text: string | undefined): string[][] {
  if (text === undefined) return [];
  return text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first !== "");
}

/** Lines `key value` as numbers. */
export function keyed(text: string | undefined): Map<string, number> {
  return new Map(rows(text).map(([key = "", value]) => [key, Number(value)]));
}
