/** The head against the store alone: the same samples, the same questions, the same answers. */
import { type Matcher, parsePromql, type PromqlResult } from "@triptych/lang";
import { SampleBatch, Temporality } from "@triptych/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileRegex } from "../../../regex/compile.ts";
import {
  createTestClock,
  openTestStore,
  samplesOf,
  type TestStore,
} from "../../../store/store-for-tests.ts";
import { runPromql } from "../../promql/source.ts";
import { createStoreSource, type MetricsSource } from "../source.ts";
import { createHead, type Head } from "./head.ts";
import { createHeadSource } from "./head-source.ts";
import type { HeadSeries } from "./head-view.ts";
import { rebuildHead } from "./rebuild.ts";

const T = 1_700_000_000_000;
const HOUR = 3_600_000;
const WINDOW = { windowMs: 4 * HOUR, bytesMax: 64 * 2 ** 20 };

const matched = (head: Head, matchers: Parameters<Head["match"]>[0]): readonly HeadSeries[] => {
  const steps = head.match(matchers);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
};

/** Numbers that are the same in every run. */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Sent {
  readonly labels: { readonly [name: string]: string };
  readonly samples: (readonly [timeMs: number, value: number])[];
}

/** Counters with resets, gauges with fractions, gaps, ends, times that waver, constants, NaN and infinities. */
function randomSeries(random: () => number, { fromMs, toMs }: { fromMs: number; toMs: number }) {
  const out: Sent[] = [];
  for (let i = 0; i < 20; i++) {
    const kind = ["counter", "gauge", "constant", "odd"][i % 4] as string;
    const samples: [number, number][] = [];
    const waver = i % 3 === 0 ? 0 : i % 3 === 1 ? 100 : 20_000;
    let value = Math.floor(random() * 1e6);
    for (let t = fromMs + Math.floor(random() * 15_000); t < toMs; t += 15_000) {
      if (random() < 0.03) continue;
      if (kind === "counter") value = random() < 0.01 ? 0 : value + Math.floor(random() * 300);
      if (kind === "gauge") value = (random() - 0.5) * 10 ** Math.floor(random() * 12);
      if (kind === "odd")
        value = [Number.NaN, Number.POSITIVE_INFINITY, -0, 1e300, 2 ** 53][
          Math.floor(random() * 5)
        ] as number;
      samples.push([
        Math.max((samples.at(-1)?.[0] ?? 0) + 1, t + Math.floor(random() * waver)),
        value,
      ]);
    }
    out.push({
      labels: { __name__: `m_${kind}`, i: String(i), k: String(i % 5), job: i % 2 ? "a" : "b" },
      samples,
    });
  }
  return out;
}

/** The samples as senders would bring them: a batch for each stretch of time. */
function batchesOf(series: readonly Sent[], everyMs: number): SampleBatch[] {
  const times = series.flatMap(({ samples }) => samples.map(([t]) => t));
  const out: SampleBatch[] = [];
  const end = Math.max(...times);
  for (let from = Math.min(...times); from <= end; from += everyMs) {
    const some = series.flatMap(({ labels, samples }) => {
      const now = samples.filter(([t]) => t >= from && t < from + everyMs);
      return now.length === 0 ? [] : [{ labels, samples: now }];
    });
    if (some.length > 0) out.push(samplesOf(some));
  }
  return out;
}

const queries = [
  "m_counter",
  "sum by (k) (rate(m_counter[5m]))",
  "rate(m_counter[1m])",
  "increase(m_counter{k=~'1|2'}[7m])",
  "irate(m_counter[5m])",
  "avg by (job) (m_gauge)",
  "max_over_time(m_gauge[10m])",
  "quantile by (job) (0.9, m_gauge)",
  "count({__name__=~'m_.+', job!='a'})",
  "m_odd",
  "last_over_time(m_odd[5m])",
  "changes(m_constant[5m])",
  "sum(m_counter offset 20m)",
  "deriv(m_gauge[5m])",
  "max_over_time(sum(rate(m_counter[1m]))[10m:30s])",
  "m_counter @ end()",
  "count_over_time({job='b'}[3m])",
];

async function ask(
  source: MetricsSource,
  text: string,
  times: { readonly startMs: number; readonly endMs: number; readonly stepMs?: number },
): Promise<unknown> {
  const expr = parsePromql(text, { compileRegex });
  return plain(await runPromql(source, expr, { times, ask: {} }));
}

function plain({ value, annotations }: PromqlResult): unknown {
  const notes = annotations.texts("");
  if (value.kind !== "vector" && value.kind !== "range") return { value, notes };
  const rows = value.rows.map((row) => ({
    labels: row.labels.pairs,
    values: Array.from(row.kind, (kind, i) => (kind === 1 ? row.value[i] : kind)),
  }));
  return { rows, notes };
}

