/** The sender against a made-up other side: order, batches, retries, bounds, shards, what is dropped and counted. */
import { defaultLimits, SampleBatch, Temporality } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { decodeRemoteWrite, decodeSnappy } from "@triptych/wire";
import { describe, expect, test } from "vitest";
import { createMetrics } from "../../self/metrics.ts";
import { createRemoteWriteMetrics } from "./metrics.ts";
import { createRemoteWriteSender, type RemoteWriteSenderDeps, type SendConfig } from "./sender.ts";
import type { RemoteAnswer, RemoteRequest } from "./transport.ts";

const T = 1_700_000_000_000;

function drain<R>(steps: Generator<void, R>): R {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

const OK: RemoteAnswer = {
  status: 204,
  headers: { "x-prometheus-remote-write-samples-written": "1" },
  text: "",
};
const status = (code: number, headers: Record<string, string> = {}): RemoteAnswer => ({
  status: code,
  headers,
  text: "no",
});

interface Options {
  readonly config?: Partial<SendConfig>;
  readonly queue?: Partial<SendConfig["queue_config"]>;
  readonly deps?: Partial<RemoteWriteSenderDeps>;
  /** Answers in turn; the last one again and again. An error is thrown. */
  readonly answers?: readonly (RemoteAnswer | Error)[];
}

function setUp({ config, queue, deps, answers = [OK] }: Options = {}) {
  const clock = createSimClock(T);
  const metrics = createMetrics();
  const requests: RemoteRequest[] = [];
  const held: (() => void)[] = [];
  const state = { hold: false };
  const all: SendConfig = {
    url: "http://other:9090/api/v1/write",
    name: "",
    remote_timeout: 30_000,
    send_exemplars: true,
    send_native_histograms: true,
    protobuf_message: "prometheus.WriteRequest",
    queue_config: {
      capacity: 100,
      max_shards: 4,
      min_shards: 1,
      max_samples_per_send: 10,
      batch_send_deadline: 5000,
      min_backoff: 30,
      max_backoff: 5000,
      retry_on_http_429: false,
      sample_age_limit: 0,
      ...queue,
    },
    metadata_config: { send: true, send_interval: 60_000, max_samples_per_send: 2000 },
    ...config,
  };
  const sender = createRemoteWriteSender({
    clock,
    config: all,
    random: () => 0.5,
    metrics: createRemoteWriteMetrics(metrics),
    log: () => {},
    transport: {
      async post(request) {
        requests.push(request);
        const answer = answers[Math.min(requests.length, answers.length) - 1];
        if (state.hold) await new Promise<void>((resolve) => held.push(resolve));
        if (answer instanceof Error) throw answer;
        return answer as RemoteAnswer;
      },
      close: () => {},
    },
    ...deps,
  });
  const rows = (at: number): string[] => {
    const { body, headers } = requests[at] as RemoteRequest;
    const version = headers["content-type"]?.includes("v2") === true ? "2.0" : "1.0";
    const { batch } = drain(
      decodeRemoteWrite(drain(decodeSnappy(body, 1e9)), version, {
        limits: defaultLimits,
        nowMs: T * 2,
      }),
    );
    return Array.from({ length: batch.samples.rows }, (_, row) => {
      const labels = batch.series.labels(batch.samples.series[row] as number);
      const name = labels.map(([label, value]) =>
        label === "__name__" ? value : `${label}=${value}`,
      );
      return `${name.join(",")} ${batch.samples.value[row]}`;
    });
  };
  return {
    clock,
    sender,
    requests,
    rows,
    metric: (name: string): number => {
      const line = metrics
        .render()
        .split("\n")
        .find((one) => one.startsWith(`triptych_remote_storage_${name}`));
      return Number(line?.split(" ").at(-1) ?? 0);
    },
    /** Lets all that is ready run. */
    settle: async () => {
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    },
    /** Lets the requests that are held go, not those that follow. */
    free: () => {
      for (const release of held.splice(0)) release();
    },
    hold: () => {
      state.hold = true;
      return () => {
        state.hold = false;
        for (const release of held.splice(0)) release();
      };
    },
  };
}

function batchOf(series: number, samples: number, startAt = 0): SampleBatch {
  const batch = new SampleBatch();
  for (let s = 0; s < series; s++) {
    batch.series.addLabelText("__name__", "m");
    batch.series.addLabelText("s", String(s));
    const row = batch.series.end(Temporality.gauge);
    for (let i = 0; i < samples; i++) batch.samples.add(row, T + startAt + i, 0, startAt + i);
  }
  return batch;
}

test("full requests go at once, the rest when the deadline is over", async () => {
  const { sender, requests, settle, clock, rows, metric } = setUp();
  sender.offer(batchOf(1, 25));
  await settle();
  expect(requests).toHaveLength(2);
  expect(rows(0)).toEqual(Array.from({ length: 10 }, (_, i) => `m,s=0 ${i}`));
  expect(requests[0]?.headers).toMatchObject({
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "x-prometheus-remote-write-version": "0.1.0",
  });
  expect([sender.pending, metric("samples_total")]).toEqual([5, 20]);
  await clock.advance(5000);
  await settle();
  expect([rows(2).length, sender.pending, metric("samples_total")]).toEqual([5, 0, 25]);
});

test("relabelling and external labels", async () => {
  const { sender, requests, settle, rows, metric } = setUp({
    queue: { max_samples_per_send: 2 },
    deps: {
      externalLabels: [
        ["site", "lab"],
        ["s", "never"],
      ],
      relabel: (labels) => {
        if (labels.get("s") === "1") return false;
        labels.set("__name__", "renamed");
        return true;
      },
    },
  });
  sender.offer(batchOf(3, 1));
  await settle();
  expect(requests).toHaveLength(1);
  expect(rows(0)).toEqual(["renamed,s=0,site=lab 0", "renamed,s=2,site=lab 0"]);
  expect(metric('samples_dropped_total{reason="dropped_series"}')).toBe(1);
});

test("2.0 names its message, and an answer that confirms nothing is a failure", async () => {
  const { sender, requests, settle, metric } = setUp({
    config: { protobuf_message: "io.prometheus.write.v2.Request" },
    queue: { max_samples_per_send: 1 },
    answers: [OK, status(200)],
  });
  sender.offer(batchOf(1, 2));
  await settle();
  expect(requests[0]?.headers).toMatchObject({
    "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "x-prometheus-remote-write-version": "2.0.0",
  });
  expect([metric("samples_total"), metric("samples_failed_total")]).toEqual([1, 1]);
});

describe("errors", () => {
  test("5xx and a broken network are tried again, with growing pauses", async () => {
    const { sender, requests, settle, clock, metric, rows } = setUp({
      queue: { max_samples_per_send: 1 },
      answers: [status(500), new Error("reset"), status(503), OK],
    });
    sender.offer(batchOf(1, 1));
    await settle();
    expect(requests).toHaveLength(1);
    for (const [waitMs, sent] of [
      [29, 1],
      [1, 2],
      [59, 2],
      [1, 3],
      [120, 4],
    ] as const) {
      await clock.advance(waitMs);
      await settle();
      expect(requests).toHaveLength(sent);
    }
    expect(requests[3]?.headers["retry-attempt"]).toBe("3");
    expect(rows(3)).toEqual(rows(0));
    expect([metric("samples_total"), metric("samples_retried_total"), sender.pending]).toEqual([
      1, 3, 0,
    ]);
  });
  test("Retry-After is kept", async () => {
    const { sender, requests, settle, clock } = setUp({
      queue: { max_samples_per_send: 1 },
      answers: [status(503, { "retry-after": "7" }), OK],
    });
    sender.offer(batchOf(1, 1));
    await settle();
    await clock.advance(6999);
    await settle();
    expect(requests).toHaveLength(1);
    await clock.advance(1);
    await settle();
    expect(requests).toHaveLength(2);
  });
  test("400 and 429 are final, 429 only unless configured", async () => {
    const refused = setUp({
      queue: { max_samples_per_send: 1 },
      answers: [status(400), status(429)],
    });
    refused.sender.offer(batchOf(1, 2));
    await refused.settle();
    expect([refused.requests.length, refused.metric("samples_failed_total")]).toEqual([2, 2]);
    const patient = setUp({
      queue: { max_samples_per_send: 1, retry_on_http_429: true },
      answers: [status(429), OK],
    });
    patient.sender.offer(batchOf(1, 1));
    await patient.settle();
    await patient.clock.advance(30);
    await patient.settle();
    expect(patient.metric("samples_total")).toBe(1);
  });
  test("samples that became too old are given up", async () => {
    const { sender, requests, settle, clock, metric } = setUp({
      queue: {
        max_samples_per_send: 1,
        sample_age_limit: 1000,
        min_backoff: 2000,
        max_backoff: 2000,
      },
      answers: [status(500)],
    });
    sender.offer(batchOf(1, 1));
    await settle();
    await clock.advance(2000);
    await settle();
    expect([requests.length, sender.pending]).toEqual([1, 0]);
    expect(metric('samples_dropped_total{reason="too_old"}')).toBe(1);
  });
});

test("beyond its bound the backlog drops the oldest batch; offering never waits", async () => {
  const { sender, settle, hold, rows, requests, metric, clock } = setUp({
    queue: { capacity: 10, max_samples_per_send: 10 },
    deps: { backlogItemsMax: 30 },
  });
  const release = hold();
  for (let i = 0; i < 8; i++) {
    sender.offer(batchOf(1, 10, i * 10));
    await settle();
  }
  const dropped = metric('samples_dropped_total{reason="queue_full"}');
  expect(dropped).toBeGreaterThan(0);
  expect(sender.pending).toBe(80 - dropped);
  release();
  await settle();
  await clock.advance(5000);
  await settle();
  expect(sender.pending).toBe(0);
  const values = requests.flatMap((_, at) => rows(at)).map((row) => Number(row.split(" ")[1]));
  expect(values).toEqual([...values].sort((a, b) => a - b));
  expect(values).toHaveLength(80 - dropped);
  expect(values.at(-1)).toBe(79);
});

test("many series over many shards: each stays in order, also when the number of shards changes", async () => {
  const { sender, settle, hold, free, rows, requests, clock, metric } = setUp({
    queue: { min_shards: 1, max_shards: 4, max_samples_per_send: 10, capacity: 1000 },
  });
  const release = hold();
  for (let round = 0; round < 30; round++) {
    sender.offer(batchOf(40, 2, round * 2));
    // Each request takes two seconds, and a round has ten: one shard is not enough.
    for (let i = 0; i < 5; i++) {
      await settle();
      await clock.advance(2000);
      free();
    }
  }
  release();
  await settle();
  expect(metric("shards ")).toBeGreaterThan(1);
  await clock.advance(5000);
  await settle();
  expect(sender.pending).toBe(0);
  const last = new Map<string, number>();
  let count = 0;
  for (const at of requests.keys())
    for (const row of rows(at)) {
      const [series = "", value = ""] = row.split(" ");
      expect(Number(value)).toBeGreaterThan(last.get(series) ?? -1);
      last.set(series, Number(value));
      count++;
    }
  expect(count).toBe(30 * 80);
});

test("metadata is sent by itself, again and again", async () => {
  const { sender, requests, settle, clock, metric } = setUp();
  const batch = batchOf(0, 0);
  batch.metadata.push({ family: "m", type: "gauge", unit: "", help: "Help." });
  sender.offer(batch);
  await clock.advance(60_000);
  await settle();
  expect([requests.length, metric("metadata_total")]).toEqual([1, 1]);
});

test("closing sends what waits, and gives up in the end", async () => {
  const good = setUp();
  good.sender.offer(batchOf(1, 3));
  const closed = good.sender.close(10_000);
  for (let i = 0; i < 5; i++) {
    await good.settle();
    await good.clock.advance(50);
  }
  await closed;
  expect(good.metric("samples_total")).toBe(3);
  const bad = setUp({ answers: [status(500)] });
  bad.sender.offer(batchOf(1, 3));
  const gone = bad.sender.close(1000);
  for (let i = 0; i < 30; i++) {
    await bad.settle();
    await bad.clock.advance(50);
  }
  await gone;
  expect(bad.metric('samples_dropped_total{reason="stopped"}')).toBe(3);
  bad.sender.offer(batchOf(1, 3));
  await bad.sender.close(0);
  expect(bad.sender.pending).toBe(0);
});
