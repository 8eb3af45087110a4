/** Limits for series: what is refused, what keeps flowing, what senders are told, and what a flood costs. */
import { defaultLimits, SampleBatch, Temporality, TriptychError } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { encodeRemoteWrite, type WriteSeries } from "@triptych/wire";
import { describe, expect, test } from "vitest";
import { createOtlpReceiver } from "../receivers/otlp/receiver.ts";
import { createRecordingNext, type RecordingNext } from "../receivers/otlp/recording-next.ts";
import { createRemoteWriteReceiver } from "../receivers/remote-write/receiver.ts";
import { linesOf } from "../receivers/scrape/testing.ts";
import { createLimitSeries } from "./limit-series.ts";
import { createPipeline } from "./pipeline.ts";

const HOUR_MS = 3_600_000;
const limits = { perName: 3, total: 5, windowMs: HOUR_MS };

function bench(more: Partial<typeof limits> = {}) {
  const clock = createSimClock();
  const discards = new Map<string, number>();
  const stage = createLimitSeries({
    ...limits,
    ...more,
    clock,
    discarded: (reason, items) => void discards.set(reason, (discards.get(reason) ?? 0) + items),
  });
  return { clock, discards, stage };
}

/** Texts such as `a{k="1"}` as one sample each. */
function batchOf(...series: readonly (readonly [name: string, k: string])[]): SampleBatch {
  const batch = new SampleBatch();
  for (const [name, k] of series) {
    batch.series.addLabelText("__name__", name);
    batch.series.addLabelText("k", k);
    batch.samples.add(batch.series.end(Temporality.gauge), 1, 0, 7);
  }
  return batch;
}

describe("which series are taken", () => {
  test("per name: new ones beyond the bound are cut out, known ones flow", () => {
    const { stage, discards } = bench();
    stage.process(batchOf(["a", "1"], ["a", "2"], ["a", "3"]));
    const { batch, refused } = stage.process(
      batchOf(["a", "4"], ["a", "1"], ["b", "1"], ["a", "5"]),
    );
    expect(linesOf(batch)).toEqual(['a{k="1"} 7', 'b{k="1"} 7']);
    expect(refused).toMatchObject({ samples: 2, histograms: 0, exemplars: 0 });
    expect(refused?.message).toContain('metric "a" has 3 series within 60 minutes');
    expect(refused?.message).toContain("limits.seriesPerName");
    expect([...discards]).toEqual([["series_limit", 2]]);
    expect(stage.active()).toBe(4);
  });

  test("in total", () => {
    const { stage } = bench();
    stage.process(batchOf(["a", "1"], ["a", "2"], ["b", "1"], ["b", "2"], ["c", "1"]));
    const { batch, refused } = stage.process(batchOf(["d", "1"], ["a", "2"]));
    expect(linesOf(batch)).toEqual(['a{k="2"} 7']);
    expect(refused?.message).toContain("limits.seriesTotal");
  });

  test("series not seen for the window make room", async () => {
    const { stage, clock } = bench();
    stage.process(batchOf(["a", "1"], ["a", "2"], ["a", "3"]));
    await clock.advance(HOUR_MS / 2);
    stage.process(batchOf(["a", "1"]));
    await clock.advance(HOUR_MS / 2 + HOUR_MS / 6);
    // All shards are looked through within some batches.
    for (let i = 0; i < 64; i++) stage.process(batchOf(["a", "1"]));
    expect(stage.active()).toBe(1);
    expect(stage.process(batchOf(["a", "4"], ["a", "5"])).refused).toBeUndefined();
    expect(stage.process(batchOf(["a", "6"])).refused?.samples).toBe(1);
  });

  test("a batch that does not become durable leaves nothing behind", () => {
    const { stage } = bench();
    stage.process(batchOf(["a", "1"], ["a", "2"], ["a", "3"])).undo?.();
    expect(stage.active()).toBe(0);
    expect(stage.process(batchOf(["a", "4"], ["a", "5"], ["a", "6"])).refused).toBeUndefined();
  });

  test("but what another batch showed meanwhile stays", () => {
    const { stage } = bench();
    const first = stage.process(batchOf(["a", "1"], ["a", "2"]));
    stage.process(batchOf(["a", "1"]));
    first.undo?.();
    expect(stage.active()).toBe(1);
  });

  test("histograms and exemplars of a refused series go too", () => {
    const { stage } = bench({ perName: 1 });
    const batch = batchOf(["a", "1"]);
    batch.series.addLabelText("__name__", "a");
    batch.series.addLabelText("k", "2");
    const series = batch.series.end(Temporality.cumulative);
    batch.histograms.addRow(series, 1, 0);
    batch.histograms.endRow();
    batch.exemplars.addRow(series, 1, 1);
    batch.exemplars.attributes.endRow();
    const { batch: left, refused } = stage.process(batch);
    expect(refused).toMatchObject({ samples: 0, histograms: 1, exemplars: 1 });
    expect(left.rows).toBe(1);
  });
});