/** Of rates the last digits may differ. */
function rounded(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (_, value: unknown) =>
      typeof value === "number" && Number.isFinite(value)
        ? Number(value.toPrecision(12))
        : typeof value === "number"
          ? String(value)
          : value,
    ),
  );
}

/** What is asked of both: ranges within, across and before what the head holds. */
async function checkSame(
  { store, headed }: { readonly store: MetricsSource; readonly headed: MetricsSource },
  ranges: readonly (readonly [fromMs: number, toMs: number])[],
): Promise<void> {
  for (const text of queries)
    for (const [startMs, endMs] of ranges) {
      const times = { startMs, endMs, stepMs: 47_000 };
      expect(await ask(headed, text, times), `${text} from ${startMs - T}`).toEqual(
        await ask(store, text, times),
      );
      if (ranges.length > 2) continue;
      const at = { startMs: endMs, endMs };
      expect(await ask(headed, text, at), `${text} at ${endMs - T}`).toEqual(
        await ask(store, text, at),
      );
    }
}

describe("head and store agree", () => {
  const clock = createTestClock(T + 2 * HOUR);
  const random = randoms(7);
  // Times waver by up to 20 s: none of these reaches the recent ones.
  const old = randomSeries(random, { fromMs: T - HOUR, toMs: T - 30_000 });
  const recent = randomSeries(random, { fromMs: T, toMs: T + HOUR });
  let store: TestStore;
  let source: MetricsSource;

  beforeAll(async () => {
    store = await openTestStore(clock);
    source = createStoreSource(store.engine);
    for (const batch of batchesOf(old, 600_000)) await store.put(batch);
    for (const batch of batchesOf(recent, 600_000)) await store.put(batch);
  });
  afterAll(() => store.close());

  function headOf(startMs: number): Head {
    const head = createHead(WINDOW, startMs);
    const since = recent.map(({ labels, samples }) => ({
      labels,
      samples: samples.filter(([t]) => t > startMs),
    }));
    for (const batch of batchesOf(since, 15_000)) head.append(batch, clock.nowMs());
    return head;
  }

  test("for what came since the start, and before", async () => {
    const headed = createHeadSource(source, headOf(T - 1));
    await checkSame({ store: source, headed }, [
      [T + 30 * 60_000, T + HOUR],
      [T - 20 * 60_000, T + 20 * 60_000],
      [T - 50 * 60_000, T - 30 * 60_000],
    ]);
  });

  test("for leaves that the store computes", async () => {
    const headed = createHeadSource(source, headOf(T + 10 * 60_000));
    const asked: string[] = [];
    const { leaf } = headed;
    const watched: MetricsSource = {
      ...headed,
      leaf: async (question, ask) => {
        const answer = await leaf?.(question, ask);
        if (answer !== undefined) asked.push(question.leaf);
        return answer;
      },
    };
    const times = { startMs: T - 50 * 60_000, endMs: T + 55 * 60_000, stepMs: 5 * 60_000 };
    for (const text of [
      "m_counter",
      "m_odd",
      "rate(m_counter[10m])",
      "increase(m_counter[10m] offset 3m)",
      "delta(m_gauge[10m])",
      "irate(m_counter[10m])",
      "idelta(m_gauge[10m])",
      "last_over_time(m_odd[10m])",
      "max by (k) (rate(m_counter[10m]))",
    ]) {
      const [got, want] = [await ask(watched, text, times), await ask(source, text, times)];
      expect(rounded(got), text).toEqual(rounded(want));
    }
    expect(new Set(asked).size).toBe(7);
  });

  test("after a rebuild", async () => {
    const head = headOf(T + 30 * 60_000);
    const deps = { clock, windowMs: 70 * 60_000, signal: new AbortController().signal };
    await rebuildHead({ ...deps, head, store: source, drained: async () => {} });
    expect(head.completeAfterMs).toBe(T - 40 * 60_000);
    const never = {
      ...source,
      readSamples: () => Promise.reject(new Error("the store was asked")),
    };
    const alone = createHeadSource(never, head);
    await checkSame({ store: source, headed: alone }, [[T - 10 * 60_000, T + HOUR]]);
    await checkSame({ store: source, headed: createHeadSource(source, head) }, [
      [T - 55 * 60_000, T + HOUR],
    ]);
  });

  test("after a rebuild while samples for that time came in", async () => {
    const startMs = T + 50 * 60_000;
    const head = createHead(WINDOW, startMs);
    const mine = recent.map(({ labels, samples }, i) => ({
      labels,
      samples: samples.filter(([t]) => t > startMs || (i % 3 === 0 && t > T + 20 * 60_000)),
    }));
    for (const batch of batchesOf(mine, 15_000)) head.append(batch, clock.nowMs());
    const deps = { clock, windowMs: 70 * 60_000, signal: new AbortController().signal };
    await rebuildHead({ ...deps, head, store: source, drained: async () => {} });
    expect(head.completeAfterMs).toBe(startMs - 70 * 60_000);
    await checkSame({ store: source, headed: createHeadSource(source, head) }, [
      [T - 5 * 60_000, T + 10 * 60_000],
      [T + 10 * 60_000, T + HOUR],
    ]);
  });

  test("when the head had to drop what was old", async () => {
    const head = headOf(T - 1);
    head.trim(T + HOUR + WINDOW.windowMs - 25 * 60_000);
    expect(head.completeAfterMs).toBe(T + 35 * 60_000);
    await checkSame({ store: source, headed: createHeadSource(source, head) }, [
      [T + 20 * 60_000, T + HOUR],
      [T + 45 * 60_000, T + HOUR],
    ]);
  });

  test("with samples that came late", async () => {
    const late = recent.slice(0, 10).map(({ labels }) => ({
      labels,
      samples: [[T + 40 * 60_000 + 3, 12_345]] as [number, number][],
    }));
    await store.put(samplesOf(late));
    const head = headOf(T - 1);
    head.append(samplesOf(late), clock.nowMs());
    await checkSame({ store: source, headed: createHeadSource(source, head) }, [
      [T + 10 * 60_000, T + HOUR],
      [T + 50 * 60_000, T + HOUR],
    ]);
  });
});

