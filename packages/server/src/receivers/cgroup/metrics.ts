/** A cgroup's figures by cAdvisor's names. */
import type { Families, FamilyLabels, FamilyType } from "../collector/families.ts";
import type { CgroupStats, CpuStats, Faults, IoStats, MemoryStats } from "./stats.ts";

/** Adds what is known; `labels` are `id`, `name`, `image` and those of Kubernetes. */
export function addStats(stats: CgroupStats, labels: FamilyLabels, context: MetricContext): void {
  const add = adder(context.out, labels);
  addCpu(stats.cpu, add);
  addMemory(stats.memory, add);
  for (const [device, io] of stats.io) addIo(io, add, context.deviceName(device));
  add("gauge", "processes", stats.pids.length, "Number of processes running inside the container.");
  add("gauge", "threads", stats.threads, "Number of threads running inside the container");
  add(
    "gauge",
    "threads_max",
    stats.threadsMax,
    "Maximum number of threads allowed inside the container, infinity if value is zero",
  );
  for (const [name, seconds] of stats.pressure)
    add("counter", `pressure_${name}_seconds_total`, seconds, pressureHelp(name));
  add(
    "gauge",
    "last_seen",
    Math.floor(context.nowMs / 1000),
    "Last time a container was seen by the exporter",
  );
  add(
    "gauge",
    "start_time_seconds",
    context.startSeconds,
    "Start time of the container since unix epoch in seconds.",
  );
}

export interface MetricContext {
  readonly out: Families;
  readonly nowMs: number;
  readonly startSeconds: number | undefined;
  /** The path of a device, from `8:0`. */
  readonly deviceName: (device: string) => string;
}

type Add = (
  type: FamilyType,
  name: string,
  value: number | undefined,
  help: string,
  more?: FamilyLabels,
) => void;

function adder(out: Families, labels: FamilyLabels): Add {
  return (type, name, value, help, more) => {
    if (value === undefined || Number.isNaN(value)) return;
    out
      .family(`container_${name}`, type, help)
      .add(value, more === undefined ? labels : { ...labels, ...more });
  };
}

function addCpu(cpu: CpuStats, add: Add): void {
  add(
    "counter",
    "cpu_usage_seconds_total",
    cpu.usageSeconds,
    "Cumulative cpu time consumed in seconds.",
    { cpu: "total" },
  );
  add(
    "counter",
    "cpu_user_seconds_total",
    cpu.userSeconds,
    "Cumulative user cpu time consumed in seconds.",
  );
  add(
    "counter",
    "cpu_system_seconds_total",
    cpu.systemSeconds,
    "Cumulative system cpu time consumed in seconds.",
  );
  add("gauge", "spec_cpu_period", cpu.periodMicros, "CPU period of the container.");
  add("gauge", "spec_cpu_shares", cpu.shares, "CPU share of the container.");
  // Without a quota nothing is ever throttled, and cAdvisor says nothing of it.
  if (cpu.quotaMicros === undefined) return;
  add("gauge", "spec_cpu_quota", cpu.quotaMicros, "CPU quota of the container.");
  add(
    "counter",
    "cpu_cfs_periods_total",
    cpu.periods,
    "Number of elapsed enforcement period intervals.",
  );
  add(
    "counter",
    "cpu_cfs_throttled_periods_total",
    cpu.throttledPeriods,
    "Number of throttled period intervals.",
  );
  add(
    "counter",
    "cpu_cfs_throttled_seconds_total",
    cpu.throttledSeconds,
    "Total time duration the container has been throttled.",
  );
}

