/** Small facts about series that several readers share: their order, and no samples at all. */
import type { SampleColumns, Series } from "./source.ts";

export const noSamples = (): SampleColumns => ({
  ids: [],
  offsets: new Uint32Array(1),
  timeMs: new Float64Array(0),
  value: new Float64Array(0),
});

/** Orders series by their labels, name and value in turn. */
export function byLabels(a: Series, b: Series): number {
  const shorter = Math.min(a.labels.length, b.labels.length);
  for (let i = 0; i < shorter; i++) {
    const [nameA, valueA] = a.labels[i] as readonly [string, string];
    const [nameB, valueB] = b.labels[i] as readonly [string, string];
    if (nameA !== nameB) return nameA < nameB ? -1 : 1;
    if (valueA !== valueB) return valueA < valueB ? -1 : 1;
  }
  return a.labels.length - b.labels.length;
}
