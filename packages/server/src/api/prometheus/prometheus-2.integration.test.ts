/**
 * Debian's Prometheus and promtool beside our API: it reads remotely from us, scrapes our `/federate`, takes what our
 * sender writes remotely, and promtool asks us. Skips when they are not installed.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { SampleBatch, sleep, Temporality } from "@triptych/model";
import { encodeSnappy, MessageWriter } from "@triptych/wire";
import type { FastifyInstance } from "fastify";
import { ensureProgram, freePort } from "@triptych/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpTransport } from "../../pipeline/remote-write-send/http-transport.ts";
import { createRemoteWriteMetrics } from "../../pipeline/remote-write-send/metrics.ts";
import { createRemoteWriteSender } from "../../pipeline/remote-write-send/sender.ts";
import { parsePrometheusConfig } from "../../config/prometheus/load.ts";
import { createHttpServer } from "../../receivers/http-server.ts";
import { systemClock as clock } from "../../self/clock.ts";
import { createMetrics } from "../../self/metrics.ts";
import { openTestStore, samplesOf, type TestStore } from "../../store/store-for-tests.ts";
import { registerPrometheusApi } from "./api.ts";

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), "triptych-prometheus-2-"));
const isThere = (await ensureProgram("prometheus")) !== undefined;

let store: TestStore;
let app: FastifyInstance;
let ours = "";
let theirs = "";
let prometheus: ChildProcess;
/** Two hours back, on a whole minute: 241 samples at 15 s, the last a minute ago. */
const endMs = Math.floor(clock.nowMs() / 60_000) * 60_000 - 60_000;
const startMs = endMs - 3_600_000;
const times = Array.from({ length: 241 }, (_, i) => startMs + i * 15_000);

