/**
 * Leaves of queries that the store computes: over long ranges with long steps a grid of values is much less than the
 * samples it is made from. The engine's arithmetic gives the same values as ours, but for the last digits of rates.
 */
import {
  labelsOf,
  type LeafAnswer,
  type LeafFunction,
  type LeafQuestion,
  staleTest,
} from "@triptych/lang";
import { storeMatcher } from "./matchers.ts";
import { byLabels } from "./series-order.ts";
import type { GridColumns } from "./read-grid.ts";
import type { Ask, MetricsSource } from "./source.ts";

/** Samples come about this often; only used to tell whether a grid is less. */
const INTERVAL_MS_GUESS = 15_000;
/** A grid must be so many times less than the samples. */
const SAMPLES_PER_VALUE_MIN = 4;
/** Less is not worth two more questions to the store. */
const STEPS_MIN = 10;

const functions = {
  instant: "last",
  last_over_time: "last",
  rate: "rate",
  increase: "increase",
  delta: "delta",
  irate: "irate",
  idelta: "idelta",
} as const satisfies { [leaf in LeafFunction]: string };

/** Computes steps up to `untilMs` (inclusive); `undefined` when samples are the better way. */
export async function storeLeaf(
  store: MetricsSource,
  question: LeafQuestion,
  { untilMs, ask }: { readonly untilMs: number; readonly ask: Ask },
): Promise<LeafAnswer | undefined> {
  const { leaf, rangeMs, stepMs } = question;
  const endMs = Math.floor(question.endMs);
  const steps = Math.min(question.steps, Math.floor((untilMs - endMs) / stepMs) + 1);
  const isWhole = Number.isInteger(stepMs) && Number.isInteger(rangeMs) && endMs === question.endMs;
  const isLess = stepMs >= INTERVAL_MS_GUESS * SAMPLES_PER_VALUE_MIN;
  if (store.readGrid === undefined || !isWhole || !isLess || steps < STEPS_MIN) return undefined;
  const lastMs = endMs + (steps - 1) * stepMs;
  const days = { fromMs: endMs - rangeMs, toMs: lastMs };
  const series = await store.selectSeries(question.matchers.map(storeMatcher), days, ask);
  const histograms = await store.newestHistograms({ afterMs: endMs - rangeMs, toMs: lastMs }, ask);
  if (series.some(({ id }) => histograms.has(id))) return undefined;
  const grid = { startMs: endMs, stepMs, steps, windowMs: rangeMs, withStale: leaf === "instant" };
  const ids = series.map(({ id }) => id).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const columns = await store.readGrid(functions[leaf], { ids, grid }, ask);
  const byId = new Map(columns.map((one) => [one.id, one]));
  return {
    steps,
    rows: series.sort(byLabels).flatMap(({ id, labels }) => {
      const found = byId.get(id);
      return found === undefined ? [] : [{ labels: labelsOf(labels), ...withoutStale(found) }];
    }),
  };
}

/** A marker of a series' end is no value. */
function withoutStale({ value, has }: GridColumns): { value: Float64Array; has: Uint8Array } {
  const isStale = staleTest(value);
  let kept: Uint8Array | undefined;
  for (let step = 0; step < has.length; step++) {
    if (has[step] === 0 || !isStale(step)) continue;
    kept ??= has.slice();
    kept[step] = 0;
  }
  return { value, has: kept ?? has };
}
