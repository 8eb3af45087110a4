/** Kept steps beside queries that compute all: the same answers, whatever comes between two questions. */
import { parsePromql, type PromqlResult, type Row } from "@triptych/lang";
import { createRandomPromql, createRng } from "@triptych/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createChangeLog } from "../../journal/changes.ts";
import {
  createTestClock,
  openTestStore,
  samplesOf,
  type TestSeries,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { createKeptSteps } from "../kept-steps.ts";
import { createHead } from "../metrics/head/head.ts";
import { createHeadSource } from "../metrics/head/head-source.ts";
import { createStoreSource, type MetricsSource } from "../metrics/source.ts";
import { runKeptPromql } from "./kept.ts";

const T = 1_700_000_000_000;
const STEP = 15_000;
const clock = createTestClock(T);
let store: TestStore;
beforeAll(async () => {
  store = await openTestStore(clock);
});
afterAll(() => store.close());

const rng = createRng(11);
const names = ["c_total", "g", "resets_total", "gaps", "h_seconds_count"];

/** What 12 series of each name have at `nowMs`: some are late, some begin, end or pause. */
function round(nowMs: number): TestSeries[] {
  const out: TestSeries[] = [];
  for (const name of names)
    for (let i = 0; i < 12; i++) {
      if (rng.chance(0.1) || (name === "gaps" && rng.chance(0.5))) continue;
      const labels = {
        __name__: name,
        instance: `host-${i}`,
        job: i % 3 === 0 ? "api" : "web",
        ...(i % 2 === 0 ? { kind: "x" } : {}),
      };
      const late = rng.chance(0.02) ? rng.between(10, 120) * 1_000 : 0;
      const value = name === "g" ? rng.next() * 100 : Math.floor((nowMs - T) / 1_000) * (i + 1);
      out.push({ labels, samples: [[nowMs - late, rng.chance(0.02) ? "stale" : value]] });
    }
  return out;
}

function shown({ value, annotations }: PromqlResult, text: string): unknown {
  if (value.kind !== "range") throw new Error("a range is wanted");
  const values = ({ labels, kind, value: floats }: Row): unknown => [
    labels.key,
    Array.from(floats, (float, step) => (kind[step] === 0 ? undefined : float)),
  ];
  return { rows: value.rows.map(values), grid: value.grid, notes: annotations.texts(text) };
}

async function answerOf(run: Promise<PromqlResult>, text: string): Promise<unknown> {
  try {
    return shown(await run, text);
  } catch (error) {
    return (error as Error).message;
  }
}

test("every answer is the one that computing all steps gives", async () => {
  let records = 0;
  const changes = createChangeLog(clock, { applied: () => records, recovered: () => 0 });
  const kept = createKeptSteps(changes, 2 ** 20);
  const head = createHead({ windowMs: 3_600_000, bytesMax: 2 ** 24 }, T - 1);
  const source: MetricsSource = createHeadSource(createStoreSource(store.engine), head);
  const put = async (): Promise<void> => {
    const batch = samplesOf(round(clock.nowMs()));
    head.append(batch, clock.nowMs());
    changes.pushed(records + 1, [batch]);
    await store.put(batch);
    records++;
  };
  for (let i = 0; i < 60; i++) {
    clock.step(10_000);
    await put();
  }
  const random = createRandomPromql(rng);
  const texts = Array.from({ length: 30 }, () => random.vector());
  const more = ["rate(c_total[range()])", "sum(g) + end()", "rate(c_total[1m] smoothed)", "time()"];
  for (let turn = 0; turn < 7; turn++) {
    for (const text of [...texts, ...more]) {
      const endMs = Math.floor(clock.nowMs() / STEP) * STEP + (turn === 5 ? 7_000 : 0);
      const lookbackMs = text === "time()" ? 60_000 : undefined;
      const times = { startMs: endMs - 300_000, endMs, stepMs: STEP, lookbackMs };
      const expr = parsePromql(text);
      const what = { times, ask: {} };
      const asked = runKeptPromql({ source, kept }, { text, expr }, what);
      const whole = runKeptPromql({ source, kept: undefined }, { text, expr }, what);
      expect({ turn, text, answer: await answerOf(asked, text) }).toEqual({
        turn,
        text,
        answer: await answerOf(whole, text),
      });
    }
    for (let i = 0; i < 1 + (turn % 3); i++) {
      clock.step(10_000);
      await put();
    }
    if (turn === 4) changes.forgetAll();
  }
  expect(kept.counts.reused).toBeGreaterThan(1_000);
  expect(kept.bytes).toBeLessThanOrEqual(2 ** 20);
}, 60_000);