function counterBatch(series: number, t: number): SampleBatch {
  return samplesOf(
    Array.from({ length: series }, (_, i) => ({
      labels: { __name__: "c", i: String(i) },
      samples: [[t, t % 1000]] as [number, number][],
    })),
  );
}

const named = (value: string): Matcher => {
  const span = { start: 0, end: 0 };
  return { name: "__name__", op: "=", value, span, valueSpan: span };
};

describe("bounds", () => {
  test("memory stays within the bound, and what was dropped is not claimed", () => {
    const head = createHead({ windowMs: HOUR, bytesMax: 8 * 2 ** 20 }, T);
    const batch = counterBatch(6000, T);
    for (let t = T + 1; t < T + 3 * HOUR; t += 15_000) {
      batch.samples.timeMs.fill(t);
      // Differences of two bytes: what is smaller fits whole.
      batch.samples.value.fill(t % 7919);
      head.append(batch, t);
    }
    expect(head.bytes).toBeLessThan(9 * 2 ** 20);
    expect(head.completeAfterMs).toBeGreaterThan(T);
    expect(head.completeAfterMs).toBeLessThan(T + 3 * HOUR);
  });

  test("series beyond the bound make the head useless for their time, not wrong", () => {
    const head = createHead({ windowMs: HOUR, bytesMax: 2 ** 20 }, T);
    head.append(counterBatch(20_000, T + 5), T + 5);
    expect(head.completeAfterMs).toBe(T + 5);
  });

  test("series that ended are forgotten, and their numbers are not given to others at once", () => {
    const head = createHead({ windowMs: HOUR, bytesMax: 2 ** 26 }, T);
    head.append(counterBatch(10, T + 1), T + 1);
    const test = { name: "__name__", op: "=" as const, value: "c", test: (v: string) => v === "c" };
    const before = matched(head, [test]);
    head.trim(T + 2 * HOUR);
    expect(head.series).toBe(0);
    expect(matched(head, [test])).toEqual([]);
    expect(before.map((one) => one.labels.pairs[1]?.[1])).toContain("3");
    head.append(samplesOf([{ labels: { __name__: "d" }, samples: [[T + 3 * HOUR, 1]] }]), T);
    expect(head.series).toBe(1);
  });

  test("a marker of the end keeps its bits", async () => {
    const batch = new SampleBatch();
    batch.series.addLabelText("__name__", "gone");
    const row = batch.series.end(Temporality.gauge);
    batch.samples.add(row, T + 1000, 0, 1);
    batch.samples.addStale(row, T + 16_000, 0);
    const head = createHead(WINDOW, T - HOUR);
    head.append(batch, T);
    const nothing = () => Promise.reject(new Error("the store was asked"));
    const source = createHeadSource({ readSamples: nothing } as never, head);
    const read = await source.read?.([named("gone")], { afterMs: T, toMs: T + HOUR }, {});
    expect(read).toHaveLength(1);
    const times = { startMs: T + 15_000, endMs: T + 17_000, stepMs: 1000 };
    const answer = (await ask(source, "gone", times)) as { rows: { values: unknown[] }[] };
    expect(answer.rows[0]?.values).toEqual([1, 0, 0]);
  });
});
