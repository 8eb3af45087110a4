/** Our host metrics beside those of Debian's prometheus-node-exporter, on the same machine at the same time. */
import { spawn } from "node:child_process";
import { defaultLimits } from "@triptych/model";
import { ensureProgram, freePort } from "@triptych/testkit";
import { drain, parseExposition } from "@triptych/wire";
import { afterEach, expect, test } from "vitest";
import { configSchema } from "../../config/schema.ts";
import { realClock } from "../otlp/recording-next.ts";
import { createHostCollector, hostParts } from "./host.ts";

const PROGRAM = "prometheus-node-exporter";
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0)) await one();
});

interface Exposed {
  readonly series: ReadonlyMap<string, number>;
  readonly families: ReadonlyMap<string, string>;
}

/** Parts that newer exporters have, or that this one leaves out. */
const newer: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^node_network_(receive|transmit)_\w+_total\{device="lo"\}/, "Debian's leaves out lo"],
  [/^node_filesystem_.*fstype="tmpfs"/, "Debian's leaves out tmpfs"],
  [/^node_netstat_TcpExt_(TCPOFOQueue|TCPRcvQDrop)$/, "since 1.6"],
  [/^node_pressure_irq_stalled_seconds_total$/, "since 1.9"],
  [/^node_disk_(device_mapper|filesystem)_info/, "depends on how the exporter finds udev"],
];
/** Labels that newer exporters have. */
const NEWER_LABELS = new Set(["adminstate"]);

function exposedOf(text: string): Exposed {
  const { batch } = drain(
    parseExposition(Buffer.from(text), undefined, { limits: defaultLimits, nowMs: Date.now() }),
  );
  const series = new Map<string, number>();
  for (let row = 0; row < batch.samples.rows; row++) {
    const labels = new Map(batch.series.labels(batch.samples.series[row] as number));
    const name = labels.get("__name__") ?? "";
    labels.delete("__name__");
    const rest = [...labels]
      .filter(([label]) => !NEWER_LABELS.has(label))
      .map(([label, value]) => `${label}="${value}"`);
    series.set(
      rest.length === 0 ? name : `${name}{${rest.join(",")}}`,
      batch.samples.value[row] as number,
    );
  }
  const families = new Map(
    batch.metadata.map(({ family, type, help }) => [family, `${type} ${help}`]),
  );
  return { series, families };
}

async function answer(url: string): Promise<string> {
  for (let left = 200; ; left--)
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

/** What does not change while both look: within a thousandth. */
const STABLE =
  /^node_(boot_time_seconds|memory_(MemTotal|SwapTotal|CommitLimit|VmallocTotal|Hugepagesize)_bytes|filesystem_(size_bytes|files\{|readonly|device_error)|network_(mtu_bytes|up|flags|iface_id|iface_link|protocol_type|transmit_queue_length)|filefd_maximum|entropy_pool_size_bits|os_version|os_info|uname_info|disk_info|nf_conntrack_entries_limit|time_clocksource)/;
/** What only grows: ours, read later, is not behind and not far ahead. */
const GROWING =
  /^node_(cpu_seconds_total|context_switches_total|forks_total|intr_total|disk_(reads|writes)_completed_total|disk_read_bytes_total|network_receive_(bytes|packets)_total|vmstat_pgfault|netstat_(Tcp_InSegs|IpExt_InOctets))/;

test("beside the real exporter", { timeout: 120_000 }, async (context) => {
  const program = await ensureProgram(PROGRAM);
  if (program === undefined) return context.skip("no node exporter, and it cannot be installed");
  const address = `127.0.0.1:${await freePort()}`;
  const exporter = spawn(program, [`--web.listen-address=${address}`], { stdio: "ignore" });
  const exited = new Promise((resolve) => exporter.once("close", resolve));
  cleanup.push(
    () => exporter.kill("SIGTERM"),
    () => exited,
  );
  const theirs = exposedOf(await answer(`http://${address}/metrics`));
  const { host } = configSchema.parse({}).collect;
  const collector = createHostCollector(host, realClock);
  const ours = exposedOf(await collector.collect(new AbortController().signal));

  const missing = [...ours.series.keys()].filter(
    (key) => !theirs.series.has(key) && !newer.some(([pattern]) => pattern.test(key)),
  );
  expect(missing).toEqual([]);
  const otherwise = [...ours.families].filter(
    ([family, text]) => theirs.families.has(family) && theirs.families.get(family) !== text,
  );
  expect(otherwise).toEqual([]);

  // Parts that we have are whole.
  const mine = new Set(hostParts().map(({ name }) => name));
  const prefixes = [
    ...["cpu_seconds", "cpu_guest", "memory", "disk", "filesystem", "load", "pressure", "netstat"],
    ...["sockstat", "vmstat", "filefd", "entropy", "uname", "os", "network", "softnet", "arp"],
    ...["nf_conntrack", "udp_queues", "time_", "boot", "context", "forks", "intr", "procs"],
    ...["thermal", "cooling", "hwmon", "textfile"],
  ].map((prefix) => `node_${prefix}`);
  const more = [...theirs.series.keys()].filter(
    (key) => !ours.series.has(key) && prefixes.some((prefix) => key.startsWith(prefix)),
  );
  // Block devices without a disk behind them are left out since 1.6.
  expect(more.filter((key) => !/device="z?ram\d+"/.test(key))).toEqual([]);
  for (const part of mine)
    expect([part, ours.series.get(`node_scrape_collector_success{collector="${part}"}`)]).toEqual([
      part,
      theirs.series.get(`node_scrape_collector_success{collector="${part}"}`),
    ]);

  for (const [key, value] of ours.series) {
    const other = theirs.series.get(key);
    if (other === undefined) continue;
    if (STABLE.test(key)) expect([key, value]).toEqual([key, other]);
    if (!GROWING.test(key)) continue;
    expect([key, value >= other * 0.999]).toEqual([key, true]);
    expect([key, value <= other * 1.5 + 1_000_000]).toEqual([key, true]);
  }
});
