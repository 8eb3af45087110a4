/**
 * OpenMetrics tells when a counter, histogram or summary began in a series of its own, `…_created`. This takes those
 * series out of a batch and gives their time to the samples they speak of, as their start.
 * Source: OpenMetrics 1.0, "Counter", "Histogram" and "Summary".
 */
import type { MetricType, SampleBatch } from "@triptych/model";

const CREATED = "_created";
const endings: { readonly [type in MetricType]?: readonly string[] } = {
  counter: ["_total"],
  histogram: ["_bucket", "_count", "_sum"],
  summary: ["_count", "_sum", ""],
};

/** Changes the batch in place; all types of its families must be in its metadata. */
export function createdToStarts(batch: SampleBatch): void {
  const { samples, series, metadata } = batch;
  const types = new Map(metadata.map(({ family, type }) => [family, type]));
  const nameOf = (row: number): string => series.label(samples.series[row] as number, "__name__");
  const isCreated = (row: number): boolean => {
    const name = nameOf(row);
    if (!name.endsWith(CREATED) || types.has(name)) return false;
    return endings[types.get(name.slice(0, -CREATED.length)) ?? "unknown"] !== undefined;
  };
  const startMs = new Map<string, number>();
  const kept: number[] = [];
  for (let row = 0; row < samples.rows; row++) {
    if (!isCreated(row)) kept.push(row);
    else {
      const family = nameOf(row).slice(0, -CREATED.length);
      const ms = (samples.value[row] as number) * 1000;
      if (ms > 0) startMs.set(keyOf(batch, row, family), Math.round(ms));
    }
  }
  if (kept.length === samples.rows) return;
  for (const row of kept) {
    const family = familyOf(nameOf(row), types);
    const start = family === undefined ? undefined : startMs.get(keyOf(batch, row, family));
    if (start !== undefined) samples.startMs[row] = start;
  }
  keep(batch, kept);
}

function familyOf(name: string, types: ReadonlyMap<string, MetricType>): string | undefined {
  for (const ending of ["_total", "_bucket", "_count", "_sum", ""]) {
    if (!name.endsWith(ending)) continue;
    const family = ending === "" ? name : name.slice(0, -ending.length);
    if (endings[types.get(family) ?? "unknown"]?.includes(ending) === true) return family;
  }
  return undefined;
}

/** The family and the labels that all its series share. */
function keyOf({ samples, series }: SampleBatch, row: number, family: string): string {
  const own = series
    .labels(samples.series[row] as number)
    .filter(([name]) => name !== "__name__" && name !== "le" && name !== "quantile");
  return JSON.stringify([family, own]);
}

/** Values are moved as words: a NaN keeps its bits. */
function keep({ samples }: SampleBatch, rows: readonly number[]): void {
  const words = new Uint32Array(samples.value.buffer, samples.value.byteOffset, samples.rows * 2);
  for (const [to, row] of rows.entries()) {
    samples.series[to] = samples.series[row] as number;
    samples.timeMs[to] = samples.timeMs[row] as number;
    samples.startMs[to] = samples.startMs[row] as number;
    words.copyWithin(to * 2, row * 2, row * 2 + 2);
  }
  samples.rows = rows.length;
}
