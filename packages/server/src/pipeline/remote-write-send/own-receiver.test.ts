/** The sender over HTTP against our own receiver, both versions: what is written, and how it shows who it is. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits, SampleBatch, Temporality } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePrometheusConfig } from "../../config/prometheus/load.ts";
import { createHttpServer } from "../../receivers/http-server.ts";
import { registerRemoteWrite } from "../../receivers/remote-write/http.ts";
import { systemClock as clock } from "../../self/clock.ts";
import { createMetrics } from "../../self/metrics.ts";
import { createHttpTransport } from "./http-transport.ts";
import { createRemoteWriteMetrics } from "./metrics.ts";
import { createRemoteWriteSender } from "./sender.ts";

const accepted: SampleBatch[] = [];
const headers: http.IncomingHttpHeaders[] = [];
let app: FastifyInstance;
let url = "";
let tokens: http.Server;
let asked = 0;

beforeAll(async () => {
  app = createHttpServer({ report: (error) => expect.fail(error.message) });
  app.addHook("onRequest", (request, _reply, done) => {
    headers.push(request.headers);
    done();
  });
  registerRemoteWrite(app, {
    next: {
      duplicateOf: () => null,
      accept: async (batch) => void accepted.push(batch as SampleBatch),
      admit: () => () => {},
      discarded: () => {},
    },
    limits: defaultLimits,
    clock,
    report: (error) => expect.fail(error.message),
    prefixes: ["/api/v1"],
  });
  url = await app.listen({ port: 0, host: "127.0.0.1" });
  tokens = http.createServer((_request, response) => {
    asked++;
    response.end(JSON.stringify({ access_token: `t${asked}`, expires_in: 3600 }));
  });
  tokens.listen(0, "127.0.0.1");
  await once(tokens, "listening");
});
afterAll(async () => {
  app.server.closeAllConnections();
  tokens.closeAllConnections();
  tokens.close();
  await app.close();
});

async function send(yaml: string, batches: readonly SampleBatch[]): Promise<string> {
  const options = { files: { readText: () => "", glob: () => [], env: () => undefined } };
  const text = `remote_write:\n  - url: ${url}/api/v1/write\n    queue_config: { batch_send_deadline: 10ms, max_samples_per_send: 100 }\n${yaml}`;
  const [config] = parsePrometheusConfig(text, "prometheus.yml", options).remote_write;
  if (config === undefined) throw new Error("there is one");
  const metrics = createMetrics();
  const transport = createHttpTransport({
    ...{ url: config.url, headers: config.headers, client: config, clock },
    ...{ roundRobinDns: config.round_robin_dns, random: () => 0, userAgent: "triptych/1" },
    env: {},
  });
  const sender = createRemoteWriteSender({
    ...{ clock, config, transport, random: () => 0, log: () => {} },
    metrics: createRemoteWriteMetrics(metrics),
  });
  for (const batch of batches) sender.offer(batch);
  await sender.close(10_000);
  return metrics.render();
}

const nowMs = Date.now();
const batch = (series = 50, samples = 4): SampleBatch => {
  const made = new SampleBatch();
  for (let s = 0; s < series; s++) {
    made.series.addLabelText("__name__", "m_total");
    made.series.addLabelText("s", String(s));
    const row = made.series.end(Temporality.cumulative);
    for (let i = 0; i < samples; i++) made.samples.add(row, nowMs - 4000 + i * 1000, 0, s * i);
  }
  made.metadata.push({ family: "m_total", type: "counter", unit: "", help: "Help." });
  return made;
};

const versions = ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"];
test.each(versions)("%s", async (message) => {
  accepted.length = 0;
  const metrics = await send(`    protobuf_message: ${message}\n    name: own\n`, [batch()]);
  expect(metrics).toContain('triptych_remote_storage_samples_total{remote_name="own"} 200\n');
  expect(metrics).not.toContain("failed_total{");
  const rows = accepted.flatMap(({ samples, series }) =>
    Array.from({ length: samples.rows }, (_, i) => {
      const s = series.label(samples.series[i] as number, "s");
      return `${s} ${samples.timeMs[i]} ${samples.value[i]}`;
    }),
  );
  expect(rows).toHaveLength(200);
  expect(new Set(rows).size).toBe(200);
  expect(rows).toContain(`49 ${nowMs - 1000} 147`);
  const types = accepted.flatMap(({ metadata }) => metadata.map(({ type }) => type));
  expect(new Set(types)).toEqual(new Set(message.includes("v2") ? ["counter"] : []));
});

test("who we are, and headers of one's own", async () => {
  const told = async (yaml: string): Promise<http.IncomingHttpHeaders | undefined> => {
    headers.length = 0;
    await send(yaml, [batch(1, 1)]);
    return headers[0];
  };
  const directory = mkdtempSync(join(tmpdir(), "triptych-send-"));
  const file = join(directory, "password");
  writeFileSync(file, "from a file\n");
  const basic = await told(
    `    basic_auth: { username: me, password_file: ${file} }\n    headers: { X-Scope-OrgID: one }\n`,
  );
  rmSync(directory, { recursive: true });
  expect(basic?.authorization).toBe(`Basic ${Buffer.from("me:from a file").toString("base64")}`);
  expect([basic?.["x-scope-orgid"], basic?.["user-agent"]]).toEqual(["one", "triptych/1"]);
  const bearer = await told("    authorization: { credentials: secret }\n");
  expect(bearer?.authorization).toBe("Bearer secret");
  const { port } = tokens.address() as AddressInfo;
  const oauth = await told(
    `    oauth2: { client_id: id, client_secret: s, token_url: "http://127.0.0.1:${port}/token" }\n`,
  );
  expect(oauth?.authorization).toBe("Bearer t1");
});

test("through a proxy", async () => {
  const asked: (string | undefined)[] = [];
  const proxy = http.createServer((request, response) => {
    asked.push(request.url);
    request.resume().on("end", () => response.writeHead(204).end());
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const { port } = proxy.address() as AddressInfo;
  await send(`    proxy_url: "http://127.0.0.1:${port}"\n`, [batch(1, 1)]);
  proxy.closeAllConnections();
  proxy.close();
  expect(asked).toEqual([`${url}/api/v1/write`]);
});
