/**
 * The file system as the journal uses it, all calls synchronous: they run on the journal's own thread. An interface,
 * so that tests can lose un-synced writes, tear sectors and run out of space.
 */
import * as node from "node:fs";
import { failpoint } from "../self/failpoint.ts";

export interface Fs {
  makeDirectory(path: string): void;
  /** Names in a directory, sorted. */
  list(path: string): string[];
  /** Opens for writing at the end, creating the file when it is missing. */
  openAppend(path: string): number;
  openRead(path: string): number;
  /** Writes the parts one after another at the end of the file; may write fewer bytes than given. */
  write(fd: number, parts: readonly Uint8Array[]): number;
  /** Returns when data and size are on the medium. */
  sync(fd: number): void;
  truncate(fd: number, size: number): void;
  size(fd: number): number;
  /** Reads up to `target.length` bytes from `position`; returns how many. */
  read(fd: number, target: Uint8Array, position: number): number;
  close(fd: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): void;
}

export const nodeFs: Fs = {
  makeDirectory: (path) => {
    node.mkdirSync(path, { recursive: true });
  },
  list: (path) => node.readdirSync(path).sort(),
  openAppend: (path) => node.openSync(path, "a", 0o640),
  openRead: (path) => node.openSync(path, "r"),
  write: (fd, parts) => node.writevSync(fd, parts),
  sync: (fd) => node.fdatasyncSync(fd),
  truncate: (fd, size) => node.ftruncateSync(fd, size),
  size: (fd) => node.fstatSync(fd).size,
  read: (fd, target, position) => node.readSync(fd, target, 0, target.length, position),
  close: (fd) => node.closeSync(fd),
  rename: (from, to) => node.renameSync(from, to),
  remove: (path) => node.rmSync(path, { force: true }),
  syncDirectory: (path) => {
    const fd = node.openSync(path, "r");
    try {
      node.fsyncSync(fd);
    } finally {
      node.closeSync(fd);
    }
  },
};

/** Reads a whole file; undefined when there is none. */
export function readWhole(fs: Fs, directory: string, name: string): Uint8Array | undefined {
  if (!fs.list(directory).includes(name)) return undefined;
  return readFile(fs, `${directory}/${name}`);
}

/** Reads a whole file that is there. */
export function readFile(fs: Fs, path: string): Uint8Array {
  const fd = fs.openRead(path);
  try {
    const bytes = new Uint8Array(fs.size(fd));
    let at = 0;
    while (at < bytes.length) {
      const got = fs.read(fd, bytes.subarray(at), at);
      if (got === 0) break;
      at += got;
    }
    return bytes.subarray(0, at);
  } finally {
    fs.close(fd);
  }
}

/** Replaces a file so that after a crash either the old or the new content is there, whole. */
export function replaceFile(
  fs: Fs,
  path: { directory: string; name: string },
  bytes: Uint8Array,
): void {
  const temporary = `${path.directory}/${path.name}.tmp`;
  fs.remove(temporary);
  const fd = fs.openAppend(temporary);
  try {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(fs.write(fd, [rest]));
    fs.sync(fd);
  } finally {
    fs.close(fd);
  }
  failpoint("file.before_rename");
  fs.rename(temporary, `${path.directory}/${path.name}`);
  failpoint("file.before_directory_sync");
  fs.syncDirectory(path.directory);
}
