/**
 * The newest sample of each series of a target, as Prometheus' head knows it: what is older, or another value at the
 * same time, is refused. Samples of a scrape are judged by what earlier scrapes handed on, not by each other.
 */
import { SeriesIndex } from "./series-index.ts";

/** The flag of a series whose last sample was a native histogram: so is its staleness marker. */
export const HISTOGRAM = 2;
/** The time of a series of which nothing is handed on. */
export const NEVER = Number.NEGATIVE_INFINITY;
/** A sample is the next of its series, the last one again, or refused. */
export type Verdict = "next" | "same" | "duplicate" | "late";

/** So many series that are gone are remembered beside twice those that are shown. */
const GONE_EXTRA_MAX = 512;

/** What becomes of a sample after the last one of its series, which is entry `entry` of `last`. */
export function verdictOf(
  last: SeriesIndex,
  entry: number,
  sample: {
    readonly timeMs: number;
    readonly value: number;
    readonly isHistogram: boolean;
    readonly outOfOrderMs: number;
  },
): Verdict {
  const { timeMs, value, isHistogram, outOfOrderMs } = sample;
  const lastMs = last.timeMs[entry] as number;
  if (timeMs > lastMs) return "next";
  if (timeMs < lastMs) return lastMs - timeMs <= outOfOrderMs ? "next" : "late";
  const wasHistogram = ((last.flag[entry] as number) & HISTOGRAM) !== 0;
  const isSame = wasHistogram === isHistogram && Object.is(last.value[entry], value);
  return isSame ? "same" : "duplicate";
}

/** Takes over what a scrape handed on. */
export function remember(last: SeriesIndex, scraped: SeriesIndex): void {
  for (let entry = 0; entry < scraped.size; entry++) {
    const timeMs = scraped.timeMs[entry] as number;
    if (timeMs === NEVER) continue;
    let at = last.twinNear(scraped, entry);
    if (at < 0) at = last.take(scraped, entry);
    else if ((last.timeMs[at] as number) > timeMs) continue;
    last.timeMs[at] = timeMs;
    last.value[at] = scraped.value[entry] as number;
    last.flag[at] = (scraped.flag[entry] as number) & HISTOGRAM;
  }
}

/** Without series that are gone when they have become many. */
export function bounded(last: SeriesIndex, scraped: SeriesIndex): SeriesIndex {
  if (last.size <= scraped.size * 2 + GONE_EXTRA_MAX) return last;
  const kept = new SeriesIndex(scraped.size);
  for (let entry = 0; entry < scraped.size; entry++) {
    const at = last.twinNear(scraped, entry);
    if (at >= 0) kept.take(last, at);
  }
  return kept;
}
