/** How much the server takes in: a client on the same machine sends as fast as it is answered. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startClickhouseFront } from "../clickhouse-front/clickhouse-front.ts";
import { percentile } from "../faults/case.ts";
import { drained } from "../faults/verify.ts";
import { type Answer, createGrpcClient, createHttpClient } from "../otlp-client.ts";
import { type RunningServer, startServer } from "../start-server.ts";
import { type BenchBody, benchBody } from "./payload.ts";
import type { Row } from "./table.ts";

export interface IngestOptions {
  readonly seconds: number;
  readonly connections: number;
  readonly rows: number;
  readonly nodeArgs: readonly string[];
  /** Only the lane of this name, e.g. `traces-http`. */
  readonly only: string | undefined;
}

type Lane = readonly [signal: "traces" | "logs", transport: "http" | "grpc"];

interface Sent {
  rows: number;
  requests: number;
  shed: number;
  readonly ms: number[];
  readonly strange: Map<number, number>;
}

async function send(
  server: RunningServer,
  [signal, transport]: Lane,
  options: IngestOptions,
): Promise<Sent & { seconds: number }> {
  const sent: Sent = { rows: 0, requests: 0, shed: 0, ms: [], strange: new Map() };
  const deadline = performance.now() + options.seconds * 1000;
  const started = performance.now();
  let number = 0;
  const note = (answer: Answer, body: BenchBody): boolean => {
    if (answer.status === 200) {
      sent.rows += body.rows;
      sent.requests++;
      sent.ms.push(answer.ms);
      return true;
    }
    if (answer.status === 429 || answer.status === 503 || answer.status === 1014) sent.shed++;
    else sent.strange.set(answer.status, (sent.strange.get(answer.status) ?? 0) + 1);
    return false;
  };
  const connection = async (): Promise<void> => {
    const body = benchBody(signal, options.rows, Date.now());
    const client =
      transport === "grpc"
        ? createGrpcClient(server.otlpGrpcUrl)
        : createHttpClient(server.otlpHttpUrl, "protobuf", { connections: 1 });
    while (performance.now() < deadline) {
      const bytes = body.fill(number++);
      while (!note(await client.send(signal, bytes), body) && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    client.close();
  };
  await Promise.all(Array.from({ length: options.connections }, connection));
  return { ...sent, seconds: (performance.now() - started) / 1000 };
}

const table = { traces: "otel_traces", logs: "otel_logs" } as const;

export async function benchIngest(options: IngestOptions): Promise<Row[]> {
  const rows: Row[] = [];
  const lanes: readonly Lane[] = [
    ["traces", "http"],
    ["logs", "http"],
    ["traces", "grpc"],
  ];
  for (const lane of lanes)
    if (options.only === undefined || options.only === lane.join("-"))
      rows.push(...(await benchLane(lane, options)));
  return rows;
}

async function benchLane(lane: Lane, options: IngestOptions): Promise<Row[]> {
  const [signal, transport] = lane;
  const dataDir = mkdtempSync(join(tmpdir(), "triptych-bench-"));
  try {
    const server = await startServer({ dataDir, nodeArgs: options.nodeArgs });
    try {
      // The first second compiles code; it is not what is asked.
      const warm = await send(server, lane, { ...options, seconds: 1 });
      await drained(server, 120_000);
      const cpuBefore = server.cpuSeconds();
      const clientBefore = process.cpuUsage();
      const sent = await send(server, lane, options);
      const cpu = server.cpuSeconds() - cpuBefore;
      const { user, system } = process.cpuUsage(clientBefore);
      const drainMs = await drained(server, 300_000);
      const cpuInAll = server.cpuSeconds() - cpuBefore;
      const { peak } = server.memory();
      await server.stop();
      const front = await startClickhouseFront({ directory: `${dataDir}/clickhouse` });
      const [[stored] = []] = await front.query(
        `SELECT toFloat64(count()) FROM triptych.${table[signal]}`,
      );
      await front.stop();
      const what = signal === "traces" ? "spans" : "lines";
      const name = `${what} ${transport}`;
      return [
        {
          name: `${name} acknowledged`,
          value: sent.rows / sent.seconds,
          unit: `${what}/s`,
          budget: 100_000,
          better: "more",
        },
        {
          name: `${name} per server core while sending`,
          value: sent.rows / cpu,
          unit: `${what}/s/core`,
          better: "more",
        },
        {
          name: `${name} per server core until stored`,
          value: sent.rows / cpuInAll,
          unit: `${what}/s/core`,
          better: "more",
        },
        { name: `${name} client CPU`, value: (user + system) / 1e6 / sent.seconds, unit: "cores" },
        { name: `${name} ack p50`, value: percentile(sent.ms, 0.5), unit: "ms", better: "less" },
        { name: `${name} ack p99`, value: percentile(sent.ms, 0.99), unit: "ms", better: "less" },
        { name: `${name} shed requests`, value: sent.shed, unit: "" },
        {
          name: `${name} other answers`,
          value: [...sent.strange.values()].reduce((a, b) => a + b, 0),
          unit: "",
          budget: 0,
          better: "less",
        },
        { name: `${name} stored after`, value: drainMs / 1000, unit: "s", better: "less" },
        { name: `${name} resident peak`, value: peak / 1024 / 1024, unit: "MiB", better: "less" },
        {
          name: `${name} missing in the store`,
          value: warm.rows + sent.rows - Number(stored),
          unit: "",
          budget: 0,
          better: "less",
        },
      ];
    } finally {
      await server.kill();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
