/** Searching traces: finds ids, counts them, and summarises those that are listed. */
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import type { SpanFilter } from "../../store/clickhouse/select/traces-filter.ts";
import {
  type SpanTimes,
  selectNewestTraceIds,
  selectSlowestTraceIds,
  selectSpanTimes,
  selectTraceCount,
  selectTraceTotals,
  TRACES_COUNTED_EXACTLY,
  type TraceTotals,
} from "../../store/clickhouse/select/traces-search.ts";
import { createPacing } from "../pacing.ts";
import { type SelfTime, selfTimes } from "./self-time.ts";

/** Traces with more spans than this are listed without the time per service. */
const SELF_TIME_SPANS_PER_TRACE_MAX = 5_000;
/** Reading more than this at once would hold up other requests. */
const SELF_TIME_SPANS_MAX = 20_000;
const SERVICES_PER_TRACE_MAX = 8;

export interface FoundTrace extends TraceTotals {
  readonly selfTime: readonly SelfTime[];
}
export interface FoundTraces {
  readonly traces: readonly FoundTrace[];
  readonly total: number;
  readonly marks: readonly string[];
}

export async function searchTraces(
  reader: Reader,
  filter: SpanFilter,
  options: { readonly sort: "time" | "duration"; readonly limit: number },
): Promise<FoundTraces> {
  const find = options.sort === "time" ? selectNewestTraceIds : selectSlowestTraceIds;
  const [ids, count] = await Promise.all([
    find(reader, filter, options.limit),
    selectTraceCount(reader, filter),
  ]);
  if (ids.length === 0) return { traces: [], total: 0, marks: [] };
  const totals = await selectTraceTotals(reader, ids);
  const listed = withinBounds(totals);
  const times = await selectSpanTimes(reader, [...listed], {
    perTraceMax: SELF_TIME_SPANS_PER_TRACE_MAX,
    spansMax: SELF_TIME_SPANS_MAX,
  });
  const byTrace = grouped(times);
  const pacing = createPacing();
  const traces: FoundTrace[] = [];
  for (const total of totals) {
    const selfTime = selfTimes(byTrace.get(total.traceId) ?? [], SERVICES_PER_TRACE_MAX);
    traces.push({ ...total, selfTime });
    await pacing.pause();
  }
  traces.sort((a, b) => compare(b.startNs, a.startNs));
  if (options.sort === "duration") traces.sort((a, b) => b.durationNs - a.durationNs);
  // The count ran beside the search, so spans that arrived between the two can only make it smaller than what is listed.
  return {
    traces,
    total: Math.max(count, traces.length),
    marks: [
      ...(count > TRACES_COUNTED_EXACTLY ? ["The number of traces is an estimate."] : []),
      ...(listed.size < totals.length
        ? [
            `The time per service is left out for ${totals.length - listed.size} traces with very many spans.`,
          ]
        : []),
    ],
  };
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The traces whose spans are few enough, in list order until all together are too many. */
function withinBounds(totals: readonly TraceTotals[]): Set<string> {
  const listed = new Set<string>();
  let spans = 0;
  for (const total of totals) {
    if (total.spans > SELF_TIME_SPANS_PER_TRACE_MAX) continue;
    if (spans + total.spans > SELF_TIME_SPANS_MAX) continue;
    spans += total.spans;
    listed.add(total.traceId);
  }
  return listed;
}

export function grouped(spans: readonly SpanTimes[]): Map<string, SpanTimes[]> {
  const byTrace = new Map<string, SpanTimes[]>();
  for (const span of spans) {
    const list = byTrace.get(span.traceId);
    if (list === undefined) byTrace.set(span.traceId, [span]);
    else list.push(span);
  }
  return byTrace;
}
