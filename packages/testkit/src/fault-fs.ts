/**
 * A file system in memory that loses data the way real ones do. Written bytes are volatile until the file is synced,
 * names are volatile until their directory is synced, and a failed sync drops what it should have written (later syncs
 * succeed without it, as on Linux). Power loss keeps an arbitrary subset of the volatile 512-byte sectors and names;
 * the death of the process keeps everything. Shape: the journal's `Fs` interface.
 */
import type { Rng } from "./rng.ts";

const SECTOR = 512;

/** Thrown by the call during which the power went, and by every call after it. */
export class PowerLoss extends Error {
  constructor() {
    super("power lost");
    this.name = "PowerLoss";
  }
}

interface Inode {
  live: Uint8Array;
  size: number;
  durable: Uint8Array;
  durableSize: number;
  /** Sectors whose live bytes a sync would write. */
  readonly dirty: Set<number>;
  /** A size that a sync would write. */
  sizeDirty: boolean;
}

type Entry = { readonly kind: "file"; readonly inode: Inode } | { readonly kind: "directory" };

interface Directory {
  readonly live: Map<string, Entry>;
  readonly durable: Map<string, Entry>;
  /** Changes since the last sync of the directory; a rename within one directory is one change. */
  readonly pending: ((entries: Map<string, Entry>) => void)[];
}

export interface Faults {
  /** Probability that a write takes only a part of the bytes. */
  shortWrite: number;
  /** Probabilities that a write or a sync fails with EIO. */
  writeEio: number;
  syncEio: number;
  /** Bytes that all files together may hold. */
  quotaBytes: number;
  /** The power goes during the mutating call with this number, counted from 1. */
  powerLossAt: number;
}

const noFaults: Faults = {
  shortWrite: 0,
  writeEio: 0,
  syncEio: 0,
  quotaBytes: Number.POSITIVE_INFINITY,
  powerLossAt: Number.POSITIVE_INFINITY,
};

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

export class FaultFs {
  readonly faults: Faults = { ...noFaults };
  /** Mutating calls so far. */
  operations = 0;
  private readonly rng: Rng;
  private dead = false;
  private nextFd = 3;
  private readonly directories = new Map<string, Directory>([["/", emptyDirectory()]]);
  private open = new Map<number, { readonly inode: Inode; readonly write: boolean }>();

  constructor(rng: Rng) {
    this.rng = rng;
  }

  makeDirectory(path: string): void {
    let parent = "/";
    for (const name of path.split("/").filter((part) => part !== "")) {
      const child = parent === "/" ? `/${name}` : `${parent}/${name}`;
      if (!this.directories.has(child)) {
        this.mutate();
        this.directories.set(child, emptyDirectory());
        this.change(parent, (entries) => entries.set(name, { kind: "directory" }));
      }
      parent = child;
    }
  }

  list(path: string): string[] {
    this.alive();
    return [...this.directory(path).live.keys()].sort();
  }

  openAppend(path: string): number {
    const { parent, name } = split(path);
    const found = this.directory(parent).live.get(name);
    if (found?.kind === "directory") throw failure("EISDIR", path);
    let inode = found?.inode;
    if (inode === undefined) {
      this.mutate();
      const created: Inode = emptyInode();
      inode = created;
      this.change(parent, (entries) => entries.set(name, { kind: "file", inode: created }));
    }
    return this.descriptor(inode, true);
  }

  openRead(path: string): number {
    this.alive();
    return this.descriptor(this.file(path), false);
  }

  write(fd: number, parts: readonly Uint8Array[]): number {
    const inode = this.inode(fd, true);
    let total = 0;
    for (const part of parts) total += part.length;
    let take = total;
    const powerLost = this.count();
    if (powerLost) take = this.rng.below(total + 1);
    else if (this.rng.chance(this.faults.writeEio)) {
      // Some pages may have been taken before the error.
      this.put(inode, parts, this.rng.below(total + 1));
      throw failure("EIO", "write");
    } else if (total > 0 && this.rng.chance(this.faults.shortWrite))
      take = 1 + this.rng.below(total);
    const free = Math.max(0, this.faults.quotaBytes - this.usedBytes());
    if (take > free) take = free;
    if (take === 0 && total > 0 && !powerLost) throw failure("ENOSPC", "write");
    this.put(inode, parts, take);
    if (powerLost) throw new PowerLoss();
    return take;
  }

