/** How long an operation usually takes, as quantiles and a histogram on a logarithmic scale. */
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import { selectUsualDurations } from "../../store/clickhouse/select/traces-search.ts";

/** Buckets 19 % wide. */
const STEPS_PER_DOUBLING = 4;

export interface Usual {
  readonly spans: number;
  readonly p50Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
  readonly boundsNs: readonly number[];
  readonly counts: readonly number[];
}

export async function usualDurations(
  reader: Reader,
  operation: { readonly service: string; readonly name: string; readonly range: NsRange },
): Promise<Usual> {
  const { buckets, ...totals } = await selectUsualDurations(reader, operation, STEPS_PER_DOUBLING);
  const first = buckets[0]?.exponent ?? 0;
  const last = buckets.at(-1)?.exponent ?? -1;
  const counts = new Array<number>(last - first + 1).fill(0);
  for (const { exponent, count } of buckets) counts[exponent - first] = count;
  const boundsNs = counts.map((_, i) => Math.round(2 ** ((first + i) / STEPS_PER_DOUBLING)));
  return { ...totals, boundsNs, counts };
}
