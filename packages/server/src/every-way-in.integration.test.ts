/**
 * The built server with every receiver on, and what senders of each kind see of it: one line or metric by each way in,
 * found again through the query APIs; and, with the classic ports, readers that know no prefix.
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import {
  createHttpClient,
  encodePayload,
  freePort,
  type RunningServer,
  startServer,
} from "@triptych/testkit";
import fluent from "fluent-logger";
import { afterAll, beforeAll, expect, test } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "triptych-ways-"));
const logFile = join(directory, "app.log");
let server: RunningServer;
const ports = { syslog: 0, tls: 0, logstash: 0, fluentd: 0, statsd: 0 };

beforeAll(async () => {
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  writeFileSync(logFile, "a line that was there\n");
  const promtail = join(directory, "promtail.yml");
  writeFileSync(
    promtail,
    `clients: [{ url: "http://loki:3100/loki/api/v1/push" }]
positions: { filename: ${join(directory, "promtail-positions.yaml")} }
scrape_configs:
  - job_name: app
    static_configs:
      - targets: [localhost]
        labels: { job: varlogs, __path__: "${directory}/*.log" }
    pipeline_stages:
      - regex: { expression: "code=(?P<code>[0-9]+)" }
      - labels: { code: "" }
`,
  );
  const config = join(directory, "triptych.yaml");
  writeFileSync(
    config,
    `syslog: { enabled: true, udpPort: ${ports.syslog}, tcpPort: ${ports.syslog} }
logstash: { enabled: true, port: ${ports.logstash} }
fluentd: { enabled: true, port: ${ports.fluentd} }
statsd: { enabled: true, port: ${ports.statsd}, intervalSeconds: 1 }
promtail: { files: ["${promtail}"] }
derive: { spanMetrics: { intervalSeconds: 1 }, serviceGraph: { intervalSeconds: 1 } }
`,
  );
  server = await startServer({ dataDir: join(directory, "data"), args: ["--config", config] });
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function eventually<T>(ask: () => Promise<T | undefined>, what: () => string): Promise<T> {
  for (let left = 200; left > 0; left--) {
    const found = await ask();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(what());
}

interface Stream {
  readonly stream: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: string, line: string])[];
}

/** The first stream that a LogQL query finds. */
function logs(query: string): Promise<Stream> {
  let last = "";
  return eventually(
    async () => {
      const answer = await fetch(
        `${server.url}/loki/api/v1/query_range?query=${encodeURIComponent(query)}&since=1h`,
      );
      last = await answer.text();
      const { data } = JSON.parse(last) as { data?: { result: Stream[] } };
      return data?.result[0];
    },
    () => `${query} still answers ${last.slice(0, 500)}\n${server.logs().slice(-2000)}`,
  );
}

function samples(query: string): Promise<string> {
  let last = "";
  return eventually(
    async () => {
      const answer = await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(query)}`);
      last = await answer.text();
      const { data } = JSON.parse(last) as { data?: { result: { value: [number, string] }[] } };
      return data?.result[0]?.value[1];
    },
    () => `${query} still answers ${last.slice(0, 500)}\n${server.logs().slice(-2000)}`,
  );
}

function sendTcp(port: number, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(text));
    socket.on("error", reject);
    socket.on("close", () => resolve());
    socket.resume();
  });
}

function sendUdp(port: number, text: string): Promise<void> {
  const socket = createSocket("udp4");
  return new Promise((resolve, reject) =>
    socket.send(text, port, "127.0.0.1", (error) => {
      socket.close();
      if (error === null) resolve();
      else reject(error);
    }),
  );
}

test("syslog over UDP and TCP", async () => {
  await sendUdp(ports.syslog, "<11>1 - web-1 shop 7 - - a datagram failed");
  await sendTcp(ports.syslog, "<14>1 - web-1 shop 7 - - a stream went well\n");
  const failed = await logs('{service_name="shop"} |= "datagram" | detected_level="error"');
  expect(failed.values[0]?.[1]).toBe("a datagram failed");
  expect((await logs('{service_name="shop"} |= "stream"')).values[0]?.[1]).toBe(
    "a stream went well",
  );
});

test("a line of JSON for Logstash, as the examples send it with nc", async () => {
  await sendTcp(ports.logstash, '{"level":"INFO","message":"Test log","service":"by-logstash"}\n');
  const { values } = await logs('{service_name="by-logstash"} | detected_level="info"');
  expect(values[0]?.[1]).toBe("Test log");
});

test("a document for Elasticsearch", async () => {
  const client = new Client({ node: `${server.url}/elastic` });
  const { errors } = await client.bulk({
    operations: [
      { create: { _index: "logs-app-default" } },
      {
        "@timestamp": new Date().toISOString(),
        message: "by bulk",
        service: { name: "by-elastic" },
      },
    ],
  });
  expect(errors).toBe(false);
  await client.close();
  expect((await logs('{service_name="by-elastic"}')).values[0]?.[1]).toBe("by bulk");
});

test("a record of Fluentd, acknowledged", async () => {
  const sender = fluent.createFluentSender("app", {
    host: "127.0.0.1",
    port: ports.fluentd,
    requireAckResponse: true,
  });
  await new Promise<void>((resolve, reject) =>
    sender.emit("access", { message: "by forward", service: "by-fluentd" }, (error) =>
      error === undefined ? resolve() : reject(error),
    ),
  );
  (sender as unknown as { end(): void }).end();
  expect((await logs('{service_name="by-fluentd"}')).values[0]?.[1]).toBe("by forward");
});

test("a file, as promtail's configuration says", async () => {
  appendFileSync(logFile, "request ended code=503\n");
  const { stream } = await logs('{job="varlogs", code="503"} |= "ended"');
  expect(stream["filename"]).toBe(logFile);
});

test("a counter of StatsD", async () => {
  await sendUdp(ports.statsd, "orders.created:3|c|#shop:north\norders.created:4|c|#shop:north");
  expect(await samples('orders_created{shop="north"}')).toBe("7");
});

test("spans give metrics, edges and RED", async () => {
  const client = createHttpClient(server.otlpHttpUrl, "protobuf", { connections: 1 });
  const payload = { signal: "traces", firstId: 1, rows: 50, nowMs: Date.now() } as const;
  const { status } = await client.send("traces", Buffer.from(encodePayload(payload, "protobuf")));
  client.close();
  expect(status).toBe(200);
  expect(await samples("sum(traces_spanmetrics_calls_total)")).toBe("50");
  expect(Number(await samples("count(traces_spanmetrics_latency_bucket)"))).toBeGreaterThan(5);
  const now = Date.now();
  const red = await fetch(`${server.url}/api/triptych/red?from=${now - 3_600_000}&to=${now}`);
  expect([red.status, (await red.text()).includes("testkit")]).toEqual([200, true]);
});

test("what is refused is counted, and says why", async () => {
  await sendTcp(ports.fluentd, "this is no MessagePack");
  const found = await eventually(
    async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return /^triptych_discarded_total\{[^}]*\} [1-9]/m.exec(text)?.[0];
    },
    () => "nothing was counted",
  );
  expect(found).toContain("triptych_discarded_total");
});
