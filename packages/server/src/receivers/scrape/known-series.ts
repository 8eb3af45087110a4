/** Which series of a target are not new to us: what `scrape_series_added` counts by. */
import { SeriesIndex } from "./series-index.ts";

/** The flag of a series that is not new. */
export const KNOWN = 1;
const isKnown = ({ flag }: SeriesIndex, entry: number): boolean =>
  ((flag[entry] as number) & KNOWN) !== 0;
/** As Prometheus: so many more than double may be known after failures. */
const KNOWN_EXTRA_MAX = 1000;

/** Those of a scrape that went well whose series are not new any more. */
export function onlyKnown(seen: SeriesIndex): SeriesIndex {
  if (seen.flag.subarray(0, seen.size).every((flag) => (flag & KNOWN) !== 0)) return seen;
  const known = new SeriesIndex(seen.size);
  for (let entry = 0; entry < seen.size; entry++) if (isKnown(seen, entry)) known.take(seen, entry);
  return known;
}

/** After a scrape that failed: what it added is known, and nothing of it was stored. */
export function withNew(before: SeriesIndex, seen: SeriesIndex): SeriesIndex {
  const known = new SeriesIndex(before.size + seen.size);
  for (let entry = 0; entry < before.size; entry++) known.take(before, entry);
  // Series that differ from failure to failure must not pile up.
  const isFull = before.size > seen.size * 2 + KNOWN_EXTRA_MAX;
  for (let entry = 0; entry < seen.size && !isFull; entry++) {
    if (!isKnown(seen, entry) || known.twin(seen, entry) >= 0) continue;
    known.take(seen, entry);
  }
  return known;
}
