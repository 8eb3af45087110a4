/** The host collector over small trees of kernel files. */
import { createSimClock } from "@triptych/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { type FakeTree, fakeTree, samplesOf } from "../collector/fake-tree.ts";
import { createHostCollector } from "./host.ts";

const trees: FakeTree[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) tree.close();
});

function host(files: { readonly [path: string]: string }) {
  const tree = fakeTree({ "proc/x": "", "sys/x": "", "text/x": "", ...files });
  trees.push(tree);
  const collector = createHostCollector(
    {
      procfs: `${tree.root}/proc`,
      sysfs: `${tree.root}/sys`,
      rootfs: tree.root,
      textfileDirectories: [`${tree.root}/text`],
      without: ["time"],
    },
    createSimClock(),
  );
  return { tree, collect: () => collector.collect(new AbortController().signal) };
}

const check = (
  title: string,
  files: { readonly [path: string]: string },
  want: readonly string[],
  prefix = want[0]?.split(/[{ ]/)[0] ?? "node_",
) =>
  test(title, async () => {
    expect(samplesOf(await host(files).collect(), prefix)).toEqual(want);
  });

describe("one file each", () => {
  check("cpu", { "proc/stat": "cpu  9 9 9 9\ncpu0 100 2 300 4 5 6 7 8 50 1\n" }, [
    'node_cpu_seconds_total{cpu="0",mode="user"} 1',
    'node_cpu_seconds_total{cpu="0",mode="nice"} 0.02',
    'node_cpu_seconds_total{cpu="0",mode="system"} 3',
    'node_cpu_seconds_total{cpu="0",mode="idle"} 0.04',
    'node_cpu_seconds_total{cpu="0",mode="iowait"} 0.05',
    'node_cpu_seconds_total{cpu="0",mode="irq"} 0.06',
    'node_cpu_seconds_total{cpu="0",mode="softirq"} 0.07',
    'node_cpu_seconds_total{cpu="0",mode="steal"} 0.08',
  ]);
  check(
    "meminfo",
    { "proc/meminfo": "MemTotal:  2 kB\nActive(anon):  1 kB\nHugePages_Total:  3\n" },
    [
      "node_memory_MemTotal_bytes 2048",
      "node_memory_Active_anon_bytes 1024",
      "node_memory_HugePages_Total 3",
    ],
    "node_memory",
  );
  check(
    "partitions and loop devices are no disks",
    {
      "proc/diskstats":
        " 8 0 sda 5 0 2 1000 0 0 0 0 0 0 0\n 8 1 sda1 1 1 1 1 1 1 1 1 1 1 1\n 7 0 loop0 1 1 1 1 1 1 1 1 1 1 1\n",
      "run/udev/data/b8:0": 'E:ID_MODEL=Fast "disk"\nE:ID_SERIAL_SHORT=42\n',
    },
    ['node_disk_info{device="sda",major="8",minor="0",model="Fast \\"disk\\"",serial="42"} 1'],
  );
  check("a disk's sectors are bytes", { "proc/diskstats": " 8 0 sda 5 0 2 1000 0 0 0 0 0 0 0\n" }, [
    'node_disk_read_bytes_total{device="sda"} 1024',
  ]);
  check(
    "a counter that follows its device without a space",
    { "proc/net/dev": "Inter-|\n face |\neth0:123 4 0 0 0 0 0 0 5 6 0 0 0 0 0 0\n" },
    ['node_network_receive_bytes_total{device="eth0"} 123'],
  );
  check(
    "pressure",
    { "proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n" },
    ["node_pressure_cpu_waiting_seconds_total 2.5"],
  );
  check(
    "netstat",
    { "proc/net/netstat": "TcpExt: ListenDrops Other\nTcpExt: 3 9\n", "proc/net/snmp": "" },
    ["node_netstat_TcpExt_ListenDrops 3"],
    "node_netstat",
  );
  check("load", { "proc/loadavg": "0.5 1 1.5 1/2 3\n" }, ["node_load15 1.5"]);
  check("os", { "etc/os-release": 'ID=debian\nVERSION_ID="12.4"\nNAME="A \\"b\\""\n' }, [
    'node_os_version{id="debian",name="A \\"b\\""} 12.4',
  ]);
  check(
    "sensors",
    {
      "sys/class/hwmon/hwmon0/name": "coretemp\n",
      "sys/class/hwmon/hwmon0/temp1_input": "45500\n",
      "sys/class/hwmon/hwmon0/fan1_input": "900\n",
      "sys/class/hwmon/hwmon0/device": "-> ../../../devices/platform/coretemp.0",
    },
    [
      'node_hwmon_chip_names{chip="coretemp_0",chip_name="coretemp"} 1',
      'node_hwmon_fan_rpm{chip="coretemp_0",sensor="fan1"} 900',
      'node_hwmon_temp_celsius{chip="coretemp_0",sensor="temp1"} 45.5',
    ],
    "node_hwmon_",
  );
});

test("mounts: escaped names, ignored types, read-only, and one that gives an error", async () => {
  const { collect, tree } = host({ "disk a/x": "" });
  tree.write({
    "proc/1/mounts": `/dev/sda1 /disk\\040a ext4 ro,relatime 0 0\nproc /proc proc rw 0 0\n/dev/sdb /gone xfs rw 0 0\n`,
  });
  const text = await collect();
  expect(samplesOf(text, "node_filesystem_readonly")).toEqual([
    'node_filesystem_readonly{device="/dev/sda1",mountpoint="/disk a",fstype="ext4"} 1',
    'node_filesystem_readonly{device="/dev/sdb",mountpoint="/gone",fstype="xfs"} 0',
  ]);
  expect(samplesOf(text, "node_filesystem_device_error").map((line) => line.at(-1))).toEqual([
    "0",
    "1",
  ]);
  expect(samplesOf(text, "node_filesystem_size_bytes").length).toBe(1);
});

test("idle time does not go back, unless the processor was away", async () => {
  const { collect, tree } = host({ "proc/stat": "cpu0 0 0 0 1000\n" });
  const idle = async (): Promise<string | undefined> =>
    (await collect()).split("\n").find((line) => line.includes('mode="idle"'));
  await collect();
  tree.write({ "proc/stat": "cpu0 0 0 0 990\n" });
  expect(await idle()).toBe('node_cpu_seconds_total{cpu="0",mode="idle"} 10');
  tree.write({ "proc/stat": "cpu0 0 0 0 5\n" });
  expect(await idle()).toBe('node_cpu_seconds_total{cpu="0",mode="idle"} 0.05');
});

describe("text files", () => {
  test("are part of it", async () => {
    const { collect } = host({ "text/a.prom": "# TYPE backup_bytes gauge\nbackup_bytes 7" });
    const text = await collect();
    expect(samplesOf(text, "backup_bytes")).toEqual(["backup_bytes 7"]);
    expect(samplesOf(text, "node_textfile")[0]).toMatch(
      /^node_textfile_mtime_seconds\{file=".*a.prom"\}/,
    );
    expect(text).toMatch(/^node_textfile_scrape_error 0$/m);
  });
  test("a broken one, and one with times, spoil nothing but themselves", async () => {
    const { collect } = host({
      "text/a.prom": "good 1\n",
      "text/b.prom": "broken{ 1\n",
      "text/c.prom": "timed 1 1700000000000\n",
    });
    const text = await collect();
    expect(text).toMatch(/^good 1$/m);
    expect(text).not.toMatch(/^(broken|timed)/m);
    expect(text).toMatch(/^node_textfile_scrape_error 1$/m);
  });
});

test("what the kernel does not have is reported and hides nothing else", async () => {
  const text = await host({ "proc/loadavg": "1 2 3\n" }).collect();
  expect(text).toContain('node_scrape_collector_success{collector="meminfo"} 0');
  expect(text).toContain('node_scrape_collector_success{collector="loadavg"} 1');
  expect(text).not.toContain('collector="time"');
});
