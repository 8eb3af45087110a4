/**
 * Metrics, beside Prometheus and VictoriaMetrics where they are installed: the same samples by remote write, then the
 * same queries. The client runs on the same machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startClickhouseFront } from "../clickhouse-front/clickhouse-front.ts";
import { percentile } from "../faults/case.ts";
import { type MetricsBody, type MetricsLoad, metricsBodies } from "./metrics-payload.ts";
import { type MetricsServer, startOurs, startPeers } from "./metrics-server.ts";
import type { Row } from "./table.ts";

const HOUR_MS = 3_600_000;
const STEP_MS = 15_000;
const SERIES = 10_000;
const WARM_RUNS = 15;
const CONNECTIONS = 4;

interface Question {
  readonly name: string;
  readonly query: string;
  readonly instant?: true;
  readonly budgetMs: number;
}

const questions: readonly Question[] = [
  {
    name: "sum by (k) (rate), 10,000 series, 1 h",
    query: "sum by (k) (rate(m_total[5m]))",
    budgetMs: 40,
  },
  { name: "rate, 1,000 series, 1 h, 7 MB", query: 'rate(m_total{k="3"}[5m])', budgetMs: 40 },
  { name: "rate, 1 series, 1 h", query: 'rate(m_total{i="77"}[5m])', budgetMs: 1.2 },
  {
    name: "the sum at one instant",
    query: "sum by (k) (rate(m_total[5m]))",
    instant: true,
    budgetMs: 15,
  },
];

interface Answer {
  readonly status: number;
  readonly bytes: number;
}

function ask(agent: Agent, url: string, body?: Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-encoding": "snappy",
      "content-type": "application/x-protobuf",
      "x-prometheus-remote-write-version": "0.1.0",
    };
    const sent = request(
      url,
      body === undefined ? { agent } : { agent, method: "POST", headers },
      (answer) => {
        let bytes = 0;
        answer.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, bytes }));
        answer.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Sends bodies made beforehand as fast as they are answered; returns samples a second. */
async function write(server: MetricsServer, bodies: readonly MetricsBody[]): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const started = performance.now();
  let samples = 0;
  const connection = async (mine: readonly MetricsBody[]): Promise<void> => {
    for (const one of mine) {
      for (;;) {
        const { status } = await ask(agent, server.writeUrl, one.body);
        if (status < 300) break;
        if (status !== 429 && status !== 503)
          throw new Error(`${server.name} answered ${status} to remote write`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      samples += one.samples;
    }
  };
  const lanes = Array.from({ length: CONNECTIONS }, (_, i) =>
    bodies.filter(({ lane }) => lane % CONNECTIONS === i),
  );
  await Promise.all(lanes.map(connection));
  agent.destroy();
  return (samples / (performance.now() - started)) * 1000;
}

async function time(
  server: MetricsServer,
  question: Question,
  endMs: number,
): Promise<{ cold: number; warm: number; bytes: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ms: number[] = [];
  let bytes = 0;
  for (let run = 0; run <= WARM_RUNS; run++) {
    const query = encodeURIComponent(question.query);
    const end = endMs / 1000;
    const url = question.instant
      ? `${server.apiUrl}/query?query=${query}&time=${end}`
      : `${server.apiUrl}/query_range?query=${query}&start=${end - 3600}&end=${end}&step=15`;
    const started = performance.now();
    const answer = await ask(agent, url);
    ms.push(performance.now() - started);
    if (answer.status !== 200) throw new Error(`${server.name} answered ${answer.status}`);
    bytes = answer.bytes;
  }
  agent.destroy();
  const [cold = 0, ...warm] = ms;
  return { cold, warm: percentile(warm, 0.5), bytes };
}

async function benchServer(server: MetricsServer, load: MetricsLoad): Promise<Row[]> {
  const { name } = server;
  const rows: Row[] = [];
  const bodies = [...metricsBodies(load)];
  const cpuBefore = server.cpuSeconds();
  const rate = await write(server, bodies);
  const samples = bodies.reduce((sum, one) => sum + one.samples, 0);
  rows.push(
    { name: `${name}: remote write`, value: rate, unit: "samples/s", budget: 2e6, better: "more" },
    {
      name: `${name}: remote write, per server core`,
      value: samples / (server.cpuSeconds() - cpuBefore),
      unit: "samples/s/core",
      better: "more",
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 5000));
  for (const question of questions) {
    const { cold, warm, bytes } = await time(server, question, load.toMs);
    const what = `${name}: ${question.name}`;
    rows.push({
      name: what,
      value: warm,
      unit: "ms",
      better: "less",
      ...(name === "triptych" ? { budget: question.budgetMs } : {}),
    });
    rows.push({ name: `${what}, first`, value: cold, unit: "ms" });
    if (bytes > 1e6) rows.push({ name: `${what}, answer`, value: bytes / 1e6, unit: "MB" });
  }
  rows.push({ name: `${name}: resident`, value: server.residentBytes() / 2 ** 20, unit: "MiB" });
  return rows;
}

/** Counters' bytes on disk once the store has put its parts together. */
async function bytesPerSample(dataDir: string): Promise<number> {
  const front = await startClickhouseFront({ directory: `${dataDir}/clickhouse` });
  try {
    await front.query("OPTIMIZE TABLE triptych.samples FINAL");
    const [[bytes] = []] = await front.query(
      "SELECT toFloat64(sum(data_compressed_bytes)) / sum(rows) FROM system.parts WHERE active AND table = 'samples'",
    );
    return Number(bytes);
  } finally {
    await front.stop();
  }
}

/** 100,000 series that send every 15 s for an hour, as far as memory of recent samples goes. */
async function residentWithManySeries(nodeArgs: readonly string[]): Promise<Row> {
  const dataDir = mkdtempSync(join(tmpdir(), "triptych-bench-"));
  try {
    const server = await startOurs(dataDir, nodeArgs);
    const toMs = Date.now();
    const load = { series: 100_000, fromMs: toMs - HOUR_MS / 4, toMs, stepMs: STEP_MS };
    for (const one of metricsBodies({ ...load, perRequest: 10_000 })) await write(server, [one]);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    const value = server.residentBytes() / 2 ** 20;
    await server.stop();
    return {
      name: "resident, 100,000 active series",
      value,
      unit: "MiB",
      budget: 600,
      better: "less",
    };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export async function benchPromql(nodeArgs: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  const toMs = Math.floor(Date.now() / STEP_MS) * STEP_MS + STEP_MS;
  const load = {
    series: SERIES,
    // The head keeps what is later than its start: what is asked must not lie before it.
    fromMs: toMs - HOUR_MS - 300_000,
    toMs,
    stepMs: STEP_MS,
    perRequest: 2_500,
  };
  const dataDir = mkdtempSync(join(tmpdir(), "triptych-bench-"));
  try {
    const ours = await startOurs(dataDir, nodeArgs);
    rows.push(...(await benchServer(ours, load)));
    await ours.stop();
    rows.push({
      name: "triptych: bytes a sample on disk",
      value: await bytesPerSample(dataDir),
      unit: "",
      budget: 0.4,
      better: "less",
    });
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
  for (const peer of await startPeers()) {
    rows.push(...(await benchServer(peer, load).catch((error: unknown) => [failed(peer, error)])));
    await peer.stop();
  }
  rows.push(await residentWithManySeries(nodeArgs));
  return rows;
}

const failed = (peer: MetricsServer, error: unknown): Row => ({
  name: `${peer.name}: ${error instanceof Error ? error.message : String(error)}`,
  value: 0,
  unit: "",
});
