/** Cgroups of version 1: a tree for each controller, or for some of them together. */
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

const NANO = 1e-9;
const TICKS_PER_SECOND = 100;

/** Where controllers are mounted: `cpu` may be part of `cpu,cpuacct`. */
export async function createVersion1(files: KernelFiles): Promise<CgroupReader | undefined> {
  const mounts = await files.names("");
  const of = (controller: string): string | undefined =>
    mounts.find((name) => name.split(",").includes(controller));
  const base = of("memory") ?? of("cpuacct") ?? of("cpu");
  if (base === undefined) return undefined;
  const read =
    (path: string) =>
    (controller: string, name: string): Promise<string | undefined> => {
      const mount = of(controller);
      if (mount === undefined) return Promise.resolve(undefined);
      return files.text(`${mount}${path}/${name}`);
    };
  return {
    base,
    async read(path) {
      const text = read(path);
      const threads = await text("pids", "pids.current");
      return {
        cpu: await cpuOf(text),
        memory: await memoryOf(text),
        io: await ioStats(text),
        threads: threads === undefined ? undefined : Number(threads),
        threadsMax: limitOf(await text("pids", "pids.max")),
        pids: pidsOf(await files.text(`${base}${path}/cgroup.procs`)),
        pressure: new Map(),
      };
    },
  };
}

type Read = (controller: string, name: string) => Promise<string | undefined>;

async function cpuOf(text: Read): Promise<CpuStats> {
  const number = async (controller: string, name: string): Promise<number | undefined> => {
    const read = await text(controller, name);
    return read === undefined ? undefined : Number(read);
  };
  const usage = await number("cpuacct", "cpuacct.usage");
  const ticks = keyed(await text("cpuacct", "cpuacct.stat"));
  const stat = keyed(await text("cpu", "cpu.stat"));
  const seconds = (key: string): number | undefined => {
    const count = ticks.get(key);
    return count === undefined ? undefined : count / TICKS_PER_SECOND;
  };
  const throttled = stat.get("throttled_time");
  const quota = await number("cpu", "cpu.cfs_quota_us");
  return {
    usageSeconds: usage === undefined ? undefined : usage * NANO,
    userSeconds: seconds("user"),
    systemSeconds: seconds("system"),
    periods: stat.get("nr_periods"),
    throttledPeriods: stat.get("nr_throttled"),
    throttledSeconds: throttled === undefined ? undefined : throttled * NANO,
    quotaMicros: quota === undefined || quota < 0 ? undefined : quota,
    periodMicros: await number("cpu", "cpu.cfs_period_us"),
    shares: await number("cpu", "cpu.shares"),
  };
}

async function memoryOf(text: Read): Promise<MemoryStats> {
  const number = async (name: string): Promise<number | undefined> => {
    const read = await text("memory", `memory.${name}`);
    return read === undefined ? undefined : Number(read);
  };
  const limit = async (name: string): Promise<number | undefined> =>
    limitOf(await text("memory", `memory.${name}`));
  const usage = await number("usage_in_bytes");
  if (usage === undefined) return {};
  const stat = keyed(await text("memory", "memory.stat"));
  const of = (key: string): number | undefined => stat.get(`total_${key}`) ?? stat.get(key);
  const events = keyed(await text("memory", "memory.oom_control"));
  const faults = (prefix: string) => ({
    pgfault: stat.get(`${prefix}pgfault`) ?? 0,
    pgmajfault: stat.get(`${prefix}pgmajfault`) ?? 0,
  });
  return {
    usage,
    maxUsage: await number("max_usage_in_bytes"),
    rss: of("rss"),
    cache: of("cache"),
    mappedFile: of("mapped_file"),
    swap: of("swap"),
    kernel: await number("kmem.usage_in_bytes"),
    activeFile: of("active_file"),
    inactiveFile: of("inactive_file"),
    failures: await number("failcnt"),
    oomKills: events.get("oom_kill"),
    faults: { own: faults(""), all: faults("total_") },
    limit: await limit("limit_in_bytes"),
    swapLimit: await limit("memsw.limit_in_bytes"),
    reservation: await limit("soft_limit_in_bytes"),
  };
}

/** Lines `8:0 Read 4096`; the last is a total without device. */
async function ioStats(text: Read): Promise<ReadonlyMap<string, IoStats>> {
  const io = new Map<string, IoStats>();
  const add = async (
    file: string,
    fields: { readonly Read: keyof IoStats; readonly Write: keyof IoStats },
  ): Promise<void> => {
    // Those with `_recursive` count the cgroups below too, where the scheduler tells them.
    for (const [device = "", kind, value] of rows(await text("blkio", file)))
      if (kind === "Read" || kind === "Write") ioOf(io, device)[fields[kind]] = Number(value);
  };
  await add("blkio.throttle.io_service_bytes", { Read: "readBytes", Write: "writtenBytes" });
  await add("blkio.throttle.io_serviced", { Read: "reads", Write: "writes" });
  return io;
}