beforeAll(async () => {
  if (!isThere) return;
  store = await openTestStore(clock);
  const series = Array.from({ length: 20 }, (_, s) => ({
    labels: { __name__: "kept_total", s: String(s), path: s % 2 === 0 ? "/a" : '/b "c"\\' },
    samples: times.map((timeMs, i) => [timeMs, i * (s + 0.5) * 1.1] as const),
  }));
  const typed = samplesOf([
    ...series,
    {
      labels: { __name__: "gone" },
      samples: [
        [endMs - 15_000, 1],
        [endMs, "stale"],
      ],
    },
  ]);
  typed.metadata.push({ family: "kept_total", type: "counter", unit: "", help: "Kept." });
  await store.put(typed);
  app = createHttpServer({ report: (error) => expect.fail(error.message) });
  registerPrometheusApi(app, {
    engine: store.engine,
    clock,
    prefixes: ["/api/v1", "/prometheus/api/v1"],
    externalLabels: () => [["site", "lab"]],
  });
  ours = await app.listen({ port: 0, host: "127.0.0.1" });
  const port = await freePort();
  theirs = `http://127.0.0.1:${port}`;
  const config = join(directory, "prometheus.yml");
  writeFileSync(
    config,
    `global: { scrape_interval: 1s, external_labels: { site: lab } }
scrape_configs:
  - job_name: federate
    honor_labels: true
    metrics_path: /federate
    params: { "match[]": ['{__name__=~"kept_total|gone"}'] }
    static_configs: [{ targets: ["${ours.replace("http://", "")}"] }]
    metric_relabel_configs:
      - { source_labels: [__name__], regex: kept_total, target_label: __name__, replacement: federated_total }
remote_read:
  - { url: "${ours}/api/v1/read", read_recent: true, filter_external_labels: false, required_matchers: { site: lab } }
`,
  );
  prometheus = spawn(
    "prometheus",
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, "tsdb")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-remote-write-receiver",
      "--enable-feature=native-histograms,exemplar-storage",
      "--log.level=warn",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  await eventually(async () => (await fetch(`${theirs}/-/ready`)).ok);
}, 60_000);
afterAll(async () => {
  if (!isThere) return;
  const exited = once(prometheus, "close");
  prometheus.kill("SIGTERM");
  await exited;
  app.server.closeAllConnections();
  await app.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Asks until the answer is good. */
async function eventually(good: () => Promise<boolean>, msMax = 20_000): Promise<void> {
  const deadline = clock.nowMs() + msMax;
  for (;;) {
    if (await good().catch(() => false)) return;
    if (clock.nowMs() > deadline) throw new Error(`still not good: ${good.toString()}`);
    await sleep(clock, 100);
  }
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

async function ask(at: string, path: string, params: Record<string, string>): Promise<Answer> {
  const answer = await fetch(`${at}/api/v1/${path}?${new URLSearchParams(params)}`);
  return (await answer.json()) as Answer;
}

/** Writes batches remotely to them, and waits until they are taken. */
async function write(
  externalLabels: readonly (readonly [string, string])[],
  ...batches: readonly SampleBatch[]
): Promise<{ logged: string[]; metrics: string }> {
  const config = parsePrometheusConfig(
    `remote_write:
  - url: ${theirs}/api/v1/write
    send_exemplars: true
    send_native_histograms: true
    queue_config: { batch_send_deadline: 100ms }
`,
    "prometheus.yml",
    { files: { readText: () => "", glob: () => [], env: () => undefined } },
  );
  const [remote] = config.remote_write;
  if (remote === undefined) throw new Error("one remote is configured");
  const metrics = createMetrics();
  const logged: string[] = [];
  const sender = createRemoteWriteSender({
    clock,
    config: remote,
    random: Math.random,
    metrics: createRemoteWriteMetrics(metrics),
    log: (_level, message, fields) => void logged.push(`${message} ${JSON.stringify(fields)}`),
    transport: createHttpTransport({
      url: remote.url,
      headers: remote.headers,
      client: remote,
      roundRobinDns: remote.round_robin_dns,
      random: Math.random,
      clock,
      env: {},
      userAgent: "triptych",
    }),
    externalLabels,
  });
  for (const batch of batches) sender.offer(batch);
  await sender.close(10_000);
  return { logged, metrics: metrics.render() };
}

/** The answer of remote read as a stream of chunks. */
async function readChunks(at: string, name: string): Promise<Buffer> {
  const out = new MessageWriter();
  const query = out.begin(1);
  out.int64(1, startMs);
  out.int64(2, endMs);
  const matcher = out.begin(3);
  out.text(2, "__name__");
  out.text(3, name);
  out.end(matcher);
  out.end(query);
  out.packedUints(2, [1]);
  const answer = await fetch(`${at}/api/v1/read`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf", "content-encoding": "snappy" },
    body: encodeSnappy(out.bytes()),
  });
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

/** Counts that are no whole numbers: only those become chunks of float histograms there. */
function floatHistograms(at: readonly number[]): SampleBatch {
  const batch = new SampleBatch();
  batch.series.addLabelText("__name__", "chunked_native");
  const row = batch.series.end(Temporality.cumulative);
  for (const [i, timeMs] of at.entries()) {
    const h = batch.histograms;
    const sample = h.addRow(row, timeMs, 0);
    h.schema[sample] = 2;
    h.zeroThreshold[sample] = 0.003;
    h.zeroCount[sample] = 1.25;
    h.count[sample] = 3.5 * (i + 1) + 1.25;
    h.sum[sample] = 4.7 * (i + 1);
    h.positiveSpans.push(-3, 1);
    h.positiveSpans.push(2, 1);
    h.positiveCounts.push(0.5 * (i + 1));
    h.positiveCounts.push(2 * (i + 1));
    h.negativeSpans.push(4, 1);
    h.negativeCounts.push(i + 1);
    h.endRow();
  }
  return batch;
}

const seconds = (ms: number): string => String(ms / 1000);

describe.skipIf(!isThere)("a real Prometheus", () => {
  test("reads remotely from us: all samples", async () => {
    const params = {
      start: seconds(startMs),
      end: seconds(endMs),
      step: "15",
    };
    const [own, read] = [
      await ask(ours, "query_range", { ...params, query: "kept_total" }),
      await ask(theirs, "query_range", { ...params, query: 'kept_total{site="lab"}' }),
    ];
    expect(read.error).toBeUndefined();
    expect(read.data.result).toHaveLength(20);
    const values = (answer: Answer) =>
      Object.fromEntries(answer.data.result.map(({ metric, values: all }) => [metric["s"], all]));
    expect(values(read)).toEqual(values(own));
    expect(read.data.result[0]?.metric["site"]).toBe("lab");
    const regex = await ask(theirs, "query", {
      query: 'count(kept_total{s=~"1.",path!="/a",site="lab"})',
      time: seconds(endMs),
    });
    expect(regex.data.result[0]?.value[1]).toBe("5");
  });

  test("scrapes /federate", async () => {
    await eventually(async () => {
      const found = await ask(theirs, "query", { query: "federated_total" });
      return found.data.result.length === 20;
    });
    const up = await ask(theirs, "query", { query: 'up{job="federate"}' });
    expect(up.data.result[0]?.value[1]).toBe("1");
    const gone = await ask(theirs, "query", {
      query: 'gone{instance=""}',
      time: seconds(endMs + 1000),
    });
    expect(gone.data.result).toEqual([]);
    const one = await ask(theirs, "query", { query: 'federated_total{s="1"}' });
    expect(one.data.result[0]?.metric).toEqual({
      __name__: "federated_total",
      job: "federate",
      path: '/b "c"\\',
      s: "1",
      site: "lab",
    });
    const metadata = (await (
      await fetch(`${theirs}/api/v1/metadata?metric=kept_total`)
    ).json()) as {
      data: Record<string, { type: string }[]>;
    };
    // As of Prometheus itself: what is federated has no type.
    const types = Object.values(metadata.data).flat();
    expect(types.every(({ type }) => type === "unknown")).toBe(true);
  });

  test("takes what we write remotely", async () => {
    const nowMs = clock.nowMs();
    const sent = samplesOf(
      Array.from({ length: 500 }, (_, s) => ({
        labels: { __name__: "sent", s: String(s) },
        samples: Array.from({ length: 10 }, (_, i) => [nowMs - 10_000 + i * 1000, s + i] as const),
      })),
    );
    const { logged, metrics } = await write([["via", "triptych"]], sent);
    expect(logged).toEqual([]);
    expect(metrics).toMatch(/triptych_remote_storage_samples_total\{[^}]*\} 5000/);
    const query = 'count_over_time(sent{via="triptych"}[1m])';
    const found = await ask(theirs, "query", { query });
    expect(found.data.result).toHaveLength(500);
    expect(found.data.result.every(({ value }) => value[1] === "10")).toBe(true);
  });

  test("our chunks are its chunks, byte by byte", async () => {
    // Its head begins a new chunk every two hours of the clock: all samples lie between two such times.
    const twoHours = 7_200_000;
    const boundaryMs = Math.floor(endMs / twoHours) * twoHours;
    const lastMs = endMs - 100 * 15_000 < boundaryMs ? boundaryMs - 15_000 : endMs;
    const fresh = Array.from({ length: 100 }, (_, i) => lastMs - (100 - i) * 15_000 + (i % 7) * 3);
    const values = samplesOf([
      {
        labels: { __name__: "chunked", k: "1" },
        samples: fresh.map((timeMs, i) => [timeMs, i * i] as const),
      },
      {
        labels: { __name__: "chunked", k: "2" },
        samples: fresh.map((timeMs, i) => [timeMs, Math.sin(i) / 3] as const),
      },
      {
        labels: { __name__: "chunked", k: "3" },
        samples: fresh.map((timeMs, i) => [timeMs, i > 50 ? -1e300 : 7] as const),
      },
    ]);
    const native = floatHistograms(fresh);
    await store.put(values, native);
    const { logged } = await write([], values, native);
    expect(logged).toEqual([]);
    for (const name of ["chunked", "chunked_native"]) {
      const [own, other] = [await readChunks(ours, name), await readChunks(theirs, name)];
      expect(other.length).toBeGreaterThan(500);
      expect(own.toString("hex")).toBe(other.toString("hex"));
    }
  });
});

describe.skipIf(!isThere)("promtool", () => {
  const promtool = async (...args: readonly string[]): Promise<string> =>
    (await run("promtool", ["query", ...args])).stdout;
  test("query instant", async () => {
    const out = await promtool("instant", "--time", seconds(endMs), ours, "sum(kept_total)");
    expect(out).toMatch(/^\{\} => [\d.]+ @\[/);
  });
  test("query range", async () => {
    const out = await promtool(
      "range",
      ...["--start", seconds(startMs), "--end", seconds(endMs), "--step", "10m"],
      ...[ours, 'kept_total{s="3"}'],
    );
    expect(out).toContain('kept_total{path="/b \\"c\\"\\\\", s="3"} =>');
    expect(out.split("@[")).toHaveLength(8);
  });
  test("query series and labels", async () => {
    const series = await promtool("series", '--match=kept_total{s=~"1|2"}', ours);
    expect(series.trim().split("\n")).toHaveLength(2);
    expect((await promtool("labels", ours, "path")).trim().split("\n")).toEqual(["/a", '/b "c"\\']);
  });
});
