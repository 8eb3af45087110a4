/**
 * The built server beside a real Prometheus, installed from Debian: it scrapes a target of ours and writes remotely
 * to us; the numbers are asked for through the query API. And prom-client pushes to our Pushgateway, which keeps
 * what it was given when the process is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureProgram, freePort, type RunningServer, startServer } from "@triptych/testkit";
import { Gauge, Pushgateway, Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const dataDir = mkdtempSync(join(tmpdir(), "triptych-prometheus-"));

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ dataDir: join(dataDir, "data") });
});
afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

interface QueryAnswer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

/** Asks until the answer is good. */
async function eventually(
  query: string,
  good: (result: QueryAnswer["data"]["result"]) => boolean,
  msMax = 10_000,
): Promise<QueryAnswer["data"]["result"]> {
  const deadline = Date.now() + msMax;
  for (;;) {
    const answer = await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(query)}`);
    const body = (await answer.json()) as QueryAnswer;
    if (answer.ok && good(body.data.result)) return body.data.result;
    if (Date.now() > deadline)
      throw new Error(`${query} still answers ${JSON.stringify(body).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What the real Prometheus scrapes: the same numbers each time. */
const exposed = `# HELP shop_orders_total Orders.
# TYPE shop_orders_total counter
shop_orders_total{kind="new"} 12
shop_orders_total{kind="a \\"quoted\\" one"} 3
# TYPE shop_latency_seconds histogram
shop_latency_seconds_bucket{le="0.5"} 4
shop_latency_seconds_bucket{le="+Inf"} 6
shop_latency_seconds_sum 3.25
shop_latency_seconds_count 6
`;

function expose(): Promise<Server> {
  const target = createServer((_request, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(exposed);
  });
  return new Promise((resolve) => target.listen(0, "127.0.0.1", () => resolve(target)));
}

function startPrometheus(program: string, options: { target: number; port: number }): ChildProcess {
  const config = join(dataDir, "prometheus.yml");
  writeFileSync(
    config,
    `global: { scrape_interval: 1s, external_labels: { site: lab } }
scrape_configs:
  - job_name: shop
    static_configs: [{ targets: ["127.0.0.1:${options.target}"] }]
remote_write:
  - url: ${server.url}/api/v1/write
    metadata_config: { send_interval: 1s }
    queue_config: { batch_send_deadline: 200ms }
`,
  );
  return spawn(
    program,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dataDir, "tsdb")}`,
      `--web.listen-address=127.0.0.1:${options.port}`,
    ],
    { stdio: "ignore" },
  );
}

describe("a real Prometheus", () => {
  test("writes remotely, and the numbers are those of its target", async (context) => {
    const program = await ensureProgram("prometheus");
    if (program === undefined) return context.skip("no Prometheus, and it cannot be installed");
    const target = await expose();
    const instance = `127.0.0.1:${(target.address() as AddressInfo).port}`;
    const prometheus = startPrometheus(program, {
      target: (target.address() as AddressInfo).port,
      port: await freePort(),
    });
    const exited = new Promise((resolve) => prometheus.once("close", resolve));
    try {
      const orders = await eventually("shop_orders_total", (list) => list.length === 2, 30_000);
      const values = Object.fromEntries(
        orders.map(({ metric, value }) => [metric["kind"], value[1]]),
      );
      expect(values).toEqual({ new: "12", 'a "quoted" one': "3" });
      expect(orders[0]?.metric).toMatchObject({ instance, job: "shop", site: "lab" });
      const buckets = await eventually("shop_latency_seconds_bucket", (list) => list.length === 2);
      expect(buckets.map(({ metric, value }) => [metric["le"], value[1]]).sort()).toEqual([
        ["+Inf", "6"],
        ["0.5", "4"],
      ]);
      const [up] = await eventually('up{job="shop"}', (list) => list.length === 1);
      expect(up?.value[1]).toBe("1");
      // The target goes: Prometheus marks its series stale, and so they end with us.
      await new Promise((resolve) => target.close(resolve));
      target.closeAllConnections();
      await eventually("shop_orders_total", (list) => list.length === 0, 15_000);
      await eventually('up{job="shop"}', (list) => list[0]?.value[1] === "0");
    } finally {
      target.closeAllConnections();
      target.close();
      prometheus.kill("SIGTERM");
      await exited;
    }
    const own = await (await fetch(`${server.url}/metrics`)).text();
    expect(own).not.toMatch(/triptych_discarded_total\{[^}]*\} [1-9]/);
  });
});

describe("the Pushgateway", () => {
  test("prom-client pushes, and a kill loses nothing", async () => {
    const registry = new Registry();
    const gauge = new Gauge({ name: "backup_bytes", help: "Size.", registers: [registry] });
    gauge.set(4096);
    const client = new Pushgateway(`${server.url}/pushgateway`, {}, registry);
    await client.push({ jobName: "backup", groupings: { instance: "db 1" } });
    const [pushed] = await eventually("backup_bytes", (list) => list.length === 1);
    expect(pushed?.value[1]).toBe("4096");
    expect(pushed?.metric).toEqual({ __name__: "backup_bytes", instance: "db 1", job: "backup" });
    await server.kill();
    server = await startServer({ dataDir: join(dataDir, "data") });
    const text = await (await fetch(`${server.url}/pushgateway/metrics`)).text();
    expect(text).toContain('backup_bytes{instance="db 1",job="backup"} 4096\n');
    const gone = await fetch(`${server.url}/pushgateway/metrics/job/backup/instance/db%201`, {
      method: "DELETE",
    });
    expect(gone.status).toBe(202);
    await eventually("backup_bytes", (list) => list.length === 0);
  });
});
