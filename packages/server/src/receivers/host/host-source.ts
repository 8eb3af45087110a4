/** What the parts of the host collector are given, and the form they have: node_exporter's collectors, by their names. */
import type { Clock } from "@triptych/model";
import type { Families } from "../collector/families.ts";
import type { KernelFiles } from "../collector/files.ts";

/** Sizes of a mounted file system; blocks of `bsize` bytes. */
export interface FileSystemSize {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

export interface HostSource {
  readonly proc: KernelFiles;
  readonly sys: KernelFiles;
  /** The host's root directory. */
  readonly root: KernelFiles;
  /** Where that is mounted here: `/`, or `/host` in a container. */
  readonly rootPath: string;
  readonly statfs: (path: string) => Promise<FileSystemSize>;
  readonly clock: Clock;
  /** Bytes of a page of memory. */
  readonly pageBytes: number;
  /** Directories of `*.prom` files. */
  readonly textfileDirectories: readonly string[];
}

export interface HostPart {
  /** As in `node_scrape_collector_success{collector="…"}`. */
  readonly name: string;
  /** Throws when the host has nothing of it. May keep what it needs from one call to the next. */
  collect(source: HostSource, out: Families): Promise<void>;
}

/** The kernel does not have it, or we may not read it: the part did not succeed, and that is no news. */
export class NoData extends Error {}

export async function mustRead(files: KernelFiles, path: string): Promise<string> {
  const text = await files.text(path);
  if (text === undefined) throw new NoData(`${path} cannot be read`);
  return text;
}