test("a flood of new series costs bounded memory, and known series flow through it", () => {
  const perName = 20_000;
  const { stage, discards } = bench({ perName, total: 30_000 });
  const known = (): SampleBatch =>
    batchOf(...Array.from({ length: 100 }, (_, i) => ["known", String(i)] as const));
  stage.process(known());
  const FLOOD = 100_000;
  const STEP = 1_000;
  for (let at = 0; at < FLOOD; at += STEP) {
    stage.process(
      batchOf(...Array.from({ length: STEP }, (_, i) => ["flood", `user ${at + i}`] as const)),
    );
    expect(stage.process(known()).refused).toBeUndefined();
  }
  expect(stage.active()).toBe(perName + 100);
  expect(discards.get("series_limit")).toBe(FLOOD - perName);
});

test("large batches let others run", async () => {
  const { stage } = bench({ perName: 10_000, total: 10_000 });
  const batch = batchOf(...Array.from({ length: 60_000 }, (_, i) => ["big", String(i)] as const));
  let turns = 0;
  const count = (): void => {
    turns++;
    if (turns < 100) setImmediate(count);
  };
  setImmediate(count);
  const processed = await stage.processInSteps?.(batch);
  expect(turns).toBeGreaterThan(0);
  expect(processed?.refused?.samples).toBe(50_000);
});

describe("what senders are told", () => {
  function receivers(): { next: RecordingNext; clock: ReturnType<typeof createSimClock> } {
    const { stage, clock } = bench();
    const next = createRecordingNext(2 ** 30);
    const { accept } = next;
    next.accept = createPipeline([stage], async (batch, hash) => {
      await accept(batch, hash);
    });
    return { next, clock };
  }
  const seriesOf = (count: number): WriteSeries[] =>
    Array.from({ length: count }, (_, i) => ({
      labels: [
        ["__name__", "a"],
        ["k", String(i)],
      ],
      timeMs: [1_700_000_000_000],
      startMs: [0],
      valueWords: [0, 0x3ff0_0000],
      histograms: [],
      exemplars: [],
    }));

  test("OTLP: partial success with the count and the reason", async () => {
    const { next, clock } = receivers();
    const receiver = createOtlpReceiver({ next, limits: defaultLimits, clock });
    const dataPoints = Array.from({ length: 10 }, (_, i) => ({
      attributes: [{ key: "k", value: { stringValue: String(i) } }],
      timeUnixNano: "1700000000000000000",
      asDouble: i,
    }));
    const body = Buffer.from(
      JSON.stringify({
        resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "a", gauge: { dataPoints } }] }] }],
      }),
    );
    const answer = await receiver.metrics({
      body,
      encoding: "json",
      tenant: "t",
      path: "/v1/metrics",
    });
    const { partialSuccess } = JSON.parse(Buffer.from(answer).toString());
    expect(partialSuccess.rejectedDataPoints).toBe("7");
    expect(partialSuccess.errorMessage).toContain('metric "a" has 3 series');
    expect(next.batches.map(({ rows }) => rows)).toEqual([3]);
  });

  test("remote write 2.0: what is written, and why not the rest", async () => {
    const { next, clock } = receivers();
    const receiver = createRemoteWriteReceiver({ next, limits: defaultLimits, clock });
    const body = encodeRemoteWrite("2.0", seriesOf(10));
    const outcome = await receiver({ body, version: "2.0", tenant: "t" });
    expect(outcome.written).toEqual({ samples: 3, histograms: 0, exemplars: 0 });
    expect(outcome.rejected).toBe(7);
    expect(outcome.reason).toContain("series limit");
  });

  test("a batch of which nothing is left is not handed on", async () => {
    const { stage } = bench({ total: 1, perName: 1 });
    let handed = 0;
    const pipeline = createPipeline([stage], async () => void handed++);
    await pipeline(batchOf(["a", "1"]), null);
    expect(await pipeline(batchOf(["a", "2"]), null)).toMatchObject({ samples: 1 });
    expect(handed).toBe(1);
  });

  test("a failure behind the stage undoes it", async () => {
    const { stage } = bench();
    const pipeline = createPipeline([stage], () =>
      Promise.reject(new TriptychError("queue_full", "full")),
    );
    await expect(pipeline(batchOf(["a", "1"]), null)).rejects.toThrow("full");
    expect(stage.active()).toBe(0);
  });
});
