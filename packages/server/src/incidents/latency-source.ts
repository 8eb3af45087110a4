/** What the incident watch asks the store, bounded in time and rows. */
import type { Engine } from "../store/clickhouse/engine.ts";
import { createReader } from "../store/clickhouse/select/reader.ts";
import {
  type ServiceLatency,
  type SlowRequest,
  selectServiceLatencies,
  selectSlowRequests,
} from "../store/clickhouse/select/services.ts";
import type { NsRange } from "../store/clickhouse/select/traces-filter.ts";
import { type SpanTimes, selectSpanTimes } from "../store/clickhouse/select/traces-search.ts";

export interface LatencySource {
  /** Per service, the requests that ended in the window. */
  latencies(window: NsRange, slowNs: bigint): Promise<readonly ServiceLatency[]>;
  /** The slow ones among them, worst first. */
  slowRequests(query: {
    readonly window: NsRange;
    readonly services: readonly string[];
    readonly aboveNs: bigint;
  }): Promise<readonly SlowRequest[]>;
  spans(traceIds: readonly string[]): Promise<readonly SpanTimes[]>;
}

const SLOW_REQUESTS_PER_SERVICE = 100;
const SPANS_PER_TRACE_MAX = 2_000;
const SPANS_MAX = 50_000;
/** A step that takes longer has lost its point: the next one is due. */
const QUERY_MS_MAX = 10_000;

export function latencySource(engine: Engine): LatencySource {
  const reader = () => createReader(engine, { timeoutMs: QUERY_MS_MAX });
  return {
    latencies: (window, slowNs) => selectServiceLatencies(reader(), window, slowNs),
    slowRequests: (query) =>
      selectSlowRequests(reader(), { ...query, perService: SLOW_REQUESTS_PER_SERVICE }),
    spans: (traceIds) =>
      selectSpanTimes(reader(), traceIds, {
        perTraceMax: SPANS_PER_TRACE_MAX,
        spansMax: SPANS_MAX,
      }),
  };
}
