/** Small facts about series that several readers share: their order, and no samples at all. */
import type { LabelPair } from "@triptych/lang";
import type { SampleColumns, Series } from "./source.ts";

export const noSamples = (): SampleColumns => ({
  ids: [],
  offsets: new Uint32Array(1),
  timeMs: new Float64Array(0),
  value: new Float64Array(0),
});

/** Orders series by their labels, name and value in turn. */
export function byLabels(a: Series, b: Series): number {
  return byLabelPairs(a.labels, b.labels);
}

/** The same for labels alone; both sorted by name. */
export function byLabelPairs(a: readonly LabelPair[], b: readonly LabelPair[]): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const left = a[i] as LabelPair;
    const right = b[i] as LabelPair;
    // Series of one index share their pairs.
    if (left === right) continue;
    if (left[0] !== right[0]) return left[0] < right[0] ? -1 : 1;
    if (left[1] !== right[1]) return left[1] < right[1] ? -1 : 1;
  }
  return a.length - b.length;
}
