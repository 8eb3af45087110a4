/** Rate, errors and durations of services or their operations as series over steps. */
import type { RedSeries } from "@triptych/contract";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import { type RedQuery, type RedRow, selectRed } from "../../store/clickhouse/select/red.ts";

const NS_PER_SECOND = 1e9;

/** The busiest first. Steps without requests have a rate of 0 and no durations. */
export async function readRed(reader: Reader, query: RedQuery): Promise<RedSeries[]> {
  const { fromNs, toNs } = query.range;
  const steps = Number((toNs - fromNs + query.stepNs - 1n) / query.stepNs);
  const bySeries = new Map<string, RedRow[]>();
  for (const row of await selectRed(reader, query)) {
    const key = JSON.stringify([row.service, row.operation]);
    const rows = bySeries.get(key);
    if (rows === undefined) bySeries.set(key, [row]);
    else rows.push(row);
  }
  const stepSeconds = Number(query.stepNs) / NS_PER_SECOND;
  const series = [...bySeries.values()].map((rows) => seriesOf(rows, { steps, stepSeconds }));
  return series.sort((a, b) => b.requests - a.requests || (a.service < b.service ? -1 : 1));
}

function seriesOf(
  rows: readonly RedRow[],
  { steps, stepSeconds }: { readonly steps: number; readonly stepSeconds: number },
): RedSeries {
  const rate = new Array<number>(steps).fill(0);
  const empty = (): (number | null)[] => new Array<number | null>(steps).fill(null);
  const errorRatio = empty();
  const quantiles = [empty(), empty(), empty()] as const;
  let requests = 0;
  let errors = 0;
  for (const row of rows) {
    requests += row.requests;
    errors += row.errors;
    rate[row.step] = row.requests / stepSeconds;
    errorRatio[row.step] = row.errors / row.requests;
    quantiles.forEach((of, i) => {
      of[row.step] = Math.round(row.durationsNs[i] ?? 0);
    });
  }
  const [one] = rows;
  const [p50Ns, p95Ns, p99Ns] = quantiles;
  return {
    service: one?.service ?? "",
    operation: one?.operation ?? "",
    requests,
    errors,
    rate,
    errorRatio,
    p50Ns,
    p95Ns,
    p99Ns,
  };
}
