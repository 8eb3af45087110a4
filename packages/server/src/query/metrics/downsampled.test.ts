/** Days whose samples are gone are answered from what was made of them. */
import { parsePromql } from "@triptych/lang";
import { SampleBatch, Temporality } from "@triptych/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileRegex } from "../../regex/compile.ts";
import { createDownsampling, type DownsampledDay } from "../../store/clickhouse/downsample.ts";
import {
  createTestClock,
  openTestStore,
  samplesOf,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { runPromql } from "../promql/source.ts";
import { createStoreSource } from "./source.ts";

const DAY = 86_400_000;
const T = Date.UTC(2026, 2, 10);
const clock = createTestClock(T + 10 * DAY);
let store: TestStore;
const saved: DownsampledDay[] = [];
const downsampling = () =>
  createDownsampling({
    engine: store.engine,
    clock,
    load: async () => saved,
    save: async (day) => void saved.push(day),
  });

/** A counter that grows by one a minute, and a gauge from 0 to 59 in each hour, over three days. */
beforeAll(async () => {
  store = await openTestStore(clock);
  const minutes = Array.from({ length: 3 * 24 * 60 }, (_, i) => i);
  await store.put(
    samplesOf([
      {
        labels: { __name__: "c_total" },
        samples: minutes.map((i) => [T + i * 60_000, i] as const),
      },
      { labels: { __name__: "g" }, samples: minutes.map((i) => [T + i * 60_000, i % 60] as const) },
    ]),
  );
  await store.put(histogramsOf(minutes));
});
afterAll(() => store.close());

/** A native histogram of one bucket that counts one more each minute. */
function histogramsOf(minutes: readonly number[]): SampleBatch {
  const batch = new SampleBatch();
  batch.series.addLabelText("__name__", "h");
  const series = batch.series.end(Temporality.cumulative);
  const { histograms } = batch;
  for (const i of minutes) {
    const row = histograms.addRow(series, T + i * 60_000, 0);
    histograms.count[row] = i;
    histograms.sum[row] = i * 2;
    histograms.positiveSpans.push(1, 1);
    histograms.positiveCounts.push(i);
    histograms.endRow();
  }
  return batch;
}

async function values(query: string, atMs: number, stepMs?: number): Promise<number[]> {
  const expr = parsePromql(query, { compileRegex });
  const times = { startMs: atMs, endMs: atMs + (stepMs ?? 0) * 3, stepMs };
  // A source of its own each time: which days are coarse is remembered for a minute.
  const { value } = await runPromql(createStoreSource(store.engine), expr, { times, ask: {} });
  if (value.kind === "scalar" || value.kind === "string" || value.kind === "matrix") return [];
  return value.rows.flatMap((row) => [...row.value]);
}

test("each day that is over is done once", async () => {
  expect(await downsampling().run()).toEqual([20260310, 20260311, 20260312]);
  expect(saved[0]).toEqual({ day: 20260310, samples: 3 * 1440 });
  expect(await downsampling().run()).toEqual([]);
});

test("a day is done again when samples came, and not when they went", async () => {
  await store.put(
    samplesOf([{ labels: { __name__: "late" }, samples: [[T + 12 * 3_600_000, 5]] }]),
  );
  expect(await downsampling().run()).toEqual([20260310]);
  await store.engine.execute("ALTER TABLE samples DROP PARTITION ID '20260310'");
  await store.engine.execute("ALTER TABLE samples DROP PARTITION ID '20260311'");
  await store.engine.execute("ALTER TABLE samples_5m DROP PARTITION ID '20260310'");
  await store.engine.execute("ALTER TABLE histograms DROP PARTITION ID '20260310'");
  await store.engine.execute("ALTER TABLE histograms DROP PARTITION ID '20260311'");
  await store.engine.execute("ALTER TABLE histograms_5m DROP PARTITION ID '20260310'");
  expect(await downsampling().run()).toEqual([]);
});

describe("queries", () => {
  const day1 = T + 12 * 3_600_000;
  const day2 = day1 + DAY;
  const check = (query: string, atMs: number, want: readonly number[], stepMs?: number) =>
    test(`${query} at ${new Date(atMs).toISOString()}`, async () => {
      expect(await values(query, atMs, stepMs)).toEqual(want);
    });
  // The last sample of the hour before, and of the five minutes before.
  check("c_total", day1, [719]);
  check("c_total", day2, [2159]);
  check("g", day2, [59]);
  check("max_over_time(g[1h])", day1, [59]);
  check("min_over_time(g[1h])", day1, [0]);
  check("sum_over_time(g[1h])", day2 - 60_000, [1770]);
  check("increase(c_total[3h])", day1 - 60_000, [180]);
  check("increase(c_total[30m])", day2 - 60_000, [30]);
  check("count_over_time(g[1h])", day1, [60]);
  check("count_over_time(g[1h])", day2, [60]);
  check("count_over_time(g[2d])", T + 2 * DAY - 60_000, [2 * 1440]);
  check("avg_over_time(g[1h])", day2 - 60_000, [29.5]);
  check("sum(count_over_time(g[5m] offset 1d)) + 1", day2 + DAY, [6]);
  check("histogram_count(h)", day1, [719]);
  check("histogram_count(h)", day2, [2159]);
  check("histogram_sum(increase(h[3h]))", day1 - 60_000, [360]);
  check("count_over_time(h[30m])", T + 2 * DAY + 40 * 60_000, [30]);
  check("histogram_count(h)", T + DAY - 60_000, [1439, 1439 + 1440, 1439 + 2880, 0], DAY);
  // From hours over five minutes to samples; on the fourth day there is nothing.
  check("c_total", T + DAY - 60_000, [1439, 1439 + 1440, 1439 + 2880, 0], DAY);
});

describe("what is told of answers that are only approximate", () => {
  const check = (query: string, atMs: number, want: readonly string[]) =>
    test(query, async () => {
      const expr = parsePromql(query, { compileRegex });
      const times = { startMs: atMs, endMs: atMs };
      const { annotations } = await runPromql(createStoreSource(store.engine), expr, {
        times,
        ask: {},
      });
      expect(annotations.texts(query).infos).toEqual(want);
    });
  const day1 = T + 12 * 3_600_000;
  check("avg_over_time(g[2h])", day1, []);
  check("stddev_over_time(g[2h])", day1, [
    "PromQL info: of days that are kept as one row per 1h, stddev_over_time sees only the last sample of each row (1:1)",
  ]);
  check("max_over_time(g[5m])", day1, [
    "PromQL info: of days that are kept as one row per 1h, a shorter range sees whole rows or none (1:15)",
  ]);
  check("stddev_over_time(g[2h])", T + 2 * DAY + 5 * 3_600_000, []);
});
