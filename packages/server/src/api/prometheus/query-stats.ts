/** What `stats=true` and `stats=all` tell of a query: how long it took and how many samples it read. */
import type { MetricsSource } from "../../query/metrics/source.ts";

export interface QueryCount {
  samples: number;
}

/** A native histogram counts as many samples as it is large; this is a usual one. */
const SAMPLES_PER_HISTOGRAM = 20;

/** The same source, which counts what is read from it. */
export function countingSource(source: MetricsSource, count: QueryCount): MetricsSource {
  return {
    ...source,
    async readSamples(...what) {
      const columns = await source.readSamples(...what);
      count.samples += columns.offsets[columns.ids.length] ?? 0;
      return columns;
    },
    async readHistograms(...what) {
      const found = await source.readHistograms(...what);
      count.samples += found.length * SAMPLES_PER_HISTOGRAM;
      return found;
    },
  };
}

export function statsWarning(stats: string): string[] {
  if (stats === "" || stats === "true" || stats === "all") return [];
  return [
    `value ${JSON.stringify(stats.slice(0, 80))} for parameter "stats" is deprecated and will be rejected in the next major release, use "true" or "all"`,
  ];
}

/** Statistics per step belong to a feature that is off in Prometheus, too, unless it is asked for at start. */
export function statsJson(
  { samples }: QueryCount,
  times: { readonly cameMs: number; readonly startedMs: number; readonly endedMs: number },
): string {
  const queued = (times.startedMs - times.cameMs) / 1000;
  const ran = (times.endedMs - times.startedMs) / 1000;
  return JSON.stringify({
    timings: {
      evalTotalTime: ran,
      resultSortTime: 0,
      queryPreparationTime: 0,
      innerEvalTime: ran,
      execQueueTime: queued,
      execTotalTime: queued + ran,
    },
    samples: { totalQueryableSamples: samples, samplesRead: samples, peakSamples: samples },
  });
}