  sync(fd: number): void {
    const inode = this.inode(fd, false);
    const powerLost = this.count();
    if (powerLost || this.rng.chance(this.faults.syncEio)) {
      // Whatever the device managed to write is there; the rest will never be written again.
      writeBack(inode, (sector) => this.rng.chance(0.5) && sector >= 0);
      if (powerLost) throw new PowerLoss();
      inode.dirty.clear();
      throw failure("EIO", "fdatasync");
    }
    writeBack(inode, () => true);
    inode.durableSize = inode.size;
    inode.sizeDirty = false;
  }

  truncate(fd: number, size: number): void {
    const inode = this.inode(fd, true);
    this.mutate();
    inode.live.fill(0, size, inode.size);
    inode.size = size;
    inode.sizeDirty = true;
    for (const sector of inode.dirty) if (sector * SECTOR >= size) inode.dirty.delete(sector);
  }

  size(fd: number): number {
    return this.inode(fd, false).size;
  }

  read(fd: number, target: Uint8Array, position: number): number {
    const inode = this.inode(fd, false);
    const count = Math.max(0, Math.min(target.length, inode.size - position));
    target.set(inode.live.subarray(position, position + count));
    return count;
  }

  close(fd: number): void {
    this.alive();
    if (!this.open.delete(fd)) throw failure("EBADF", String(fd));
  }

  rename(from: string, to: string): void {
    const source = split(from);
    const target = split(to);
    if (source.parent !== target.parent) throw failure("EXDEV", from);
    const inode = this.file(from);
    this.mutate();
    this.change(source.parent, (entries) => {
      entries.delete(source.name);
      entries.set(target.name, { kind: "file", inode });
    });
  }

  remove(path: string): void {
    const { parent, name } = split(path);
    if (!this.directory(parent).live.has(name)) return;
    this.mutate();
    this.change(parent, (entries) => entries.delete(name));
  }

  syncDirectory(path: string): void {
    const directory = this.directory(path);
    this.mutate();
    for (const change of directory.pending.splice(0)) change(directory.durable);
  }

  /** Bytes that files in use hold. */
  usedBytes(): number {
    let bytes = 0;
    for (const { live } of this.directories.values())
      for (const entry of live.values()) if (entry.kind === "file") bytes += entry.inode.size;
    return bytes;
  }

  readonly openFiles = (): number => this.open.size;

  /** Power returns: what was volatile is there or not, sector by sector and name by name. */
  crash(): void {
    this.revive();
    for (const directory of this.directories.values()) {
      for (const change of directory.pending.splice(0))
        if (this.rng.chance(0.5)) change(directory.durable);
      directory.live.clear();
      for (const [name, entry] of directory.durable) directory.live.set(name, entry);
    }
    this.dropUnreachable();
    const seen = new Set<Inode>();
    for (const { live } of this.directories.values())
      for (const entry of live.values()) if (entry.kind === "file") seen.add(entry.inode);
    for (const inode of seen) this.lose(inode);
  }

  /** The process dies and starts again; the machine, with its page cache, lives on. */
  restart(): void {
    this.revive();
  }

  /** The bytes of a file, to be damaged in place: durable and live alike. */
  damage(path: string, change: (bytes: Uint8Array) => Uint8Array): void {
    const inode = this.file(path);
    const bytes = change(inode.live.slice(0, inode.size));
    Object.assign(inode, emptyInode());
    inode.live = bytes.slice();
    inode.durable = bytes.slice();
    inode.size = bytes.length;
    inode.durableSize = bytes.length;
  }

  bytes(path: string): Uint8Array {
    const inode = this.file(path);
    return inode.live.slice(0, inode.size);
  }

  private revive(): void {
    this.dead = false;
    this.operations = 0;
    this.open = new Map();
    Object.assign(this.faults, noFaults);
  }

