/** `irate` and `idelta` of one window: how the last of its samples differs from the one before. */
import { messages } from "../../annotations.ts";
import { compact, divide, type Histogram, subtract, wasReset } from "../../histogram.ts";
import { told } from "../../interpolate.ts";
import type { RangeWindow } from "../../window.ts";
import { startTellsReset } from "./start-times.ts";

interface Last {
  readonly timeMs: number;
  readonly startMs: number;
  readonly value: number | Histogram;
}

/** The last two samples, whatever they are. */
function lastTwo(w: RangeWindow): readonly [Last, Last] | undefined {
  const { series } = w;
  const all: Last[] = [];
  for (let i = Math.max(w.from, w.to - 2); i < w.to; i++)
    all.push({
      timeMs: series.timeMs[i] as number,
      startMs: series.startMs?.[i] ?? 0,
      value: series.value[i] as number,
    });
  for (let i = Math.max(w.histogramFrom, w.histogramTo - 2); i < w.histogramTo; i++)
    all.push({
      timeMs: series.histogramTimeMs[i] as number,
      startMs: series.histogramStartMs?.[i] ?? 0,
      value: series.histograms[i] as Histogram,
    });
  const [first, second] = all.sort((a, b) => a.timeMs - b.timeMs).slice(-2);
  return first === undefined || second === undefined ? undefined : [first, second];
}

/** `irate` when it is a rate, else `idelta`. */
export function changeOfLastTwo(w: RangeWindow, isRate: boolean): number | Histogram | undefined {
  const two = lastTwo(w);
  if (two === undefined) return undefined;
  const [first, second] = two;
  const intervalMs = second.timeMs - first.timeMs;
  if (intervalMs === 0) return undefined;
  const { annotate, metric, argsSpan: span } = w;
  const byStart = startTellsReset(first, second);
  const a = first.value;
  const b = second.value;
  if (typeof a === "number" && typeof b === "number") {
    const change = isRate && (b < a || byStart) ? b : b - a;
    return isRate ? change / (intervalMs / 1000) : change;
  }
  if (typeof a === "number" || typeof b === "number") {
    annotate.warning(messages.mixedFloatsHistograms(metric), span);
    return undefined;
  }
  if (isRate && (a.hint === "gauge" || b.hint === "gauge"))
    annotate.warning(messages.notCounter(metric), span);
  if (!isRate && (a.hint !== "gauge" || b.hint !== "gauge"))
    annotate.warning(messages.notGauge(metric), span);
  let change: Histogram | undefined = b;
  if (!isRate || (!byStart && !wasReset(b, a)))
    change = told(subtract(b, a), "subtraction", { annotate, metric, span });
  if (change === undefined) return undefined;
  const done = compact({ ...change, hint: "gauge" });
  return isRate ? divide(done, intervalMs / 1000) : done;
}
