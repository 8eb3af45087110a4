/** The smallest or largest float of a range. */
import type { RangeWindow } from "../../window.ts";

/** The index of the sample that `better` prefers; NaN gives way to any number. */
export function best(w: RangeWindow, better: (current: number, best: number) => boolean): number {
  const { value } = w.series;
  let found = w.from;
  for (let i = w.from; i < w.to; i++) {
    const held = value[found] as number;
    if (better(value[i] as number, held) || Number.isNaN(held)) found = i;
  }
  return found;
}

export const valueAt = (w: RangeWindow, row: number): number => w.series.value[row] as number;

/** In seconds. */
export const timeOf = (w: RangeWindow, row: number): number =>
  (w.series.timeMs[row] as number) / 1000;
