/**
 * Sends samples to one server by remote write. In come batches that were made durable; they wait in a backlog, are
 * spread over shards by their series' hash (so that a series stays in order) and go out in requests. Nothing here ever
 * holds up acceptance: when the other side is slow or away, the backlog grows to its bound, and then the oldest batch
 * is dropped and counted.
 */
import type { Clock, SampleBatch } from "@triptych/model";
import { encodeRemoteWriteMetadata, type RemoteWriteVersion } from "@triptych/wire";
import type { RemoteWriteConfig } from "../../config/prometheus/remote-config.ts";
import type { Log } from "../../self/log.ts";
import { repeat } from "../../self/repeat.ts";
import { createBacklog } from "./backlog.ts";
import { newestOf, type RawEntry } from "./batch-entries.ts";
import { type DeliveryDeps, deliver } from "./delivery.ts";
import type { DropReason, RemoteWriteMetrics } from "./metrics.ts";
import { createRequestSender } from "./request-sender.ts";
import { createSeriesResolver, type RelabelSeries, type SeriesResolver } from "./send-series.ts";
import { chooseShards, createFollowingRate } from "./shard-count.ts";
import { createShardSet, type ShardSet } from "./shard-set.ts";
import type { RemoteTransport } from "./transport.ts";

/** The keys of `remote_write` that sending itself reads; the rest is the transport's. */
export type SendConfig = Pick<
  RemoteWriteConfig,
  | "url"
  | "name"
  | "remote_timeout"
  | "send_exemplars"
  | "send_native_histograms"
  | "protobuf_message"
  | "queue_config"
  | "metadata_config"
>;

export interface RemoteWriteSenderDeps {
  readonly clock: Clock;
  readonly config: SendConfig;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Made once for all senders. */
  readonly metrics: RemoteWriteMetrics;
  readonly log: Log;
  readonly transport: RemoteTransport;
  /** `write_relabel_configs`; keeps all series unless given. */
  readonly relabel?: RelabelSeries | undefined;
  readonly externalLabels?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Items that may wait before the oldest are dropped, `BACKLOG_ITEMS_MAX` unless given. */
  readonly backlogItemsMax?: number | undefined;
}

export interface RemoteWriteSender {
  /** Takes over a batch that is durable and is not changed any more. Returns at once. */
  offer(batch: SampleBatch): void;
  /** Samples, histograms and exemplars that wait or are on their way. */
  readonly pending: number;
  /** Sends what waits for at most `drainMs`, then gives up the rest. Safe to call twice. */
  close(drainMs: number): Promise<void>;
}

/** About 60 bytes each: 120 MB, more than half an hour of 1,000 samples a second. */
const BACKLOG_ITEMS_MAX = 2_000_000;
const RESHARD_MS = 10_000;
const CUSTOM_SCHEMA = -53;

export function createRemoteWriteSender(deps: RemoteWriteSenderDeps): RemoteWriteSender {
  const { clock, config, metrics } = deps;
  const parts = partsOf(deps);
  const { shards, backlog, resolver, rates, progress, stopping } = parts;
  const stopResharding = repeat(clock, RESHARD_MS, () => reshard(deps, parts));
  const sendsMetadata = parts.delivery.version === "1.0" && config.metadata_config.send;
  const stopMetadata = sendsMetadata
    ? repeat(clock, config.metadata_config.send_interval, () => sendMetadata(deps, parts))
    : () => {};
  const pending = (): number => backlog.items + shards.pending;
  const unwatch = metrics.watch({
    pending,
    shards: () => shards.count,
    desiredShards: () => progress.desired,
    highestSeconds: () => progress.highestMs / 1000,
    highestSentSeconds: () => progress.highestSentMs / 1000,
  });
  let closed = false;
  return {
    get pending() {
      return pending();
    },
    offer(batch) {
      if (closed) return;
      resolver.learn(batch.metadata);
      const items = backlog.offer(batch);
      if (items === 0) return;
      rates.in.add(items);
      progress.highestMs = Math.max(progress.highestMs, newestOf(batch));
    },
    async close(drainMs) {
      if (closed) return;
      closed = true;
      stopResharding();
      stopMetadata();
      await drained({ clock, drainMs, pending, flush: () => shards.flush() });
      stopping.abort();
      shards.nudge();
      const left = await shards.stop();
      parts.drop("stopped", backlog.items + left);
      unwatch();
      deps.transport.close();
    },
  };
}

interface Parts {
  readonly delivery: DeliveryDeps;
  readonly remote: string;
  readonly shards: ShardSet;
  readonly backlog: ReturnType<typeof createBacklog>;
  readonly resolver: SeriesResolver;
  readonly rates: ReturnType<typeof ratesOf>;
  readonly progress: {
    highestMs: number;
    highestSentMs: number;
    lastSentMs: number;
    desired: number;
  };
  readonly stopping: AbortController;
  drop(reason: DropReason, items: number): void;
}

function ratesOf() {
  const rate = () => createFollowingRate(RESHARD_MS / 1000);
  return { in: rate(), out: rate(), dropped: rate(), sending: rate() };
}

