/** Where metric queries get their samples: the head of recent ones, and the store behind it. */
import { Worker } from "node:worker_threads";
import type { SampleBatch } from "@triptych/model";
import { createHead, type Head } from "../query/metrics/head/head.ts";
import { createHeadReaders, type HeadReaders } from "../query/metrics/head/head-readers.ts";
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
/** Of the memory of the process, whatever is asked for: queries, requests and the engine need the rest. */
const HEAD_SHARE_MAX = 1 / 4;
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
  const bytesMax = Math.min(config.limits.headBytes, config.memory * HEAD_SHARE_MAX);
  const head = createHead({ windowMs, bytesMax }, clock.nowMs());
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
  const readers = headReaders(core, head);
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
      readers,
    ),
    acknowledged: (batch) => head.append(batch, clock.nowMs()),
    forget: (ids, { toMs }) => {
      head.forget(ids, toMs);
      journal.changes.forgetAll();
    },
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

/** Threads that compute over the head, and what is seen of them. */
function headReaders(core: Core, head: Head): HeadReaders | undefined {
  const { config, metrics, log, problems } = core;
  const threads = config.limits.headThreads;
  if (threads === 0) return undefined;
  const failures = metrics.counter(
    "triptych_head_thread_failures_total",
    "Threads that compute over recent samples and ended by themselves.",
  );
  const readers = createHeadReaders({
    threads,
    tables: head.bulk.tables,
    nowMs: () => clock.nowMs(),
    start: (version) =>
      new Worker(new URL("./query/metrics/head/head-worker.js", import.meta.url), {
        workerData: { version },
        resourceLimits: {
          maxOldGenerationSizeMb: THREAD_HEAP_MB,
          maxYoungGenerationSizeMb: THREAD_YOUNG_MB,
        },
      }),
    failed: (error) => {
      failures.add(1);
      const text = `a thread that computes over recent samples ended: ${error.message}; queries are computed without it, which is slower`;
      problems.raise("head_thread_ended", text, PROBLEM_SHOWN_MS);
      log("warn", "a thread that computes over recent samples ended", { error: error.message });
    },
  });
  metrics.gauge(
    "triptych_head_jobs_waiting",
    "Parts of queries that wait for a thread.",
    () => readers.waiting,
  );
  metrics.observed(
    "triptych_head_thread_seconds_total",
    "Work of the threads that compute over recent samples.",
    () => readers.counts.workedMs / 1000,
  );
  core.onClose(() => readers.close());
  core.onClose(repeat(clock, REST_EVERY_MS, async () => readers.rest()));
  return readers;
}

const THREAD_HEAP_MB = 256;
/** What is made for each series goes at once: more room for it only takes memory. */
const THREAD_YOUNG_MB = 8;
const REST_EVERY_MS = 60_000;
const PROBLEM_SHOWN_MS = 3_600_000;
