/** Makes one request of entries, sends it, and counts what became of them. */
import {
  encodeRemoteWrite,
  type HistogramMessage,
  type WriteExemplar,
  type WriteSeries,
} from "@triptych/wire";
import type { Log } from "../../self/log.ts";
import { type DeliveryDeps, type DeliveryEnd, deliver } from "./delivery.ts";
import type { DropReason, ItemKind, Outcome, RemoteWriteMetrics } from "./metrics.ts";
import { type Entry, EntryKind, type SendSeries } from "./shard-queue.ts";

export interface RequestSenderDeps {
  readonly delivery: DeliveryDeps;
  readonly remote: string;
  readonly metrics: RemoteWriteMetrics;
  readonly log: Log;
  /** Samples older than this are given up instead of sent again; 0: never. */
  readonly ageLimitMs: number;
  readonly drop: (reason: DropReason, items: number) => void;
  readonly onAttempt: (seconds: number) => void;
  /** Told of what was taken, and of its newest time. */
  readonly onSent: (items: number, newestMs: number) => void;
}

const WRITTEN = "x-prometheus-remote-write-samples-written";

/** Sends entries; resolves when they are taken, refused or given up. Never rejects. */
export function createRequestSender(
  deps: RequestSenderDeps,
): (entries: readonly Entry[]) => Promise<void> {
  const { delivery, remote, metrics } = deps;
  return async (entries) => {
    let left = entries;
    const end = await deliver(delivery, {
      body(attempt) {
        if (attempt > 0) left = withoutOld(deps, left);
        return left.length === 0 ? undefined : encodeRemoteWrite(delivery.version, seriesOf(left));
      },
      onRetry(reason) {
        countAll(deps, left, "retried");
        deps.log("warn", "remote write: trying again", { remote, reason });
      },
      onAttempt(bytes, seconds) {
        metrics.bytes(remote, bytes, "data");
        metrics.batch(remote, seconds);
        deps.onAttempt(seconds);
      },
    });
    finish(deps, left, end);
  };
}

function withoutOld(deps: RequestSenderDeps, entries: readonly Entry[]): readonly Entry[] {
  if (deps.ageLimitMs <= 0) return entries;
  const oldestMs = deps.delivery.clock.nowMs() - deps.ageLimitMs;
  const left = entries.filter(({ timeMs }) => timeMs >= oldestMs);
  deps.drop("too_old", entries.length - left.length);
  return left;
}

function finish(deps: RequestSenderDeps, entries: readonly Entry[], end: DeliveryEnd): void {
  const { remote, log, delivery } = deps;
  switch (end.kind) {
    case "nothing_left":
      return;
    case "stopped":
      deps.drop("stopped", entries.length);
      return;
    case "refused":
      countAll(deps, entries, "failed");
      log("error", "remote write: refused for good", { remote, reason: end.reason });
      return;
    case "taken": {
      // A receiver of 2.0 must say how much it wrote; one that does not has taken the body for something else.
      const isConfirmed = delivery.version === "1.0" || end.answer.headers[WRITTEN] !== undefined;
      if (!isConfirmed) {
        countAll(deps, entries, "failed");
        const reason = "the answer does not say what was written: does it know remote write 2.0?";
        log("error", "remote write: not confirmed", { remote, reason });
        return;
      }
      countAll(deps, entries, "sent");
      deps.onSent(
        entries.length,
        entries.reduce((max, { timeMs }) => Math.max(max, timeMs), 0),
      );
    }
  }
}

const kinds: readonly ItemKind[] = ["samples", "histograms", "exemplars"];

function countAll(
  { metrics, remote }: RequestSenderDeps,
  entries: readonly Entry[],
  outcome: Outcome,
): void {
  const counts = [0, 0, 0];
  for (const { kind } of entries) counts[kind] = (counts[kind] as number) + 1;
  for (const [kind, name] of kinds.entries())
    metrics.count(remote, name, outcome, counts[kind] as number);
}

interface Growing {
  readonly timeMs: number[];
  readonly startMs: number[];
  readonly valueWords: number[];
  readonly histograms: HistogramMessage[];
  readonly exemplars: WriteExemplar[];
}

/** Each series once, in the order in which they came. */
export function seriesOf(entries: readonly Entry[]): WriteSeries[] {
  const found = new Map<SendSeries, Growing>();
  for (const entry of entries) {
    let series = found.get(entry.series);
    if (series === undefined) {
      series = { timeMs: [], startMs: [], valueWords: [], histograms: [], exemplars: [] };
      found.set(entry.series, series);
    }
    if (entry.kind === EntryKind.sample) {
      series.timeMs.push(entry.timeMs);
      series.startMs.push(entry.startMs);
      series.valueWords.push(entry.low, entry.high);
    } else if (entry.histogram !== undefined) series.histograms.push(entry.histogram);
    else if (entry.exemplar !== undefined) series.exemplars.push(entry.exemplar);
  }
  return [...found].map(([{ labels, metadata }, rest]) => ({ ...rest, labels, metadata }));
}
