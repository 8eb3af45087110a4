/** Per-second rates of counters with resets, extrapolated to the window as Prometheus' `rate` does. */
import type { Grid } from "./grid.ts";

export interface LiveSeries {
  /** Ascending. */
  readonly timeMs: Float64Array;
  readonly value: Float64Array;
}

/** Writes the rate at each step over the window before it into `out`, NaN where fewer than two samples are in it. */
export function ratesAtSteps(
  { timeMs, value }: LiveSeries,
  windowMs: number,
  { grid, out }: { readonly grid: Grid; readonly out: Float64Array },
): void {
  const lost = resets(value);
  let low = 0;
  let next = 0;
  for (let step = 0; step < grid.count; step++) {
    const t = grid.startMs + step * grid.stepMs;
    while (next < timeMs.length && (timeMs[next] as number) <= t) next++;
    while (low < next && (timeMs[low] as number) <= t - windowMs) low++;
    const high = next - 1;
    if (high - low < 1) {
      out[step] = Number.NaN;
      continue;
    }
    const first = value[low] as number;
    const grown = (value[high] as number) - first + (lost[high] as number) - (lost[low] as number);
    const edges = {
      firstMs: timeMs[low] as number,
      lastMs: timeMs[high] as number,
      gaps: high - low,
      first,
      grown,
    };
    out[step] = (grown * stretch(edges, t - windowMs, t) * 1000) / windowMs;
  }
}

/** Sum of the values before each fall, up to each row: what resets took away. */
function resets(value: Float64Array): Float64Array {
  const lost = new Float64Array(value.length);
  for (let i = 1; i < value.length; i++) {
    const before = value[i - 1] as number;
    lost[i] = (lost[i - 1] as number) + ((value[i] as number) < before ? before : 0);
  }
  return lost;
}

/**
 * By how much an increase between samples grows when stretched to the window's ends: to the end when a sample is
 * near it, else by half a sample distance, and never to where the counter would have been below zero.
 */
function stretch(
  edges: { firstMs: number; lastMs: number; gaps: number; first: number; grown: number },
  startMs: number,
  endMs: number,
): number {
  const sampled = edges.lastMs - edges.firstMs;
  const average = sampled / edges.gaps;
  const near = average * 1.1;
  let toStart = edges.firstMs - startMs;
  let toEnd = endMs - edges.lastMs;
  if (toStart >= near) toStart = average / 2;
  if (edges.grown > 0 && edges.first >= 0)
    toStart = Math.min(toStart, sampled * (edges.first / edges.grown));
  if (toEnd >= near) toEnd = average / 2;
  return (sampled + toStart + toEnd) / sampled;
}
