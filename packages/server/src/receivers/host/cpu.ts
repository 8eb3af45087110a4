/** Time of processors by mode, from `/proc/stat`. */
import { rows } from "../collector/files.ts";
import { type HostPart, mustRead } from "./host-source.ts";

/** The kernel reports in ticks of this many a second, whatever it uses itself. */
const TICKS_PER_SECOND = 100;
const modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"] as const;
const IDLE = modes.indexOf("idle");
const GUEST = modes.length;
const GUEST_NICE = GUEST + 1;
/** Idle time that goes back by more than this is that of a processor that was taken away and came back. */
const HOTPLUG_SECONDS = 3;

export function createCpu(): HostPart {
  // The kernel's idle and iowait can go back a little, which a counter must not.
  const before = new Map<string, readonly number[]>();
  return {
    name: "cpu",
    async collect({ proc }, out) {
      const seconds = out.family(
        "node_cpu_seconds_total",
        "counter",
        "Seconds the CPUs spent in each mode.",
      );
      const guest = out.family(
        "node_cpu_guest_seconds_total",
        "counter",
        "Seconds the CPUs spent in guests (VMs) for each mode.",
      );
      const seen = new Set<string>();
      for (const [name = "", ...ticks] of rows(await mustRead(proc, "stat"))) {
        if (!/^cpu\d+$/.test(name)) continue;
        const cpu = name.slice(3);
        seen.add(cpu);
        const values = notBack(
          before.get(cpu),
          ticks.map((tick) => Number(tick) / TICKS_PER_SECOND),
        );
        before.set(cpu, values);
        modes.forEach((mode, i) => {
          seconds.add(values[i] ?? 0, { cpu, mode });
        });
        guest.add(values[GUEST] ?? 0, { cpu, mode: "user" });
        guest.add(values[GUEST_NICE] ?? 0, { cpu, mode: "nice" });
      }
      for (const cpu of before.keys()) if (!seen.has(cpu)) before.delete(cpu);
    },
  };
}

function notBack(before: readonly number[] | undefined, now: readonly number[]): readonly number[] {
  if (before === undefined || (before[IDLE] ?? 0) - (now[IDLE] ?? 0) > HOTPLUG_SECONDS) return now;
  return now.map((value, i) => Math.max(value, before[i] ?? 0));
}
