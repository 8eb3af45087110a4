/**
 * What is derived from spans that became durable: span metrics and the service graph. Their samples take the way of
 * all others. Counting is quick and begins at once; a large batch is counted in pieces, between which others run.
 */
import { asTriptychError, type Clock, type SpanBatch, type TriptychError } from "@triptych/model";
import type { DeriveConfig } from "../config/derive-schema.ts";
import type { IngestNext } from "../receivers/next.ts";
import { letOthersRun } from "../self/event-loop.ts";
import type { Metrics } from "../self/metrics.ts";
import type { DerivedSeries } from "./derived-series/derived-series.ts";
import { createEmitLoop, type EmitLoop } from "./derived-series/emit-loop.ts";
import { createServiceGraph, type ServiceGraph } from "./service-graph/service-graph.ts";
import { createSpanMetrics, type SpanMetrics } from "./span-metrics/span-metrics.ts";

export interface FromSpansDeps {
  readonly config: DeriveConfig;
  readonly next: IngestNext;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Told of bugs of ours and of samples that were not taken. */
  readonly report: (error: TriptychError) => void;
}

export interface FromSpans {
  /**
   * Counts the spans of a batch that became durable; never throws. Resolves when it is done with the batch, of which it
   * keeps nothing: whoever answers the sender may wait for it, so that what is being counted stays bounded.
   */
  acknowledged(batch: SpanBatch): Promise<void> | undefined;
  start(): void;
  /** Stops and hands on what was counted. Safe to call twice; call it before the journal closes. */
  close(): Promise<void>;
}

/** At about half a microsecond a span some milliseconds. */
const SPANS_AT_ONCE = 5_000;

/** Throws `query_invalid` for a filter's pattern that is none. */
export function createFromSpans(deps: FromSpansDeps): FromSpans {
  const { config, clock, next } = deps;
  const common = {
    constantLabels: Object.entries(config.labels),
    slackMs: config.slackSeconds * 1000,
    startedMs: clock.nowMs(),
    discarded: discards(deps.metrics),
  };
  const metrics = config.spanMetrics.enabled
    ? createSpanMetrics({ config: config.spanMetrics, ...common })
    : undefined;
  const graph = config.serviceGraph.enabled
    ? createServiceGraph({ config: config.serviceGraph, ...common })
    : undefined;
  observeTables(deps.metrics, { metrics, graph });
  const onLost = (message: string): void =>
    deps.report(asTriptychError(new Error(`derived samples were not taken: ${message}`)));
  const loop = (intervalSeconds: number, tables: () => readonly DerivedSeries[]): EmitLoop =>
    createEmitLoop({ next, clock, intervalMs: intervalSeconds * 1000, tables, onLost });
  const loops: EmitLoop[] = [];
  if (metrics !== undefined)
    loops.push(loop(config.spanMetrics.intervalSeconds, () => metrics.tables));
  if (graph !== undefined)
    loops.push(
      loop(config.serviceGraph.intervalSeconds, () => {
        graph.expire(clock.nowMs());
        return graph.tables;
      }),
    );
  const count = (batch: SpanBatch, from: number): void => {
    const range = { from, to: Math.min(from + SPANS_AT_ONCE, batch.rows) };
    metrics?.count(batch, range, clock.nowMs());
    graph?.count(batch, range, clock.nowMs());
  };
  const countRest = async (batch: SpanBatch): Promise<void> => {
    for (let from = SPANS_AT_ONCE; from < batch.rows; from += SPANS_AT_ONCE) {
      await letOthersRun();
      count(batch, from);
    }
  };
  return {
    acknowledged(batch) {
      try {
        count(batch, 0);
      } catch (thrown) {
        deps.report(asTriptychError(thrown));
        return undefined;
      }
      if (batch.rows <= SPANS_AT_ONCE) return undefined;
      return countRest(batch).catch((thrown: unknown) => deps.report(asTriptychError(thrown)));
    },
    start() {
      for (const one of loops) one.start();
    },
    async close() {
      await Promise.all(loops.map((one) => one.close()));
    },
  };
}

function discards(metrics: Metrics): (reason: string, items: number) => void {
  const counter = metrics.counter(
    "triptych_derive_skipped_spans_total",
    "Spans that metrics made from spans do not count by their own labels, by reason.",
    "reason",
  );
  return (reason, items) => counter.add(items, reason);
}

function observeTables(
  metrics: Metrics,
  parts: { readonly metrics: SpanMetrics | undefined; readonly graph: ServiceGraph | undefined },
): void {
  const sets = (tables: readonly DerivedSeries[]): number =>
    tables.reduce((sum, table) => sum + table.sets, 0);
  const { metrics: spans, graph } = parts;
  if (spans !== undefined)
    metrics.gauge("triptych_span_metrics_label_sets", "Label sets of span metrics.", () =>
      sets(spans.tables),
    );
  if (graph === undefined) return;
  metrics.gauge("triptych_service_graph_label_sets", "Label sets of the service graph.", () =>
    sets(graph.tables),
  );
  metrics.gauge(
    "triptych_service_graph_waiting_spans",
    "Spans that wait for the other side of their call.",
    () => graph.waiting,
  );
}
