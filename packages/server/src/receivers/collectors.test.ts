/** Built-in collectors from configuration to batches, with a clock that stands still. */
import { createServer } from "node:net";
import { defaultLimits, type SampleBatch } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { afterEach, expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import { createMetrics } from "../self/metrics.ts";
import { type FakeTree, fakeTree } from "./collector/fake-tree.ts";
import { createCollectors } from "./collectors.ts";
import { createRecordingNext } from "./otlp/recording-next.ts";
import { linesOf, turn, until } from "./scrape/testing.ts";

const close: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of close.splice(0)) await one();
});

function start(yaml: string) {
  const clock = createSimClock();
  const next = createRecordingNext(2 ** 30);
  const metrics = createMetrics();
  const said: string[] = [];
  const { collect } = parseConfig(yaml, "triptych.yaml");
  const collectors = createCollectors({
    clock,
    next,
    metrics,
    limits: defaultLimits,
    config: collect,
    log: (level, message, fields) => void said.push(`${level} ${message} ${fields?.["address"]}`),
  });
  close.unshift(() => collectors.close());
  collectors.start();
  const step = async (): Promise<SampleBatch> => {
    const before = next.batches.length;
    // Up to the time it begins, and no further: what it reads is real and takes no time of this clock.
    while (clock.timers < 2 && next.batches.length === before) await clock.advance(250);
    await until(() => next.batches.length > before);
    return next.batches.at(-1) as SampleBatch;
  };
  return { step, metrics, said, next, clock };
}

const hostOf = (tree: FakeTree): string => `collect:
  cgroup: { enabled: false }
  host:
    instance: box
    labels: { site: lab }
    procfs: ${tree.root}/proc
    sysfs: ${tree.root}/sys
    rootfs: ${tree.root}
`;

test("a batch per interval, with job, instance, up and the end of what vanished", async () => {
  const tree = fakeTree({
    "proc/loadavg": "1 2 3\n",
    "proc/net/arp": "IP type flags address mask device\n1.2.3.4 1 2 a * eth0\n",
  });
  close.push(() => tree.close());
  const { step, metrics } = start(hostOf(tree));
  const labels = 'instance="box",job="node",site="lab"';
  const first = await step();
  expect(linesOf(first)).toContain(`node_load1{${labels}} 1`);
  expect(linesOf(first)).toContain(`node_arp_entries{device="eth0",${labels}} 1`);
  expect(linesOf(first)).toContain(`up{${labels}} 1`);
  expect(first.metadata.find(({ family }) => family === "node_load1")).toMatchObject({
    type: "gauge",
    help: "1m load average.",
  });
  tree.write({ "proc/net/arp": "IP type flags address mask device\n" });
  expect(linesOf(await step())).toContain(`node_arp_entries{device="eth0",${labels}} stale`);
  expect(metrics.render()).toContain('triptych_collections_total{kind="host"} 2');
});

test("a server that does not answer is told once, without its password", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as { port: number };
  const { step, said, metrics } = start(
    `collect: { host: { enabled: false }, cgroup: { enabled: false }, redis: [{ url: "redis://me:secret@127.0.0.1:${port}" }] }`,
  );
  const lines = linesOf(await step());
  expect(lines).toContain(`redis_up{instance="127.0.0.1:${port}",job="redis"} 0`);
  expect(lines).toContain(`up{instance="127.0.0.1:${port}",job="redis"} 1`);
  await step();
  expect(said).toEqual([
    `warn collecting failed: this is no Redis server: its answer is not RESP 127.0.0.1:${port}`,
  ]);
  expect(metrics.render()).toContain('triptych_collection_failures_total{kind="redis"} 2');
  expect([...lines, ...said].join()).not.toContain("secret");
});

test("a server that hangs costs its time, and is asked over a new connection", async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as { port: number };
  const { clock, next, said } = start(
    `collect: { host: { enabled: false }, cgroup: { enabled: false }, redis: [{ url: "127.0.0.1:${port}" }] }`,
  );
  for (const count of [1, 2]) {
    while (connections < count) {
      await clock.advance(100);
      await turn();
    }
    await clock.advance(12_500);
    await until(() => next.batches.length >= count);
    expect(linesOf(next.batches.at(-1) as SampleBatch)).toContain(
      `redis_up{instance="127.0.0.1:${port}",job="redis"} 0`,
    );
  }
  expect(said).toEqual([
    `warn collecting failed: the server did not answer in time 127.0.0.1:${port}`,
  ]);
});

const refused = (title: string, yaml: string, want: string) =>
  test(title, () => {
    let message = "";
    try {
      start(yaml);
    } catch (error) {
      message = error instanceof Error ? error.message : "";
    }
    expect(message).toContain(want);
    expect(message).not.toContain("secret");
  });
refused("a bad DSN", 'collect: { mysql: [{ dsn: "me:secret@file(x)/" }] }', "collect.mysql: a dsn");
refused("a bad URL", 'collect: { redis: [{ url: "http://:secret@x" }] }', "collect.redis: a url");
refused("an unknown key", "collect: { host: { intervall: 3 } }", "intervall");
