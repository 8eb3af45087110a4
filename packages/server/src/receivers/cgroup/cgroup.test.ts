/** The container collector over small trees, of both versions of the cgroup file system. */
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { createSimClock } from "@triptych/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { type FakeTree, fakeTree, samplesOf } from "../collector/fake-tree.ts";
import { createCgroupCollector } from "./cgroup.ts";
import { findCgroups } from "./find-cgroups.ts";

const close: (() => void)[] = [];
afterEach(() => {
  for (const one of close.splice(0)) one();
});

const ID = "0123456789abcdef".repeat(4);
const OTHER = "fedcba9876543210".repeat(4);
const POD = "11111111-2222-3333-4444-555555555555";

function tree(files: { readonly [path: string]: string }): FakeTree {
  const made = fakeTree(files);
  close.push(() => made.close());
  return made;
}

async function collect(made: FakeTree, more: { docker?: string; cgroupsMax?: number } = {}) {
  const collector = createCgroupCollector(
    {
      root: join(made.root, "cgroup"),
      procfs: join(made.root, "proc"),
      containerLogs: join(made.root, "logs"),
      docker: "",
      cgroupsMax: 100,
      ...more,
    },
    createSimClock(),
  );
  return collector.collect(new AbortController().signal);
}

const pods = `cgroup/kubepods.slice/kubepods-burstable-pod${POD.replaceAll("-", "_")}.slice`;
const container = `${pods}/cri-containerd-${ID}.scope`;
const version2 = {
  "cgroup/cgroup.controllers": "cpu io memory pids\n",
  "cgroup/cpu.stat": "usage_usec 9000000\n",
  [`${container}/cpu.stat`]:
    "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 1500000\n",
  [`${container}/cpu.max`]: "50000 100000\n",
  [`${container}/cpu.weight`]: "100\n",
  [`${container}/memory.current`]: "1000\n",
  [`${container}/memory.max`]: "max\n",
  [`${container}/memory.stat`]: "anon 400\nfile 500\ninactive_file 300\npgfault 7\npgmajfault 1\n",
  [`${container}/memory.events`]: "max 3\noom_kill 1\n",
  [`${container}/io.stat`]: "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
  [`${container}/pids.current`]: "3\n",
  [`${container}/pids.max`]: "max\n",
  [`${container}/cgroup.procs`]: "77\n78\n",
  "proc/diskstats": " 8 0 sda 1 1 1 1 1 1 1 1 1 1 1\n",
  "proc/1/ns/net": "-> net:[1]",
  "proc/77/ns/net": "-> net:[2]",
  "proc/77/net/dev":
    "a\nb\n lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n eth0: 100 2 3 4 0 0 0 0 200 5 6 7 0 0 0 0\n",
  [`logs/web-1_shop_app-${ID}.log`]: "",
};

describe("version 2", () => {
  const check = (title: string, want: readonly string[]) =>
    test(title, async () => {
      const text = await collect(tree(version2));
      const labels = `id="/${container.slice("cgroup/".length)}",name="${ID}",container="app",pod="web-1",namespace="shop",pod_uid="${POD}"`;
      const lines = text.split("\n");
      for (const line of want) expect(lines).toContain(line.replace("@", labels));
    });
  check("cpu", [
    'container_cpu_usage_seconds_total{@,cpu="total"} 2.5',
    "container_cpu_user_seconds_total{@} 2",
    "container_cpu_cfs_throttled_periods_total{@} 4",
    "container_cpu_cfs_throttled_seconds_total{@} 1.5",
    "container_spec_cpu_quota{@} 50000",
    "container_spec_cpu_period{@} 100000",
    "container_spec_cpu_shares{@} 2597",
  ]);
  check("memory", [
    "container_memory_usage_bytes{@} 1000",
    "container_memory_working_set_bytes{@} 700",
    "container_memory_rss{@} 400",
    "container_memory_cache{@} 500",
    "container_memory_failcnt{@} 3",
    "container_oom_events_total{@} 1",
    "container_spec_memory_limit_bytes{@} 0",
    'container_memory_failures_total{@,failure_type="pgfault",scope="container"} 7',
  ]);
  check("disks, processes, network", [
    'container_fs_reads_bytes_total{@,device="/dev/sda"} 4096',
    'container_fs_writes_total{@,device="/dev/sda"} 2',
    "container_processes{@} 2",
    "container_threads{@} 3",
    "container_threads_max{@} 0",
    'container_network_receive_bytes_total{@,interface="eth0"} 100',
    'container_network_transmit_packets_dropped_total{@,interface="eth0"} 7',
  ]);
  test("what has no quota is not throttled", async () => {
    const text = await collect(tree({ ...version2, [`${container}/cpu.max`]: "max 100000\n" }));
    expect(text).not.toContain("container_cpu_cfs");
  });
  test("a network is reported once for all containers of a pod", async () => {
    const sidecar = `${pods}/cri-containerd-${OTHER}.scope`;
    const text = await collect(
      tree({
        ...version2,
        [`${sidecar}/cgroup.procs`]: "99\n",
        "proc/99/ns/net": "-> net:[2]",
        "proc/99/net/dev": version2["proc/77/net/dev"],
      }),
    );
    expect(samplesOf(text, "container_network_receive_bytes_total").length).toBe(1);
  });
});

