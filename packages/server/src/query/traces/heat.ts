/** The heat map of a search: how many traces started when and took how long. */
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import type { SpanFilter } from "../../store/clickhouse/select/traces-filter.ts";
import { selectTraceHeat } from "../../store/clickhouse/select/traces-search.ts";

export interface Heat {
  readonly stepMs: number;
  readonly boundsNs: readonly number[];
  readonly cells: readonly (readonly (readonly [row: number, count: number, errors: number])[])[];
}

/** 0, then 1, 2, 5 to each power of ten from 10 µs to 50 s, then 100 s and beyond. */
const allBoundsNs: readonly number[] = [
  0,
  ...[4, 5, 6, 7, 8, 9, 10].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power)),
  1e11,
];

export async function traceHeat(
  reader: Reader,
  filter: SpanFilter,
  columns: number,
): Promise<Heat> {
  const spanMs = Number((filter.range.toNs - filter.range.fromNs) / 1_000_000n);
  const stepMs = Math.max(1, Math.ceil(spanMs / columns));
  const found = await selectTraceHeat(reader, filter, {
    stepNs: BigInt(stepMs) * 1_000_000n,
    boundsNs: allBoundsNs,
  });
  let first = allBoundsNs.length;
  let last = 0;
  for (const { row } of found) {
    first = Math.min(first, row);
    last = Math.max(last, row);
  }
  const cells: [number, number, number][][] = Array.from(
    { length: Math.max(1, Math.ceil(spanMs / stepMs)) },
    () => [],
  );
  for (const { column, row, count, errors } of found)
    cells[column]?.push([row - first, count, errors]);
  return { stepMs, boundsNs: allBoundsNs.slice(first, last + 1), cells };
}
