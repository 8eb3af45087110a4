/** Results in the JSON of the Prometheus HTTP API, as small pieces of text. */
import { formatFloat } from "@triptych/lang";
import { type Grid, rowsAtSteps } from "../../query/metrics/grid.ts";
import { CUSTOM_SCHEMA, upperBound } from "../../query/metrics/native-histogram.ts";
import { histogramAt, type Selected, type SelectedSeries } from "../../query/metrics/selector.ts";
import type { HistogramSample, Series } from "../../query/metrics/source.ts";

export const TRUNCATED = "results truncated due to limit";

/** `{"status":"success","data":…}` around the pieces of `data`. */
export function* success(
  data: Iterable<string>,
  warnings: () => readonly string[],
): Generator<string> {
  yield '{"status":"success","data":';
  yield* data;
  const list = warnings();
  yield list.length === 0 ? "}" : `,"warnings":${JSON.stringify(list)}}`;
}

/** Seconds with milliseconds where there are some. */
export function timestamp(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const rest = ms - seconds * 1000;
  return rest === 0 ? String(seconds) : (ms / 1000).toFixed(3);
}

export function point(ms: number, value: number): string {
  return `[${timestamp(ms)},"${formatFloat(value)}"]`;
}

export function labelsJson(series: Series): string {
  const pairs = series.labels.map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  return `{${pairs.join(",")}}`;
}

/** Series beyond `limit` are left out; `cut` is told. */
export interface Limited {
  readonly limit: number;
  readonly cut: () => void;
}

export function* vectorJson(selected: Selected, ms: number, limited: Limited): Generator<string> {
  yield '{"resultType":"vector","result":[';
  const rows = new Int32Array(1);
  const grid: Grid = { startMs: ms, stepMs: 1, count: 1 };
  let written = 0;
  for (const series of selected.series) {
    const sample = instantJson(selected, series, { grid, rows });
    if (sample === undefined) continue;
    if (written === limited.limit) {
      limited.cut();
      break;
    }
    yield `${written++ === 0 ? "" : ","}{"metric":${labelsJson(series)},${sample}}`;
  }
  yield "]}";
}

function instantJson(
  { columns, lookbackMs }: Selected,
  series: SelectedSeries,
  { grid, rows }: { grid: Grid; rows: Int32Array },
): string | undefined {
  if (series.at >= 0) {
    rowsAtSteps(columns, series.at, { grid, lookbackMs, out: rows });
    const row = rows[0] as number;
    return row < 0 ? undefined : `"value":${point(grid.startMs, columns.value[row] as number)}`;
  }
  const found = histogramAt(series.histograms, grid.startMs, lookbackMs);
  return found && `"histogram":[${timestamp(grid.startMs)},${histogramJson(found)}]`;
}

export function* matrixJson(selected: Selected, grid: Grid, limited: Limited): Generator<string> {
  yield '{"resultType":"matrix","result":[';
  const rows = new Int32Array(grid.count);
  const times = Array.from({ length: grid.count }, (_, i) =>
    timestamp(grid.startMs + i * grid.stepMs),
  );
  let written = 0;
  for (const series of selected.series) {
    const points =
      series.at >= 0
        ? floatPoints(selected, series, { grid, rows, times })
        : histogramPoints(selected, series, { grid, times });
    if (points === undefined) continue;
    if (written === limited.limit) {
      limited.cut();
      break;
    }
    yield `${written++ === 0 ? "" : ","}{"metric":${labelsJson(series)},${points}}`;
  }
  yield "]}";
}

function floatPoints(
  { columns, lookbackMs }: Selected,
  series: SelectedSeries,
  { grid, rows, times }: { grid: Grid; rows: Int32Array; times: readonly string[] },
): string | undefined {
  rowsAtSteps(columns, series.at, { grid, lookbackMs, out: rows });
  const out: string[] = [];
  for (let step = 0; step < grid.count; step++) {
    const row = rows[step] as number;
    if (row >= 0) out.push(`[${times[step]},"${formatFloat(columns.value[row] as number)}"]`);
  }
  return out.length === 0 ? undefined : `"values":[${out.join(",")}]`;
}

function histogramPoints(
  { lookbackMs }: Selected,
  series: SelectedSeries,
  { grid, times }: { grid: Grid; times: readonly string[] },
): string | undefined {
  const out: string[] = [];
  for (let step = 0; step < grid.count; step++) {
    const found = histogramAt(series.histograms, grid.startMs + step * grid.stepMs, lookbackMs);
    if (found !== undefined) out.push(`[${times[step]},${histogramJson(found)}]`);
  }
  return out.length === 0 ? undefined : `"histograms":[${out.join(",")}]`;
}

/** How a bucket's bounds count: open on the left, on the right, or closed on both sides. */
const OPEN_LEFT = 0;
const OPEN_RIGHT = 1;
const CLOSED = 3;

export function histogramJson(sample: HistogramSample): string {
  const { schema } = sample;
  const buckets: string[] = [];
  const add = (rule: number, bounds: readonly [number, number], count: number): void => {
    if (count === 0) return;
    const texts = [...bounds, count].map((value) => `"${formatFloat(value)}"`);
    buckets.push(`[${rule},${texts.join(",")}]`);
  };
  for (const [index, count] of [...sample.negative].reverse())
    add(OPEN_RIGHT, [-upperBound(schema, index), -upperBound(schema, index - 1)], count);
  if (schema !== CUSTOM_SCHEMA)
    add(CLOSED, [-sample.zeroThreshold, sample.zeroThreshold], sample.zeroCount);
  const upper = (index: number): number => {
    if (schema !== CUSTOM_SCHEMA) return upperBound(schema, index);
    if (index < 0) return Number.NEGATIVE_INFINITY;
    return sample.customValues[index] ?? Number.POSITIVE_INFINITY;
  };
  for (const [index, count] of sample.positive)
    add(OPEN_LEFT, [upper(index - 1), upper(index)], count);
  const head = `"count":"${formatFloat(sample.count)}","sum":"${formatFloat(sample.sum)}"`;
  return buckets.length === 0 ? `{${head}}` : `{${head},"buckets":[${buckets.join(",")}]}`;
}
