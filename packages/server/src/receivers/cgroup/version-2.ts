/** Cgroups of version 2: one tree with all controllers. */
import { type KernelFiles, keyed, rows } from "../collector/files.ts";
import {
  type CgroupReader,
  type CpuStats,
  type IoStats,
  ioOf,
  limitOf,
  type MemoryStats,
  pidsOf,
} from "./stats.ts";

const MICRO = 1e-6;

export function createVersion2(files: KernelFiles, base = ""): CgroupReader {
  return {
    base,
    async read(path) {
      const at = `${base}${path}`;
      const of = (name: string): Promise<string | undefined> => files.text(`${at}/${name}`);
      const [threads, threadsMax, procs] = [
        await of("pids.current"),
        await of("pids.max"),
        await of("cgroup.procs"),
      ];
      return {
        cpu: await cpuOf(of),
        memory: await memoryOf(of),
        io: ioStats(await of("io.stat")),
        threads: threads === undefined ? undefined : Number(threads),
        threadsMax: limitOf(threadsMax),
        pids: pidsOf(procs),
        pressure: await pressureOf(of),
      };
    },
  };
}

type Read = (name: string) => Promise<string | undefined>;

async function cpuOf(of: Read): Promise<CpuStats> {
  const stat = keyed(await of("cpu.stat"));
  const seconds = (key: string): number | undefined => {
    const micros = stat.get(key);
    return micros === undefined ? undefined : micros * MICRO;
  };
  const [[quota, period] = []] = rows(await of("cpu.max"));
  const weight = Number((await of("cpu.weight")) ?? Number.NaN);
  return {
    usageSeconds: seconds("usage_usec"),
    userSeconds: seconds("user_usec"),
    systemSeconds: seconds("system_usec"),
    periods: stat.get("nr_periods"),
    throttledPeriods: stat.get("nr_throttled"),
    throttledSeconds: seconds("throttled_usec"),
    quotaMicros: quota === undefined || quota === "max" ? undefined : Number(quota),
    periodMicros: period === undefined ? undefined : Number(period),
    shares: Number.isNaN(weight) ? undefined : sharesOf(weight),
  };
}

/** Weights 1 to 10,000 stand for the shares 2 to 262,144 of version 1. */
function sharesOf(weight: number): number {
  return 2 + Math.floor(((weight - 1) * 262_142) / 9_999);
}

async function memoryOf(of: Read): Promise<MemoryStats> {
  const usage = await of("memory.current");
  if (usage === undefined) return {};
  const stat = keyed(await of("memory.stat"));
  const events = keyed(await of("memory.events"));
  const number = async (name: string): Promise<number | undefined> => {
    const text = await of(name);
    return text === undefined ? undefined : Number(text);
  };
  const faults = { pgfault: stat.get("pgfault") ?? 0, pgmajfault: stat.get("pgmajfault") ?? 0 };
  return {
    usage: Number(usage),
    maxUsage: await number("memory.peak"),
    rss: stat.get("anon"),
    cache: stat.get("file"),
    mappedFile: stat.get("file_mapped"),
    swap: await number("memory.swap.current"),
    kernel: stat.get("kernel"),
    activeFile: stat.get("active_file"),
    inactiveFile: stat.get("inactive_file"),
    failures: events.get("max"),
    oomKills: events.get("oom_kill"),
    // Version 2 counts with those below.
    faults: { own: faults, all: faults },
    limit: limitOf(await of("memory.max")),
    swapLimit: limitOf(await of("memory.swap.max")),
    reservation: limitOf(await of("memory.low")),
  };
}

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …`. */
function ioStats(text: string | undefined): ReadonlyMap<string, IoStats> {
  const io = new Map<string, IoStats>();
  for (const [device = "", ...pairs] of rows(text)) {
    const found = new Map(pairs.map((pair) => pair.split("=", 2) as [string, string]));
    const of = (key: string): number => Number(found.get(key) ?? 0);
    Object.assign(ioOf(io, device), {
      readBytes: of("rbytes"),
      writtenBytes: of("wbytes"),
      reads: of("rios"),
      writes: of("wios"),
    });
  }
  return io;
}

const kinds = { some: "waiting", full: "stalled" } as const;

async function pressureOf(of: Read): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const resource of ["cpu", "memory", "io"])
    for (const [line = "", ...pairs] of rows(await of(`${resource}.pressure`))) {
      const kind = line === "some" || line === "full" ? kinds[line] : undefined;
      const total = pairs.find((pair) => pair.startsWith("total="));
      if (kind !== undefined && total !== undefined)
        found.set(`${resource}_${kind}`, Number(total.slice("total=".length)) * MICRO);
    }
  return found;
}