  private alive(): void {
    if (this.dead) throw new PowerLoss();
  }

  /** Counts a mutating call; true when the power goes during it. */
  private count(): boolean {
    this.alive();
    this.operations++;
    this.dead = this.operations >= this.faults.powerLossAt;
    return this.dead;
  }

  private mutate(): void {
    if (this.count()) throw new PowerLoss();
  }

  private change(parent: string, change: (entries: Map<string, Entry>) => void): void {
    const directory = this.directory(parent);
    change(directory.live);
    directory.pending.push(change);
  }

  private directory(path: string): Directory {
    const found = this.directories.get(path);
    if (found === undefined) throw failure("ENOENT", path);
    return found;
  }

  private file(path: string): Inode {
    const { parent, name } = split(path);
    const found = this.directory(parent).live.get(name);
    if (found?.kind !== "file") throw failure("ENOENT", path);
    return found.inode;
  }

  private descriptor(inode: Inode, write: boolean): number {
    this.alive();
    const fd = this.nextFd++;
    this.open.set(fd, { inode, write });
    return fd;
  }

  private inode(fd: number, write: boolean): Inode {
    this.alive();
    const found = this.open.get(fd);
    if (found === undefined || (write && !found.write)) throw failure("EBADF", String(fd));
    return found.inode;
  }

  private put(inode: Inode, parts: readonly Uint8Array[], take: number): void {
    let left = take;
    for (const part of parts) {
      const bytes = part.subarray(0, left);
      left -= bytes.length;
      append(inode, bytes);
    }
  }

  private lose(inode: Inode): void {
    writeBack(inode, () => this.rng.chance(0.5));
    if (inode.sizeDirty || inode.size !== inode.durableSize) {
      const low = Math.min(inode.size, inode.durableSize);
      const high = Math.max(inode.size, inode.durableSize);
      inode.durableSize = this.rng.pick([low, high, this.rng.between(low, high)]);
    }
    inode.size = inode.durableSize;
    inode.durable = grown(inode.durable, inode.size);
    inode.live = inode.durable.slice();
    inode.dirty.clear();
    inode.sizeDirty = false;
  }

  private dropUnreachable(): void {
    const paths = [...this.directories.keys()].sort((a, b) => a.length - b.length);
    for (const path of paths) {
      if (path === "/") continue;
      const { parent, name } = split(path);
      if (this.directories.get(parent)?.live.get(name)?.kind !== "directory")
        this.directories.delete(path);
    }
  }
}

function emptyDirectory(): Directory {
  return { live: new Map(), durable: new Map(), pending: [] };
}

function emptyInode(): Inode {
  return {
    live: new Uint8Array(0),
    size: 0,
    durable: new Uint8Array(0),
    durableSize: 0,
    dirty: new Set(),
    sizeDirty: false,
  };
}

function split(path: string): { parent: string; name: string } {
  const slash = path.lastIndexOf("/");
  return { parent: slash <= 0 ? "/" : path.slice(0, slash), name: path.slice(slash + 1) };
}

function grown(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length >= size) return bytes;
  const out = new Uint8Array(Math.max(SECTOR, 2 ** Math.ceil(Math.log2(size))));
  out.set(bytes);
  return out;
}

function append(inode: Inode, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  const from = inode.size;
  inode.live = grown(inode.live, from + bytes.length);
  inode.live.set(bytes, from);
  inode.size += bytes.length;
  inode.sizeDirty = true;
  const last = Math.floor((inode.size - 1) / SECTOR);
  for (let sector = Math.floor(from / SECTOR); sector <= last; sector++) inode.dirty.add(sector);
}

/** Copies the dirty sectors that `keep` chooses to the medium. */
function writeBack(inode: Inode, keep: (sector: number) => boolean): void {
  for (const sector of inode.dirty) {
    if (!keep(sector)) continue;
    const from = sector * SECTOR;
    const to = Math.min(from + SECTOR, inode.size);
    inode.durable = grown(inode.durable, to);
    inode.durable.set(inode.live.subarray(from, to), from);
    inode.dirty.delete(sector);
  }
}
