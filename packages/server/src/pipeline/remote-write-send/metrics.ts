/** Metrics of all senders together, named as Prometheus names its own. Made once; each sender is told its part. */
import type { Metrics } from "../../self/metrics.ts";

export type ItemKind = "samples" | "histograms" | "exemplars" | "metadata";
export type Outcome = "sent" | "failed" | "retried";
/** Why something was not sent at all. */
export type DropReason =
  | "too_old"
  | "dropped_series"
  | "queue_full"
  | "nhcb_in_rw1_not_supported"
  | "stopped";

/** What a sender shows while it runs. */
export interface SenderGauges {
  pending(): number;
  shards(): number;
  desiredShards(): number;
  highestSeconds(): number;
  highestSentSeconds(): number;
}

export interface RemoteWriteMetrics {
  count(remote: string, kind: ItemKind, outcome: Outcome, items: number): void;
  dropped(reason: DropReason, items: number): void;
  bytes(remote: string, bytes: number, kind: "data" | "metadata"): void;
  batch(remote: string, seconds: number): void;
  enqueueRetry(remote: string): void;
  /** The returned function takes the sender out again. */
  watch(gauges: SenderGauges): () => void;
}

const PREFIX = "triptych_remote_storage";
const LABEL = "remote_name";

export function createRemoteWriteMetrics(metrics: Metrics): RemoteWriteMetrics {
  const counter = (name: string, help: string) => metrics.counter(`${PREFIX}_${name}`, help, LABEL);
  const perKind = (kind: ItemKind) => ({
    sent: counter(`${kind}_total`, `How many ${kind} were sent to remote storage.`),
    failed: counter(
      `${kind}_failed_total`,
      `How many ${kind} the remote storage refused for good.`,
    ),
    retried: counter(`${kind}_retried_total`, `How many ${kind} were sent again after an error.`),
  });
  const kinds = {
    samples: perKind("samples"),
    histograms: perKind("histograms"),
    exemplars: perKind("exemplars"),
    metadata: perKind("metadata"),
  };
  const dropped = metrics.counter(
    `${PREFIX}_samples_dropped_total`,
    "What was not sent at all, by reason: samples, histograms and exemplars.",
    "reason",
  );
  const bytes = counter("bytes_total", "Bytes of data sent after compression.");
  const metadataBytes = counter(
    "metadata_bytes_total",
    "Bytes of metadata sent after compression.",
  );
  const seconds = counter("sent_batch_duration_seconds_sum", "Seconds that sending took.");
  const batches = counter("sent_batch_duration_seconds_count", "Requests that were sent.");
  const retries = counter("enqueue_retries_total", "How often a shard's queue was full.");
  const senders = new Set<SenderGauges>();
  const sum = (name: string, help: string, read: (one: SenderGauges) => number): void =>
    metrics.gauge(`${PREFIX}_${name}`, help, () =>
      [...senders].reduce((all, one) => all + read(one), 0),
    );
  const most = (name: string, help: string, read: (one: SenderGauges) => number): void =>
    metrics.gauge(`${PREFIX}_${name}`, help, () => Math.max(0, ...[...senders].map(read)));
  sum("samples_pending", "What waits to be sent.", (one) => one.pending());
  sum("shards", "Shards that send at the same time.", (one) => one.shards());
  sum("shards_desired", "Shards that the rates ask for.", (one) => one.desiredShards());
  most("queue_highest_timestamp_seconds", "Time of the newest sample that was taken over.", (one) =>
    one.highestSeconds(),
  );
  most("queue_highest_sent_timestamp_seconds", "Time of the newest sample that was sent.", (one) =>
    one.highestSentSeconds(),
  );
  return {
    count: (remote, kind, outcome, items) => {
      if (items > 0) kinds[kind][outcome].add(items, remote);
    },
    dropped: (reason, items) => {
      if (items > 0) dropped.add(items, reason);
    },
    bytes: (remote, size, kind) => (kind === "data" ? bytes : metadataBytes).add(size, remote),
    batch: (remote, took) => {
      seconds.add(took, remote);
      batches.add(1, remote);
    },
    enqueueRetry: (remote) => retries.add(1, remote),
    watch: (gauges) => {
      senders.add(gauges);
      return () => void senders.delete(gauges);
    },
  };
}
