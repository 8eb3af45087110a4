/** Where metric queries get their samples: the head of recent ones, and the store behind it. */
import type { SampleBatch } from "@triptych/model";
import { createHead } from "../query/metrics/head/head.ts";
import { createHeadSource } from "../query/metrics/head/head-source.ts";
import { rebuildHead } from "../query/metrics/head/rebuild.ts";
import { createRebuildReport } from "../query/metrics/head/rebuild-report.ts";
import {
  createStoreSource,
  type MetricsSource,
  type SourceLimits,
} from "../query/metrics/source.ts";
import { turn } from "../query/pacing.ts";
import { systemClock as clock } from "../self/clock.ts";
import { repeat } from "../self/repeat.ts";
import type { Core } from "./core.ts";
import type { Storage } from "./storage.ts";

const TRIM_EVERY_MS = 10_000;
/** The head is filled again after a start from no more than this: more would take long and hold much at once. */
const REBUILD_LIMITS = { seriesMax: 300_000, samplesMax: 20_000_000 };

/** What one query may read follows from what it may hold, up to what takes too long in any case. */
function limitsOf(queryBytes: number): SourceLimits {
  return {
    seriesMax: Math.min(SERIES_MAX, Math.floor(queryBytes / BYTES_PER_SERIES)),
    samplesMax: Math.min(SAMPLES_MAX, Math.floor(queryBytes / BYTES_PER_SAMPLE)),
  };
}
const SERIES_MAX = 1_000_000;
const SAMPLES_MAX = 50_000_000;
const BYTES_PER_SERIES = 1_000;
const BYTES_PER_SAMPLE = 24;

export interface MetricsParts {
  readonly source: MetricsSource;
  /** Takes samples that became durable. */
  readonly acknowledged: (batch: SampleBatch) => void;
  /** Takes back what was deleted from the store. */
  readonly forget: (
    ids: readonly bigint[],
    range: { readonly fromMs: number; readonly toMs: number },
  ) => void;
  /** Begins to fill the head from the store. */
  readonly start: () => void;
}

export function createMetricsParts(core: Core, { store, journal }: Storage): MetricsParts {
  const { config, metrics } = core;
  const windowMs = config.limits.headHours * 3_600_000;
  const head = createHead({ windowMs, bytesMax: config.limits.headBytes }, clock.nowMs());
  core.onClose(
    repeat(clock, TRIM_EVERY_MS, async () => {
      while (head.trim(clock.nowMs())) await turn("long");
    }),
  );
  metrics.gauge("triptych_head_series", "Series with recent samples in memory.", () => head.series);
  metrics.gauge("triptych_head_bytes", "Memory of recent samples, about.", () => head.bytes);
  metrics.gauge(
    "triptych_head_complete_after_seconds",
    "Queries for later times need not ask the store.",
    () => head.completeAfterMs / 1000,
  );
  const leaving = new AbortController();
  const report = createRebuildReport({
    metrics,
    problems: core.problems,
    log: core.log,
    windowMs,
    limits: REBUILD_LIMITS,
  });
  core.onClose(() => leaving.abort());
  return {
    source: createHeadSource(
      createStoreSource(store.engine, limitsOf(core.queryMemory.queryBytesMax)),
      head,
    ),
    acknowledged: (batch) => head.append(batch, clock.nowMs()),
    forget: (ids, { toMs }) => head.forget(ids, toMs),
    start: () =>
      void rebuildHead({
        head,
        store: createStoreSource(store.engine, REBUILD_LIMITS),
        clock,
        windowMs,
        drained: () => journal.drained(),
        signal: leaving.signal,
      }).then(
        () => report.done(),
        (error: unknown) => {
          if (!leaving.signal.aborted) report.failed(error);
        },
      ),
  };
}