function partsOf(deps: RemoteWriteSenderDeps): Parts {
  const { clock, config, metrics } = deps;
  const { queue_config: queue } = config;
  const remote = config.name === "" ? hostOf(config.url) : config.name;
  const stopping = new AbortController();
  const delivery = deliveryOf(deps, stopping.signal);
  const rates = ratesOf();
  const progress = { highestMs: 0, highestSentMs: 0, lastSentMs: 0, desired: queue.min_shards };
  const drop = (reason: DropReason, items: number): void => {
    metrics.dropped(reason, items);
    rates.dropped.add(items);
  };
  const resolver = createSeriesResolver({
    relabel: deps.relabel ?? (() => true),
    externalLabels: deps.externalLabels ?? [],
    withMetadata: delivery.version === "2.0",
  });
  const send = createRequestSender({
    delivery,
    remote,
    metrics,
    log: deps.log,
    ageLimitMs: queue.sample_age_limit,
    drop,
    onAttempt: (seconds) => rates.sending.add(seconds),
    onSent: (items, newestMs) => {
      rates.out.add(items);
      progress.highestSentMs = Math.max(progress.highestSentMs, newestMs);
      progress.lastSentMs = clock.monotonicMs();
    },
  });
  const { capacity, max_samples_per_send: itemsPerSend, batch_send_deadline: deadlineMs } = queue;
  const shards = createShardSet(
    { clock, capacity, itemsPerSend, deadlineMs, send },
    queue.min_shards,
  );
  const backlog = createBacklog({
    itemsMax: deps.backlogItemsMax ?? BACKLOG_ITEMS_MAX,
    what: { exemplars: config.send_exemplars, histograms: config.send_native_histograms },
    place: createPlace(deps, { shards, resolver, drop, version: delivery.version }),
    room: () => {
      metrics.enqueueRetry(remote);
      return shards.room();
    },
    onDrop: (items) => drop("queue_full", items),
    signal: stopping.signal,
  });
  return { delivery, remote, shards, backlog, resolver, rates, progress, stopping, drop };
}

function deliveryOf(deps: RemoteWriteSenderDeps, signal: AbortSignal): DeliveryDeps {
  const { clock, random, transport, config } = deps;
  const { queue_config: queue } = config;
  return {
    clock,
    random,
    transport,
    version: config.protobuf_message === "prometheus.WriteRequest" ? "1.0" : "2.0",
    timeoutMs: config.remote_timeout,
    minBackoffMs: queue.min_backoff,
    maxBackoffMs: queue.max_backoff,
    retryOn429: queue.retry_on_http_429,
    signal,
  };
}

/** Puts an entry into its shard, or counts why not; false when the shard is full. */
function createPlace(
  { clock, config }: RemoteWriteSenderDeps,
  to: Pick<Parts, "shards" | "resolver" | "drop"> & { readonly version: RemoteWriteVersion },
): (batch: SampleBatch, raw: RawEntry) => boolean {
  const ageLimitMs = config.queue_config.sample_age_limit;
  return (batch, raw) => {
    if (!to.shards.hasRoomFor(batch.series.hashLow[raw.row] as number)) return false;
    const series = to.resolver.resolve(batch, raw.row);
    if (series === null) to.drop("dropped_series", 1);
    else if (ageLimitMs > 0 && raw.timeMs < clock.nowMs() - ageLimitMs) to.drop("too_old", 1);
    else {
      const entry = raw.with(series);
      // The message of 1.0 has no place for custom bounds.
      const fits = to.version === "2.0" || entry.histogram?.schema !== CUSTOM_SCHEMA;
      if (fits) to.shards.push(entry);
      else to.drop("nhcb_in_rw1_not_supported", 1);
    }
    return true;
  };
}

async function reshard(
  { clock, config }: RemoteWriteSenderDeps,
  { shards, rates, progress }: Parts,
): Promise<void> {
  for (const rate of Object.values(rates)) rate.tick();
  const choice = chooseShards({
    shards: shards.count,
    shardsMin: config.queue_config.min_shards,
    shardsMax: config.queue_config.max_shards,
    inPerSecond: rates.in.perSecond,
    outPerSecond: rates.out.perSecond,
    droppedPerSecond: rates.dropped.perSecond,
    sendingPerSecond: rates.sending.perSecond,
    behindSeconds: Math.max(0, progress.highestMs - progress.highestSentMs) / 1000,
  });
  progress.desired = choice.desired;
  // Rates of a sender that does not get through say nothing about shards.
  if (clock.monotonicMs() - progress.lastSentMs <= RESHARD_MS) await shards.reshard(choice.shards);
}

async function sendMetadata(
  { config, metrics }: RemoteWriteSenderDeps,
  parts: Parts,
): Promise<void> {
  const { delivery, remote, resolver, stopping } = parts;
  const all = resolver.metadata();
  const size = config.metadata_config.max_samples_per_send;
  for (let at = 0; at < all.length && !stopping.signal.aborted; at += size) {
    const part = all.slice(at, at + size);
    const end = await deliver(delivery, {
      body: () => encodeRemoteWriteMetadata(part),
      onRetry: () => metrics.count(remote, "metadata", "retried", part.length),
      onAttempt: (bytes) => metrics.bytes(remote, bytes, "metadata"),
    });
    metrics.count(remote, "metadata", end.kind === "taken" ? "sent" : "failed", part.length);
  }
}

/** How often an ending sender looks whether it is done. */
const LOOK_MS = 50;

/** Resolves when nothing is pending or the time is over. */
function drained(how: {
  readonly clock: Clock;
  readonly drainMs: number;
  readonly pending: () => number;
  readonly flush: () => void;
}): Promise<void> {
  const { clock, pending, flush } = how;
  const endMs = clock.monotonicMs() + how.drainMs;
  return new Promise((resolve) => {
    const look = (): void => {
      flush();
      if (pending() === 0 || clock.monotonicMs() >= endMs) resolve();
      else clock.after(LOOK_MS, look);
    };
    look();
  });
}

/** A name for metrics: where it goes, without what may be secret in an address. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "remote";
}
