/** Rows made from nothing, and from other rows value by value. */
import type { FunctionKernel } from "./functions/spec.ts";
import { multiply } from "./histogram.ts";
import { noLabels } from "./labels.ts";
import { FLOAT, HISTOGRAM, newRow, NONE, type Row } from "./rows.ts";
import type { Grid } from "./series.ts";

export function filledRow(value: number, steps: number): Row {
  const row = newRow(noLabels, false, steps);
  row.kind.fill(FLOAT);
  row.value.fill(value);
  return row;
}

export function timeRow(grid: Grid): Row {
  const row = filledRow(0, grid.count);
  for (let step = 0; step < grid.count; step++)
    row.value[step] = Math.trunc((grid.startMs + step * grid.stepMs) / 1000);
  return row;
}

export function repeated(row: Row, steps: number): Row {
  const histogram = row.histograms?.[0];
  return {
    ...row,
    kind: new Uint8Array(steps).fill(row.kind[0] as number),
    value: new Float64Array(steps).fill(row.value[0] as number),
    histograms:
      histogram === undefined ? undefined : Array.from({ length: steps }, () => histogram),
  };
}

export function negated(row: Row): Row {
  return {
    ...row,
    dropName: true,
    value: row.value.map((value) => -value),
    histograms: row.histograms?.map((histogram) => histogram && multiply(histogram, -1)),
  };
}

/** Each float through `run`; histograms are left out. */
export function mapped(row: Row, run: (value: number) => number): Row | undefined {
  const { kind, value } = row;
  const out = newRow(row.labels, true, kind.length);
  let any = false;
  for (let step = 0; step < kind.length; step++) {
    if (kind[step] !== FLOAT) continue;
    any = true;
    out.kind[step] = FLOAT;
    out.value[step] = run(value[step] as number);
  }
  return any ? out : undefined;
}

export function histogramValues(
  row: Row,
  run: Extract<FunctionKernel, { kind: "histogram" }>["run"],
): Row | undefined {
  if (row.histograms === undefined) return undefined;
  const out = newRow(row.labels, true, row.kind.length);
  for (let step = 0; step < row.kind.length; step++) {
    const histogram = row.kind[step] === HISTOGRAM ? row.histograms[step] : undefined;
    if (histogram === undefined) continue;
    out.kind[step] = FLOAT;
    out.value[step] = run(histogram);
  }
  return out.kind.some((kind) => kind !== NONE) ? out : undefined;
}
