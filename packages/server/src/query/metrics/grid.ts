/** Steps of a query in time, and which sample each step sees. Kernels over typed arrays; the caller owns all arrays. */
import { STALE_NAN_WORDS } from "@triptych/model";
import type { SampleColumns } from "./source.ts";

/** Instants `startMs + i * stepMs` for `i` below `count`. */
export interface Grid {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

export function gridOf(startMs: number, endMs: number, stepMs: number): Grid {
  return { startMs, stepMs, count: Math.floor((endMs - startMs) / stepMs) + 1 };
}

/** How far back an instant looks for its sample, as in Prometheus; the window is open on the left. */
export const LOOKBACK_MS = 300_000;

/** Tells of a row of `values` whether it says that the series ended there. */
export function staleTest(values: Float64Array): (row: number) => boolean {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  return (row) =>
    words[row * 2] === STALE_NAN_WORDS.low && words[row * 2 + 1] === STALE_NAN_WORDS.high;
}

/** Writes the row each step of `grid` sees of series `at` into `out` (one longer or more), -1 for none. */
export function rowsAtSteps(
  columns: SampleColumns,
  at: number,
  options: { readonly grid: Grid; readonly lookbackMs: number; readonly out: Int32Array },
): void {
  const { grid, lookbackMs, out } = options;
  const { timeMs, offsets } = columns;
  const isStale = staleTest(columns.value);
  const start = offsets[at] as number;
  const end = offsets[at + 1] as number;
  let next = start;
  for (let step = 0; step < grid.count; step++) {
    const t = grid.startMs + step * grid.stepMs;
    while (next < end && (timeMs[next] as number) <= t) next++;
    const row = next - 1;
    const seen = row >= start && (timeMs[row] as number) > t - lookbackMs && !isStale(row);
    out[step] = seen ? row : -1;
  }
}

/** Times and values of one series without staleness markers; views where there are none. */
export function liveSamples(
  columns: SampleColumns,
  at: number,
): { timeMs: Float64Array; value: Float64Array } {
  const start = columns.offsets[at] as number;
  const end = columns.offsets[at + 1] as number;
  const isStale = staleTest(columns.value);
  const rows: number[] = [];
  for (let row = start; row < end; row++) if (!isStale(row)) rows.push(row);
  if (rows.length === end - start)
    return {
      timeMs: columns.timeMs.subarray(start, end),
      value: columns.value.subarray(start, end),
    };
  return {
    timeMs: Float64Array.from(rows, (row) => columns.timeMs[row] as number),
    value: Float64Array.from(rows, (row) => columns.value[row] as number),
  };
}
