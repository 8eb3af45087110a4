/** Load, pressure, memory events and limits of the kernel as a whole. */
import type { FamilyType } from "../collector/families.ts";
import { keyed, rows } from "../collector/files.ts";
import { type HostPart, mustRead, NoData } from "./host-source.ts";

/** First word of a line of `/proc/stat`, and the metric its first number is. */
const statLines: Readonly<Record<string, readonly [name: string, type: FamilyType, help: string]>> =
  {
    intr: ["node_intr_total", "counter", "Total number of interrupts serviced."],
    ctxt: ["node_context_switches_total", "counter", "Total number of context switches."],
    processes: ["node_forks_total", "counter", "Total number of forks."],
    btime: ["node_boot_time_seconds", "gauge", "Node boot time, in unixtime."],
    procs_running: ["node_procs_running", "gauge", "Number of processes in runnable state."],
    procs_blocked: [
      "node_procs_blocked",
      "gauge",
      "Number of processes blocked waiting for I/O to complete.",
    ],
  };

export const stat: HostPart = {
  name: "stat",
  async collect({ proc }, out) {
    for (const [key = "", value] of rows(await mustRead(proc, "stat"))) {
      const metric = Object.hasOwn(statLines, key) ? statLines[key] : undefined;
      if (metric !== undefined) out.one(...metric, Number(value));
    }
  },
};

export const loadavg: HostPart = {
  name: "loadavg",
  async collect({ proc }, out) {
    const [values = []] = rows(await mustRead(proc, "loadavg"));
    [1, 5, 15].forEach((minutes, i) => {
      out.one(`node_load${minutes}`, "gauge", `${minutes}m load average.`, Number(values[i]));
    });
  },
};

const MICROSECONDS = 1 / 1_000_000;
const pressures: readonly (readonly [
  file: string,
  line: "some" | "full",
  name: string,
  help: string,
])[] = [
  ["cpu", "some", "cpu_waiting", "Total time in seconds that processes have waited for CPU time"],
  [
    "io",
    "some",
    "io_waiting",
    "Total time in seconds that processes have waited due to IO congestion",
  ],
  [
    "io",
    "full",
    "io_stalled",
    "Total time in seconds no process could make progress due to IO congestion",
  ],
  [
    "memory",
    "some",
    "memory_waiting",
    "Total time in seconds that processes have waited for memory",
  ],
  [
    "memory",
    "full",
    "memory_stalled",
    "Total time in seconds no process could make progress due to memory congestion",
  ],
  [
    "irq",
    "full",
    "irq_stalled",
    "Total time in seconds no process could make progress due to IRQ congestion",
  ],
];

/** Pressure stall information; a kernel may be built without it. */
export const pressure: HostPart = {
  name: "pressure",
  async collect({ proc }, out) {
    let found = false;
    for (const [file, line, name, help] of pressures) {
      const text = await proc.text(`pressure/${file}`);
      const total = rows(text)
        .find(([first]) => first === line)
        ?.find((part) => part.startsWith("total="));
      if (total === undefined) continue;
      found = true;
      const seconds = Number(total.slice("total=".length)) * MICROSECONDS;
      out.one(`node_pressure_${name}_seconds_total`, "counter", help, seconds);
    }
    if (!found) throw new NoData("the kernel tells nothing of pressure");
  },
};

const VMSTAT_FIELDS = /^(oom_kill|pgpg|pswp|pg.*fault).*/;

export const vmstat: HostPart = {
  name: "vmstat",
  async collect({ proc }, out) {
    for (const [field, value] of keyed(await mustRead(proc, "vmstat")))
      if (VMSTAT_FIELDS.test(field))
        out.one(
          `node_vmstat_${field}`,
          "untyped",
          `/proc/vmstat information field ${field}.`,
          value,
        );
  },
};

export const filefd: HostPart = {
  name: "filefd",
  async collect({ proc }, out) {
    const [values = []] = rows(await mustRead(proc, "sys/fs/file-nr"));
    const add = (name: string, value: string | undefined): void =>
      out.one(
        `node_filefd_${name}`,
        "gauge",
        `File descriptor statistics: ${name}.`,
        Number(value),
      );
    add("allocated", values[0]);
    add("maximum", values[2]);
  },
};

export const entropy: HostPart = {
  name: "entropy",
  async collect({ proc }, out) {
    const available = await proc.number("sys/kernel/random/entropy_avail");
    const size = await proc.number("sys/kernel/random/poolsize");
    if (available === undefined) throw new NoData("entropy_avail cannot be read");
    out.one("node_entropy_available_bits", "gauge", "Bits of available entropy.", available);
    if (size !== undefined)
      out.one("node_entropy_pool_size_bits", "gauge", "Bits of entropy pool.", size);
  },
};

/** System time, the zone, and where the kernel's clock comes from. */
export const time: HostPart = {
  name: "time",
  async collect({ sys, clock }, out) {
    const now = clock.nowMs();
    out.one("node_time_seconds", "gauge", "System time in seconds since epoch (1970).", now / 1000);
    const date = new Date(now);
    const zone = new Intl.DateTimeFormat("en", { timeZoneName: "short" })
      .formatToParts(date)
      .find(({ type }) => type === "timeZoneName")?.value;
    out
      .family("node_time_zone_offset_seconds", "gauge", "System time zone offset in seconds.")
      .add(0 - date.getTimezoneOffset() * 60, { time_zone: zone ?? "" });
    const directory = "devices/system/clocksource";
    for (const name of await sys.names(directory)) {
      if (!name.startsWith("clocksource")) continue;
      const device = name.slice("clocksource".length);
      const list = async (file: string): Promise<string[]> =>
        rows(await sys.text(`${directory}/${name}/${file}`))[0] ?? [];
      const info = (state: string) =>
        out.family(
          `node_time_clocksource_${state}_info`,
          "gauge",
          `${state === "current" ? "Current clocksource" : "Available clocksources"} read from '/sys/devices/system/clocksource'.`,
        );
      for (const clocksource of await list("available_clocksource"))
        info("available").add(1, { device, clocksource });
      for (const clocksource of await list("current_clocksource"))
        info("current").add(1, { device, clocksource });
    }
  },
};
