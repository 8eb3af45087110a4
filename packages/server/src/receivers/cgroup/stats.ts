/** What a cgroup says of itself, the same for both versions of the file system. Missing: the kernel does not tell. */

export interface CgroupStats {
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  /** By device, `8:0`. */
  readonly io: ReadonlyMap<string, IoStats>;
  readonly threads: number | undefined;
  /** 0 when there is no bound. */
  readonly threadsMax: number | undefined;
  readonly pids: readonly number[];
  /** Seconds waited, such as `cpu_waiting`. */
  readonly pressure: ReadonlyMap<string, number>;
}

export interface CpuStats {
  readonly usageSeconds?: number | undefined;
  readonly userSeconds?: number | undefined;
  readonly systemSeconds?: number | undefined;
  readonly periods?: number | undefined;
  readonly throttledPeriods?: number | undefined;
  readonly throttledSeconds?: number | undefined;
  /** Undefined when there is none. */
  readonly quotaMicros?: number | undefined;
  readonly periodMicros?: number | undefined;
  readonly shares?: number | undefined;
}

export interface MemoryStats {
  readonly usage?: number | undefined;
  readonly maxUsage?: number | undefined;
  readonly rss?: number | undefined;
  readonly cache?: number | undefined;
  readonly mappedFile?: number | undefined;
  readonly swap?: number | undefined;
  readonly kernel?: number | undefined;
  readonly activeFile?: number | undefined;
  readonly inactiveFile?: number | undefined;
  readonly failures?: number | undefined;
  readonly oomKills?: number | undefined;
  /** Of this cgroup alone, and with those below it. */
  readonly faults?: { readonly own: Faults; readonly all: Faults } | undefined;
  /** 0 when there is no bound, for these three. */
  readonly limit?: number | undefined;
  readonly swapLimit?: number | undefined;
  readonly reservation?: number | undefined;
}

export interface Faults {
  readonly pgfault: number;
  readonly pgmajfault: number;
}

export interface IoStats {
  readBytes: number;
  writtenBytes: number;
  reads: number;
  writes: number;
}

export interface CgroupReader {
  /** The directories where cgroups are looked for, below the root of the file system. */
  readonly base: string;
  /** `path` is as in `/proc/self/cgroup`: `/` or `/system.slice/…`. */
  read(path: string): Promise<CgroupStats>;
}

/** Beyond this a bound is none: the kernel writes the largest multiple of a page. */
const UNLIMITED = 2 ** 60;

export function limitOf(text: string | undefined): number | undefined {
  const trimmed = text?.trim();
  if (trimmed === undefined || trimmed === "") return undefined;
  if (trimmed === "max" || trimmed === "-1") return 0;
  const value = Number(trimmed);
  if (Number.isNaN(value)) return undefined;
  return value >= UNLIMITED ? 0 : value;
}

const PIDS_MAX = 100_000;

export function pidsOf(text: string | undefined): readonly number[] {
  return (text ?? "")
    .split("\n", PIDS_MAX)
    .filter((line) => line !== "")
    .map(Number);
}

export function ioOf(io: Map<string, IoStats>, device: string): IoStats {
  let stats = io.get(device);
  if (stats === undefined) {
    stats = { readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 };
    io.set(device, stats);
  }
  return stats;
}