function addMemory(memory: MemoryStats, add: Add): void {
  const gauge = (name: string, value: number | undefined, help: string): void =>
    add("gauge", name, value, help);
  const { usage, inactiveFile } = memory;
  gauge(
    "memory_usage_bytes",
    usage,
    "Current memory usage in bytes, including all memory regardless of when it was accessed",
  );
  if (usage !== undefined)
    gauge(
      "memory_working_set_bytes",
      Math.max(0, usage - (inactiveFile ?? 0)),
      "Current working set in bytes.",
    );
  gauge("memory_max_usage_bytes", memory.maxUsage, "Maximum memory usage recorded in bytes");
  gauge("memory_rss", memory.rss, "Size of RSS in bytes.");
  gauge("memory_cache", memory.cache, "Number of bytes of page cache memory.");
  gauge("memory_mapped_file", memory.mappedFile, "Size of memory mapped files in bytes.");
  gauge("memory_swap", memory.swap, "Container swap usage in bytes.");
  gauge("memory_kernel_usage", memory.kernel, "Size of kernel memory allocated in bytes.");
  gauge("memory_total_active_file_bytes", memory.activeFile, "Current total active file in bytes.");
  gauge("memory_total_inactive_file_bytes", inactiveFile, "Current total inactive file in bytes.");
  add("counter", "memory_failcnt", memory.failures, "Number of memory usage hits limits");
  add(
    "counter",
    "oom_events_total",
    memory.oomKills,
    "Count of out of memory events observed for the container",
  );
  gauge("spec_memory_limit_bytes", memory.limit, "Memory limit for the container.");
  gauge("spec_memory_swap_limit_bytes", memory.swapLimit, "Memory swap limit for the container.");
  gauge(
    "spec_memory_reservation_limit_bytes",
    memory.reservation,
    "Memory reservation limit for the container.",
  );
  if (memory.faults === undefined) return;
  const faults = (scope: string, { pgfault, pgmajfault }: Faults): void => {
    for (const [failure_type, count] of [
      ["pgfault", pgfault],
      ["pgmajfault", pgmajfault],
    ] as const)
      add(
        "counter",
        "memory_failures_total",
        count,
        "Cumulative count of memory allocation failures.",
        { failure_type, scope },
      );
  };
  faults("container", memory.faults.own);
  faults("hierarchy", memory.faults.all);
}

function addIo(io: IoStats, add: Add, device: string): void {
  const counter = (name: string, value: number, help: string): void =>
    add("counter", `fs_${name}`, value, help, { device });
  counter("reads_bytes_total", io.readBytes, "Cumulative count of bytes read");
  counter("writes_bytes_total", io.writtenBytes, "Cumulative count of bytes written");
  counter("reads_total", io.reads, "Cumulative count of reads completed");
  counter("writes_total", io.writes, "Cumulative count of writes completed");
}

function pressureHelp(name: string): string {
  const [resource = "", kind] = name.split("_");
  const what = resource === "cpu" ? "CPU time" : resource === "io" ? "I/O" : "memory";
  return kind === "waiting"
    ? `Total time duration tasks in the container have waited due to ${what} congestion.`
    : `Total time duration no tasks in the container could make progress due to ${what} congestion.`;
}

/** Columns of `/proc/<pid>/net/dev`. */
const network: readonly (readonly [name: string, column: number, help: string])[] = [
  ["receive_bytes_total", 0, "Cumulative count of bytes received"],
  ["receive_packets_total", 1, "Cumulative count of packets received"],
  ["receive_errors_total", 2, "Cumulative count of errors encountered while receiving"],
  ["receive_packets_dropped_total", 3, "Cumulative count of packets dropped while receiving"],
  ["transmit_bytes_total", 8, "Cumulative count of bytes transmitted"],
  ["transmit_packets_total", 9, "Cumulative count of packets transmitted"],
  ["transmit_errors_total", 10, "Cumulative count of errors encountered while transmitting"],
  ["transmit_packets_dropped_total", 11, "Cumulative count of packets dropped while transmitting"],
];
/** Devices that only pass on what others carry. */
const IGNORED = /^(lo|veth|docker|nerdctl)/;

export function addNetwork(
  devices: readonly { readonly device: string; readonly values: readonly number[] }[],
  labels: FamilyLabels,
  out: Families,
): void {
  const add = adder(out, labels);
  for (const { device, values } of devices)
    if (!IGNORED.test(device))
      for (const [name, column, help] of network)
        add("counter", `network_${name}`, values[column], help, { interface: device });
}