test("the root of version 2 has the machine's memory", async () => {
  const text = await collect(
    tree({
      ...version2,
      "proc/meminfo": "MemTotal: 10 kB\nMemFree: 4 kB\nInactive(file): 1 kB\n",
    }),
  );
  expect(text).toContain('container_memory_usage_bytes{id="/"} 6144');
  expect(text).toContain('container_memory_working_set_bytes{id="/"} 5120');
  expect(text).toContain("machine_memory_bytes 10240");
});

test("version 1", async () => {
  const at = `docker/${ID}`;
  const text = await collect(
    tree({
      [`cgroup/memory/${at}/memory.usage_in_bytes`]: "1000\n",
      [`cgroup/memory/${at}/memory.limit_in_bytes`]: "9223372036854771712\n",
      [`cgroup/memory/${at}/memory.stat`]:
        "cache 1\nrss 2\ntotal_cache 500\ntotal_rss 400\ntotal_inactive_file 1200\n",
      [`cgroup/cpu,cpuacct/${at}/cpuacct.usage`]: "2500000000\n",
      [`cgroup/cpu,cpuacct/${at}/cpuacct.stat`]: "user 200\nsystem 50\n",
      [`cgroup/cpu,cpuacct/${at}/cpu.cfs_quota_us`]: "-1\n",
      [`cgroup/cpu,cpuacct/${at}/cpu.shares`]: "1024\n",
      [`cgroup/blkio/${at}/blkio.throttle.io_service_bytes`]: "8:0 Read 1\n8:0 Write 2\nTotal 3\n",
    }),
  );
  const lines = text.split("\n");
  const labels = `id="/${at}",name="${ID}"`;
  for (const line of [
    `container_cpu_usage_seconds_total{${labels},cpu="total"} 2.5`,
    `container_cpu_user_seconds_total{${labels}} 2`,
    `container_memory_rss{${labels}} 400`,
    `container_memory_working_set_bytes{${labels}} 0`,
    `container_spec_memory_limit_bytes{${labels}} 0`,
    `container_spec_cpu_shares{${labels}} 1024`,
    `container_fs_writes_bytes_total{${labels},device="8:0"} 2`,
  ])
    expect(lines).toContain(line);
});

test("Docker says names and images", async () => {
  const made = tree({
    "cgroup/cgroup.controllers": "",
    [`cgroup/system.slice/docker-${ID}.scope/memory.current`]: "5\n",
  });
  const docker = join(made.root, "docker.sock");
  const server: Server = createServer((request, response) => {
    expect(request.url).toBe("/containers/json");
    response.end(JSON.stringify([{ Id: ID, Names: ["/web"], Image: "nginx:1", Labels: null }]));
  });
  await new Promise<void>((resolve) => server.listen(docker, resolve));
  close.unshift(() => server.close());
  const text = await collect(made, { docker });
  expect(text).toContain(
    `container_memory_usage_bytes{id="/system.slice/docker-${ID}.scope",name="web",image="nginx:1"} 5`,
  );
});

test("containers come first when there are too many cgroups", async () => {
  const services = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`a.slice/s${i}.service/x`, ""]),
  );
  const made = tree({ ...services, [`z.slice/deep/docker-${ID}.scope/x`]: "" });
  const found = await findCgroups(made.root, 3);
  expect(found.map(({ path }) => path)).toEqual([
    "/",
    `/z.slice/deep/docker-${ID}.scope`,
    "/a.slice",
  ]);
});

test("without a cgroup file system it fails and says so", async () => {
  await expect(collect(tree({ "proc/x": "" }))).rejects.toThrow("no cgroup file system");
});
