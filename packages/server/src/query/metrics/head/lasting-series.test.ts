/** A table of series that outlives its batches makes no difference to whoever takes the batches. */
import { dayOfMs, SampleBatch, SeriesTable, Temporality } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { SampleScratch } from "@triptych/lang";
import { expect, test } from "vitest";
import { createLimitSeries } from "../../../pipeline/limit-series.ts";
import { createBlockEncoder } from "../../../store/clickhouse/encode/block-encoder.ts";
import { createHead, type Head } from "./head.ts";

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

interface Sample {
  readonly series: number;
  readonly timeMs: number;
  readonly value: number;
}

function addSeries(table: SeriesTable, series: number): number {
  table.addLabelText("__name__", `m${series % 3}`);
  table.addLabelText("i", String(series));
  return table.end(Temporality.gauge);
}

/** Batches with a table each, or all with one; a new one is begun now and then. */
function createBatches(
  lasting: boolean,
): (samples: readonly Sample[], anew: boolean) => SampleBatch {
  let table = new SeriesTable(lasting);
  let rows = new Map<number, number>();
  return (samples, anew) => {
    if (anew || !lasting) {
      table = new SeriesTable(lasting);
      rows = new Map();
    }
    const batch = new SampleBatch(64, table);
    for (const { series, timeMs, value } of samples) {
      const row = rows.get(series) ?? addSeries(table, series);
      rows.set(series, row);
      batch.samples.add(row, timeMs, 0, value);
    }
    return batch;
  };
}

function shown(head: Head): unknown {
  const scratch = new SampleScratch();
  const steps = head.match([]);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value.map((series) => {
    const { end } = series.read({ afterMs: 0, toMs: Infinity }, scratch, 0);
    const samples = Array.from({ length: end }, (_, i) => [scratch.timeMs[i], scratch.value[i]]);
    return [series.labels.pairs, series.lastMs, samples];
  });
}

test("300 batches over two days: limits, blocks and head are the same", async () => {
  const random = randomOf(5);
  const clock = createSimClock();
  const startMs = clock.nowMs();
  const sides = [false, true].map((lasting) => ({
    batches: createBatches(lasting),
    limit: createLimitSeries({
      perName: 12,
      total: 30,
      windowMs: 60 * MINUTE,
      clock,
      discarded: () => {},
    }),
    encoder: createBlockEncoder({ clock, seriesMax: 100 }),
    head: createHead({ windowMs: 40 * MINUTE, bytesMax: 8 * 2 ** 20 }, startMs),
  }));
  for (let round = 0; round < 300; round++) {
    await clock.advance(MINUTE * (random(40) === 0 ? 90 : random(20)));
    const nowMs = clock.nowMs();
    // Which series come wanders: some end, and others take their numbers.
    const first = Math.floor(round / 12);
    const samples = Array.from({ length: random(40) }, () => ({
      series: first + random(25),
      timeMs: random(30) === 0 ? nowMs - DAY : nowMs - random(MINUTE),
      value: random(1_000),
    }));
    const anew = random(40) === 0;
    const forgets = random(25) === 0;
    const undoes = random(15) === 0;
    const outcomes = sides.map(({ batches, limit, encoder, head }) => {
      if (forgets) encoder.forget();
      const { batch, refused, undo } = limit.process(batches(samples, anew));
      if (undoes) undo?.();
      if (batch.signal !== "samples") throw new Error("stays what it is");
      const steps = encoder.encode([batch]);
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      head.append(batch, nowMs);
      head.trim(nowMs);
      const blocks = step.value.map(({ kind, partition, rows, bytes }) => {
        // Dictionaries of a lasting table are in another order; as many bytes are written of them.
        return [kind, partition, rows, kind === "series" ? bytes.length : [...bytes].join()];
      });
      return { rows: batch.rows, refused, active: limit.active(), blocks, head: shown(head) };
    });
    expect(outcomes[1]).toEqual(outcomes[0]);
  }
  expect(dayOfMs(clock.nowMs())).toBeGreaterThan(dayOfMs(startMs));
});
