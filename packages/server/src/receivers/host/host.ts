/** The host collector: node_exporter's metrics of a Linux host, read from `/proc` and `/sys`. */
import { statfs } from "node:fs/promises";
import { platform } from "node:os";
import { join } from "node:path";
import type { Clock } from "@triptych/model";
import type { HostCollectorConfig } from "../../config/collect-schema.ts";
import type { Collector } from "../collector/collector.ts";
import { createFamilies, type Families } from "../collector/families.ts";
import { createKernelFiles } from "../collector/files.ts";
import { createCpu } from "./cpu.ts";
import { diskstats } from "./diskstats.ts";
import { createFilesystem } from "./filesystem.ts";
import type { HostPart, HostSource } from "./host-source.ts";
import { os, uname } from "./identity.ts";
import { entropy, filefd, loadavg, pressure, stat, time, vmstat } from "./kernel.ts";
import { meminfo } from "./meminfo.ts";
import { conntrack, netstat, sockstat, softnet, udpQueues } from "./netstat.ts";
import { arp, netclass, netdev } from "./network.ts";
import { pageBytes } from "./page-size.ts";
import { textfile } from "./textfile.ts";
import { hwmon, thermalZone } from "./thermal.ts";

/** All parts, each named as node_exporter's collector. */
export function hostParts(): readonly HostPart[] {
  return [
    arp,
    conntrack,
    createCpu(),
    diskstats,
    entropy,
    filefd,
    createFilesystem(),
    hwmon,
    loadavg,
    meminfo,
    netclass,
    netdev,
    netstat,
    os,
    pressure,
    sockstat,
    softnet,
    stat,
    textfile,
    thermalZone,
    time,
    udpQueues,
    uname,
    vmstat,
  ];
}

/** Whether there is a kernel here whose files we know. */
export function hasHost(): boolean {
  return platform() === "linux";
}

export function createHostCollector(
  config: Pick<
    HostCollectorConfig,
    "procfs" | "sysfs" | "rootfs" | "textfileDirectories" | "without"
  >,
  clock: Clock,
): Collector {
  const parts = hostParts().filter(({ name }) => !config.without.includes(name));
  const proc = createKernelFiles(config.procfs);
  let source: HostSource | undefined;
  return {
    kind: "host",
    address: config.rootfs,
    async collect(signal) {
      source ??= {
        proc,
        sys: createKernelFiles(config.sysfs),
        root: createKernelFiles(config.rootfs),
        rootPath: config.rootfs,
        statfs,
        clock,
        pageBytes: await pageBytes(join(config.procfs, "self/auxv")),
        textfileDirectories: config.textfileDirectories,
      };
      const out = createFamilies();
      // Side by side: a part that waits for a lost file server does not hold up the others.
      const outs = await Promise.all(
        parts.map((part) => collectPart(part, source as HostSource, { clock, signal })),
      );
      report(out, outs);
      return outs.map(({ text }) => text).join("") + out.render();
    },
    close: () => Promise.resolve(),
  };
}

interface PartOutcome {
  readonly name: string;
  readonly text: string;
  readonly seconds: number;
  readonly isOk: boolean;
}

async function collectPart(
  part: HostPart,
  source: HostSource,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<PartOutcome> {
  const startMs = clock.monotonicMs();
  const out = createFamilies();
  let isOk = true;
  try {
    signal.throwIfAborted();
    await part.collect(source, out);
  } catch {
    // As the exporter does: what it found so far stays, and the part is reported as not successful.
    isOk = false;
  }
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  return { name: part.name, text: out.render(), seconds, isOk };
}

function report(out: Families, outcomes: readonly PartOutcome[]): void {
  const duration = out.family(
    "node_scrape_collector_duration_seconds",
    "gauge",
    "node_exporter: Duration of a collector scrape.",
  );
  const success = out.family(
    "node_scrape_collector_success",
    "gauge",
    "node_exporter: Whether a collector succeeded.",
  );
  for (const { name, seconds, isOk } of outcomes) {
    duration.add(seconds, { collector: name });
    success.add(isOk ? 1 : 0, { collector: name });
  }
}
