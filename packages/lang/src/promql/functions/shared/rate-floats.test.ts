/** All steps of a series together give, bit for bit, what each window gives by itself. */
import { expect, test } from "vitest";
import { Annotations } from "../../annotations.ts";
import type { LiveSeries, RangeWindow } from "../../window.ts";
import { functions } from "../registry.ts";

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const START_MS = 1_000_000;
const none = new Float64Array(0);

/** Steady, uneven or with holes; counters, gauges, resets, values near zero, tiny, huge and no numbers. */
function randomLive(random: () => number): LiveSeries & { readonly paceMs: number } {
  const pick = (n: number): number => Math.floor(random() * n);
  const length = pick(60);
  const paceMs = [1, 1_000, 15_000, 7_000][pick(4)] as number;
  const isUneven = random() < 0.3;
  const hasHoles = random() < 0.3;
  const mode = pick(8);
  const timeMs = new Float64Array(length);
  const value = new Float64Array(length);
  let at = START_MS + pick(20_000);
  let held = mode === 1 ? 0 : random() * (mode === 2 ? 1e-310 : mode === 3 ? 1e308 : 100);
  for (let i = 0; i < length; i++) {
    at += isUneven ? 1 + pick(paceMs * 1.2) : paceMs;
    if (hasHoles && random() < 0.1) at += paceMs * (1 + pick(5)) + (random() < 0.3 ? 1 : 0);
    if (mode === 2) held += random() * 1e-310;
    else if (mode === 3) held += random() * 1e307;
    else held += mode === 4 ? random() - 0.5 : pick(10);
    if (mode >= 5 && random() < 0.1) held = mode === 5 ? 0 : random() * 3;
    if (mode === 7 && random() < 0.05) held = [Infinity, -5, NaN, -0][pick(4)] as number;
    timeMs[i] = at;
    value[i] = held;
  }
  const rest = { histogramTimeMs: none, histograms: [], histogramStartMs: undefined };
  return { timeMs, value, startMs: undefined, ...rest, paceMs };
}

const together = functions.filter(
  ({ kernel }) => kernel.kind === "range" && kernel.floats !== undefined,
);

test("6,000 random series of all kinds", () => {
  const random = randomOf(12_345);
  const pick = (n: number): number => Math.floor(random() * n);
  const span = { start: 0, end: 0 };
  for (let n = 0; n < 6_000; n++) {
    const series = randomLive(random);
    const { timeMs, value, paceMs } = series;
    const rangeMs = Math.max(1, Math.floor(paceMs * random() * 12));
    const stepMs = [paceMs, paceMs * 2, paceMs * 3, 1 + pick(paceMs * 2), random() * paceMs, 0][
      pick(6)
    ] as number;
    const steps = 1 + pick(40);
    const endMs = START_MS + pick(timeMs.length * paceMs * 0.7) + (random() < 0.1 ? 0.5 : 0);
    const { kernel } = together[pick(together.length)] as (typeof together)[number];
    if (kernel.kind !== "range" || kernel.floats === undefined) throw new Error("has a kernel");
    const kind = new Uint8Array(steps);
    const got = new Float64Array(steps);
    kernel.floats(
      { timeMs, value, falls: undefined, steps, rangeMs, endMs, stepMs },
      { kind, value: got },
    );
    for (let step = 0, end = endMs; step < steps; step++, end += stepMs) {
      const window: RangeWindow = {
        series,
        from: timeMs.findIndex((t) => t > end - rangeMs),
        to: timeMs.filter((t) => t <= end).length,
        histogramFrom: 0,
        histogramTo: 0,
        startMs: end - rangeMs,
        endMs: end,
        rangeMs,
        evalMs: end,
        args: [],
        resets: undefined,
        extended: undefined,
        metric: "m",
        annotate: new Annotations(),
        span,
        argsSpan: span,
      };
      if (window.from < 0 || window.from >= window.to) {
        expect(kind[step]).toBe(0);
        continue;
      }
      const want = kernel.run(window);
      const is = kind[step] === 0 ? undefined : got[step];
      if (!Object.is(is, want)) expect({ n, step, is }).toEqual({ n, step, is: want });
    }
  }
});
