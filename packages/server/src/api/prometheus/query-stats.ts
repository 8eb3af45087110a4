/** What `stats=true` and `stats=all` tell of a query: how long it took, and how many samples it evaluated and read. */
import type { PromqlResult } from "@triptych/lang";

export function statsWarning(stats: string): string[] {
  if (stats === "" || stats === "true" || stats === "all") return [];
  return [
    `value ${JSON.stringify(stats.slice(0, 80))} for parameter "stats" is deprecated and will be rejected in the next major release, use "true" or "all"`,
  ];
}

/** Statistics per step belong to a feature that is off in Prometheus, too, unless it is asked for at start. */
export function statsJson(
  { samplesRead, evaluated }: Pick<PromqlResult, "samplesRead" | "evaluated">,
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
    samples: {
      totalQueryableSamples: evaluated?.total ?? samplesRead,
      samplesRead: evaluated?.read ?? samplesRead,
      peakSamples: evaluated?.peak ?? samplesRead,
    },
  });
}
