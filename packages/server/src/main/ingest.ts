/** What the receivers are given: the pipeline, the journal, the byte budget and the counters. */
import { type SampleBatch, type SpanBatch, TriptychError } from "@triptych/model";
import type { Journal } from "../journal/journal.ts";
import { createDeltaToCumulative } from "../pipeline/delta-to-cumulative.ts";
import { createLimitDays } from "../pipeline/limit-days.ts";
import { createLimitFuture } from "../pipeline/limit-future.ts";
import { createLimitSeries } from "../pipeline/limit-series.ts";
import { createPipeline } from "../pipeline/pipeline.ts";
import { createStartTimeZeros } from "../pipeline/start-time-zeros.ts";
import { type IngestNext, itemsOf } from "../receivers/next.ts";
import { systemClock as clock } from "../self/clock.ts";
import { collectGarbageNear } from "../self/collect-garbage.ts";
import { createMemoryWatch, privateBytes } from "../self/memory-watch.ts";
import { type Core, MiB } from "./core.ts";

/** Above this share of the memory limit senders are told to wait: what is on its way still needs room. */
const SHED_ABOVE = 0.7;
/** Above this share garbage is collected, before senders are told to wait. */
const COLLECT_ABOVE = 0.6;
/** What may be in flight then. */
const TIGHT_BYTES_MAX = 4 * MiB;
const DELTA_SERIES_MAX = 200_000;
/** A series that nobody sent for so long does not count any more. */
const SERIES_WINDOW_MS = 3_600_000;

/** Given what became durable, once, in the order it did. */
export interface Acknowledged {
  samples(batch: SampleBatch): void;
  /** The sender is answered when it is done. Never throws. */
  spans(batch: SpanBatch): Promise<void> | undefined;
}

export function createIngest(core: Core, journal: Journal, acknowledged: Acknowledged): IngestNext {
  const { limits, metrics, config } = core;
  const discarded = metrics.counter(
    "triptych_discarded_total",
    "Items that were refused, by reason.",
    "reason",
  );
  const received = metrics.counter(
    "triptych_received_total",
    "Items acknowledged, by signal.",
    "signal",
  );
  const memory = createMemoryWatch(clock, privateBytes);
  core.onClose(() => memory.close());
  const usedBytes = (): number => memory.usedBytes();
  core.onClose(collectGarbageNear({ clock, usedBytes, aboveBytes: config.memory * COLLECT_ABOVE }));
  const count = (reason: string, items: number): void => discarded.add(items, reason);
  const limitSeries = createLimitSeries({
    perName: config.limits.seriesPerName,
    total: config.limits.seriesTotal,
    windowMs: SERIES_WINDOW_MS,
    clock,
    discarded: count,
  });
  metrics.gauge("triptych_series_active", "Series seen within the hour.", () =>
    limitSeries.active(),
  );
  const stages = [
    createLimitFuture({ futureMsMax: limits.futureMsMax, clock, discarded: count }),
    createLimitDays(limits.daysPerRequestMax),
    limitSeries,
    createDeltaToCumulative({ seriesMax: DELTA_SERIES_MAX, discarded: count }),
    ...(config.prometheus.startTimeZeros
      ? [createStartTimeZeros({ seriesMax: DELTA_SERIES_MAX })]
      : []),
  ];
  const pipeline = createPipeline(stages, async (batch, hash) => {
    await journal.append(batch, hash);
    if (batch.signal === "samples") acknowledged.samples(batch);
    else if (batch.signal === "spans") await acknowledged.spans(batch);
  });
  let inFlight = 0;
  return {
    duplicateOf: (hash) => journal.duplicateOf(hash),
    async accept(batch, hash) {
      const { rows, signal } = batch;
      const refused = await pipeline(batch, hash);
      const kept = rows - (refused === undefined ? 0 : itemsOf(refused));
      const name = signal === "logs" ? "lines" : signal;
      core.received[name] += kept;
      received.add(kept, name);
      return refused;
    },
    admit(bytes) {
      // One request at a time always goes on: memory that the engine or the runtime keeps for later is no reason to
      // refuse for ever.
      const isTight = memory.usedBytes() > config.memory * SHED_ABOVE;
      if (isTight && inFlight > 0 && inFlight + bytes > TIGHT_BYTES_MAX) {
        const message =
          "the process is near its memory limit; try again, or give it more with --memory";
        throw new TriptychError("memory_pressure", message, { retryAfterSeconds: 1 });
      }
      if (inFlight + bytes > limits.inFlightBytesMax) {
        const message = `requests in flight hold ${inFlight} of ${limits.inFlightBytesMax} bytes; try again`;
        throw new TriptychError("memory_pressure", message, { retryAfterSeconds: 1 });
      }
      inFlight += bytes;
      let released = false;
      return () => {
        if (!released) inFlight -= bytes;
        released = true;
      };
    },
    discarded: count,
  };
}
