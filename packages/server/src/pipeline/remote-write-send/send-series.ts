/**
 * Series of a batch as they are sent: external labels added, relabelled, sorted. Series come again with each batch, so
 * what became of them is remembered, within a bound.
 */
import type { MetricMetadata, SampleBatch } from "@triptych/model";
import type { WriteMetadata } from "@triptych/wire";
import type { SendSeries } from "./shard-queue.ts";

/** Changes the labels and tells whether the series is kept. */
export type RelabelSeries = (labels: Map<string, string>) => boolean;

export interface SeriesResolver {
  /** `null`: relabelling dropped the series. */
  resolve(batch: SampleBatch, row: number): SendSeries | null;
  learn(metadata: readonly MetricMetadata[]): void;
  /** All that is known of families. */
  metadata(): WriteMetadata[];
}

/** A series takes about 500 bytes here. */
const SERIES_KEPT_MAX = 200_000;
const FAMILIES_MAX = 50_000;
const ENDINGS = ["_bucket", "_sum", "_count", "_total", "_created", "_gsum", "_gcount", "_info"];

export function createSeriesResolver(options: {
  readonly relabel: RelabelSeries;
  readonly externalLabels: readonly (readonly [name: string, value: string])[];
  /** Series carry what is known of their family. */
  readonly withMetadata: boolean;
}): SeriesResolver {
  const families = new Map<string, WriteMetadata>();
  const known = new Map<string, SendSeries | null>();
  const familyOf = (name: string): WriteMetadata | undefined => {
    const own = families.get(name);
    if (own !== undefined) return own;
    const ending = ENDINGS.find((candidate) => name.endsWith(candidate));
    return ending === undefined ? undefined : families.get(name.slice(0, -ending.length));
  };
  const build = (batch: SampleBatch, row: number): SendSeries | null => {
    const labels = new Map(batch.series.labels(row));
    for (const [name, value] of options.externalLabels)
      if (!labels.has(name)) labels.set(name, value);
    if (!options.relabel(labels)) return null;
    const sorted = [...labels]
      .filter(([, value]) => value !== "")
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (sorted.length === 0) return null;
    const metadata = options.withMetadata ? familyOf(labels.get("__name__") ?? "") : undefined;
    return { hash: batch.series.hashLow[row] as number, labels: sorted, metadata };
  };
  return {
    resolve(batch, row) {
      const { hashLow, hashHigh } = batch.series;
      const key = `${hashHigh[row]}:${hashLow[row]}`;
      const found = known.get(key);
      if (found !== undefined) return found;
      const series = build(batch, row);
      if (known.size >= SERIES_KEPT_MAX) known.clear();
      known.set(key, series);
      return series;
    },
    learn(metadata) {
      let changed = false;
      for (const entry of metadata) {
        const before = families.get(entry.family);
        const same =
          before?.type === entry.type && before.help === entry.help && before.unit === entry.unit;
        if (same || (before === undefined && families.size >= FAMILIES_MAX)) continue;
        families.set(entry.family, entry);
        changed = true;
      }
      // Series are remembered with the metadata that was known when they came first.
      if (changed && options.withMetadata) known.clear();
    },
    metadata: () => [...families.values()],
  };
}
