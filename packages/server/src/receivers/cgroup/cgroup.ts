/** The container collector: cAdvisor's metrics of every cgroup, read from the kernel. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@triptych/model";
import type { CgroupCollectorConfig } from "../../config/collect-schema.ts";
import { letOthersRun } from "../../self/event-loop.ts";
import type { Collector } from "../collector/collector.ts";
import { createFamilies, type Families, type FamilyLabels } from "../collector/families.ts";
import { createKernelFiles, type KernelFiles, rows } from "../collector/files.ts";
import { devicesOf } from "../host/network.ts";
import { type ContainerNames, createContainerNames } from "./container-names.ts";
import { type FoundCgroup, findCgroups } from "./find-cgroups.ts";
import { addNetwork, addStats } from "./metrics.ts";
import type { CgroupReader, CgroupStats } from "./stats.ts";
import { createVersion1 } from "./version-1.ts";
import { createVersion2 } from "./version-2.ts";

export type CgroupTarget = Pick<
  CgroupCollectorConfig,
  "root" | "procfs" | "cgroupsMax" | "docker" | "containerLogs"
>;

/** Cgroups read before others run: one is some twenty small files, which take half a millisecond. */
const AT_ONCE = 4;

/** Cgroups whose figures become text before others run. */
const ADDED_AT_ONCE = 50;

/** Whether there is a cgroup file system at `root`. */
export function hasCgroups(root: string): boolean {
  return ["cgroup.controllers", "memory", "cpu", "cpu,cpuacct"].some((name) =>
    existsSync(join(root, name)),
  );
}

export function createCgroupCollector(target: CgroupTarget, clock: Clock): Collector {
  const files = createKernelFiles(target.root, "quick");
  const proc = createKernelFiles(target.procfs);
  const names = createContainerNames({ ...target, clock });
  return {
    kind: "cgroup",
    address: target.root,
    async collect(signal) {
      const reader = await readerOf(files);
      if (reader === undefined) throw new Error(`there is no cgroup file system at ${target.root}`);
      const found = await findCgroups(join(target.root, reader.base), target.cgroupsMax);
      await names.refresh(found.map(({ containerId }) => containerId).filter((id) => id !== ""));
      const out = createFamilies();
      const seen = await readAll(found, { reader, target, signal });
      const devices = await deviceNames(proc);
      for (const [i, { cgroup, stats, startSeconds }] of seen.entries()) {
        if (i % ADDED_AT_ONCE === ADDED_AT_ONCE - 1) await letOthersRun();
        addStats(
          cgroup.path === "/" ? await wholeOf(stats, proc) : stats,
          labelsOf(cgroup, names),
          {
            out,
            nowMs: clock.nowMs(),
            startSeconds,
            deviceName: (device) => devices.get(device) ?? device,
          },
        );
      }
      await addNetworks(seen, { proc, names, out });
      await addMachine(proc, out);
      return out.render();
    },
    close: () => Promise.resolve(),
  };
}

async function readerOf(files: KernelFiles): Promise<CgroupReader | undefined> {
  const names = await files.names("");
  return names.includes("cgroup.controllers") ? createVersion2(files) : createVersion1(files);
}

interface Seen {
  readonly cgroup: FoundCgroup;
  readonly stats: CgroupStats;
  readonly startSeconds: number | undefined;
}

/** In the order of `found`. */
async function readAll(
  found: readonly FoundCgroup[],
  context: {
    readonly reader: CgroupReader;
    readonly target: CgroupTarget;
    readonly signal: AbortSignal;
  },
): Promise<readonly Seen[]> {
  const { reader, target, signal } = context;
  const seen: Seen[] = [];
  for (let at = 0; at < found.length; at += AT_ONCE) {
    signal.throwIfAborted();
    const some = found.slice(at, at + AT_ONCE).map(async (cgroup) => ({
      cgroup,
      stats: await reader.read(cgroup.path),
      startSeconds: await createdSeconds(join(target.root, reader.base, cgroup.path)),
    }));
    seen.push(...(await Promise.all(some)));
    await letOthersRun();
  }
  return seen;
}

