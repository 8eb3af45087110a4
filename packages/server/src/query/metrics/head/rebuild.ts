/**
 * Fills the head after a start with what an earlier process left in the store, beside what comes in meanwhile. Until it
 * is done the head answers only for what this process took.
 */
import type { Clock } from "@triptych/model";
import { floatsById, noFloats } from "../read-series.ts";
import type { MetricsSource, SampleRange, Series } from "../source.ts";
import type { Head } from "./head.ts";

export interface RebuildDeps {
  readonly head: Head;
  /** The store alone, without the head before it. */
  readonly store: MetricsSource;
  readonly clock: Clock;
  readonly windowMs: number;
  /** Resolves when all that the last process acknowledged is in the store. */
  readonly drained: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** So many series are read at once. */
const SERIES_PER_READ = 2_000;
/** The pieces of time that are tried, newest first: what there is room for is kept. */
const PIECES = 4;

/**
 * Resolves with the time after which the head is complete. Rejects when the store does; the head then stays as complete
 * as it was.
 */
export async function rebuildHead(deps: RebuildDeps): Promise<number> {
  const { head, store, clock, windowMs, signal } = deps;
  const startMs = head.completeAfterMs;
  await deps.drained();
  const fromMs = Math.max(startMs - windowMs, 0);
  const series = await store.selectSeries([], { fromMs, toMs: startMs }, { signal });
  const ask = { signal };
  const histograms = await store.newestHistograms({ afterMs: fromMs, toMs: startMs }, ask);
  let afterMs = startMs;
  // Newer pieces first: chunks are put before those that are there.
  for (let piece = 1; piece <= PIECES && !signal.aborted; piece++) {
    const range = {
      afterMs: Math.floor(startMs - (windowMs * piece) / PIECES),
      toMs: Math.floor(startMs - (windowMs * (piece - 1)) / PIECES),
    };
    if (!(await putPiece(deps, { series, histograms, range }))) break;
    afterMs = range.afterMs;
  }
  head.restore.done(afterMs);
  head.trim(clock.nowMs());
  return head.completeAfterMs;
}

/** False when there is no room for it: then the piece counts as not put. */
async function putPiece(
  { head, store, clock, signal }: RebuildDeps,
  {
    series,
    histograms,
    range,
  }: {
    readonly series: readonly Series[];
    readonly histograms: ReadonlyMap<bigint, number>;
    readonly range: SampleRange;
  },
): Promise<boolean> {
  for (let at = 0; at < series.length; at += SERIES_PER_READ) {
    const some = series.slice(at, at + SERIES_PER_READ);
    const ids = some.map((one) => one.id);
    const floats = floatsById(await store.readSamples(ids, range, { signal }));
    for (const one of some) {
      const found = floats.get(one.id);
      const lastHistogramMs = histograms.get(one.id) ?? Number.NEGATIVE_INFINITY;
      if (found === undefined && lastHistogramMs <= range.afterMs) continue;
      const samples = { floats: found ?? noFloats, lastHistogramMs };
      if (!head.restore.put(one, samples, clock.nowMs())) return false;
    }
  }
  return true;
}