/** In version 2 the root tells nothing of memory: it is that of the machine. */
async function wholeOf(stats: CgroupStats, proc: KernelFiles): Promise<CgroupStats> {
  if (stats.memory.usage !== undefined) return stats;
  const found = new Map(
    rows(await proc.text("meminfo")).map(([name, kib]) => [name, Number(kib) * 1024]),
  );
  const total = found.get("MemTotal:");
  const free = found.get("MemFree:");
  if (total === undefined || free === undefined) return stats;
  const memory = {
    usage: total - free,
    cache: found.get("Cached:"),
    mappedFile: found.get("Mapped:"),
    rss: found.get("AnonPages:"),
    activeFile: found.get("Active(file):"),
    inactiveFile: found.get("Inactive(file):"),
  };
  return { ...stats, memory };
}

/** A cgroup's directory is as old as it is. */
async function createdSeconds(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const times = [found.birthtimeMs, found.ctimeMs, found.mtimeMs].filter((ms) => ms > 0);
  return times.length === 0 ? undefined : Math.floor(Math.min(...times) / 1000);
}

function labelsOf({ path, containerId, podUid }: FoundCgroup, names: ContainerNames): FamilyLabels {
  const known = containerId === "" ? undefined : names.of(containerId);
  return {
    id: path,
    name: known?.name ?? containerId,
    image: known?.image ?? "",
    container: known?.container ?? "",
    pod: known?.pod ?? "",
    namespace: known?.namespace ?? "",
    pod_uid: podUid,
  };
}

/** `8:0` to `/dev/sda`. */
async function deviceNames(proc: KernelFiles): Promise<ReadonlyMap<string, string>> {
  return new Map(
    rows(await proc.text("diskstats")).map(([major, minor, name]) => [
      `${major}:${minor}`,
      `/dev/${name}`,
    ]),
  );
}

/**
 * A network belongs to all containers of a pod; it is reported once, with the one that is oldest. The host's own is
 * that of the root.
 */
async function addNetworks(
  seen: readonly Seen[],
  context: { readonly proc: KernelFiles; readonly names: ContainerNames; readonly out: Families },
): Promise<void> {
  const { proc, names, out } = context;
  const host = await proc.link("1/ns/net").then((link) => link ?? proc.link("self/ns/net"));
  const reported = new Set<string | undefined>([host]);
  const hostDevices = await proc.text("net/dev");
  const [root] = seen;
  if (root?.cgroup.path === "/" && hostDevices !== undefined)
    addNetwork(devicesOf(hostDevices), labelsOf(root.cgroup, names), out);
  const containers = seen
    .filter(({ cgroup, stats }) => cgroup.containerId !== "" && stats.pids.length > 0)
    .sort((a, b) => (a.startSeconds ?? 0) - (b.startSeconds ?? 0));
  for (const { cgroup, stats } of containers) {
    const [pid] = stats.pids;
    const space = await proc.link(`${pid}/ns/net`);
    // Not ours to see, or the host's.
    if (space === undefined || reported.has(space)) continue;
    const text = await proc.text(`${pid}/net/dev`);
    if (text === undefined) continue;
    reported.add(space);
    addNetwork(devicesOf(text), labelsOf(cgroup, names), out);
  }
}

async function addMachine(proc: KernelFiles, out: Families): Promise<void> {
  const cores = rows(await proc.text("stat")).filter(([name]) => /^cpu\d+$/.test(name ?? ""));
  if (cores.length > 0)
    out.one("machine_cpu_cores", "gauge", "Number of logical CPU cores.", cores.length);
  const total = rows(await proc.text("meminfo")).find(([name]) => name === "MemTotal:")?.[1];
  if (total !== undefined)
    out.one(
      "machine_memory_bytes",
      "gauge",
      "Amount of memory installed on the machine.",
      Number(total) * 1024,
    );
}
