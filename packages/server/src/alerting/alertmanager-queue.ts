/**
 * Alerts on their way to one Alertmanager: bounded, the newest message of an alert in place of its older one, sent in
 * batches and tried again. A server that is away or slow holds up only itself.
 */
import type { Clock } from "@triptych/model";
import { RESOLVED_RETENTION_MS } from "../rules/alert-state.ts";
import type { Alert } from "./alerts.ts";
import type { PostJson } from "./http-post.ts";

export interface AlertmanagerQueueDeps {
  readonly clock: Clock;
  readonly url: string;
  readonly post: PostJson;
  readonly timeoutMs: number;
  readonly capacity: number;
  readonly batchMax: number;
  readonly sent: (alerts: number) => void;
  readonly dropped: (alerts: number, reason: string) => void;
  readonly failed: (message: string) => void;
}

export interface AlertmanagerQueue {
  readonly url: string;
  send(alerts: readonly Alert[]): void;
  waiting(): number;
  /** Gives up what waits, after one last try of at most `timeoutMs`. */
  close(): Promise<void>;
}

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

export function createAlertmanagerQueue(deps: AlertmanagerQueueDeps): AlertmanagerQueue {
  const waiting = new Map<string, Alert>();
  const { clock } = deps;
  let busy: Promise<void> | undefined;
  let cancelRetry = (): void => {};
  let retryMs = RETRY_FIRST_MS;
  let closed = false;

  const nextBatch = (): Alert[] => {
    const nowMs = clock.nowMs();
    const batch: Alert[] = [];
    for (const [key, alert] of waiting) {
      if (batch.length === deps.batchMax) break;
      waiting.delete(key);
      // An alert whose time is over would be taken for one that has ended.
      const isExpired = alert.resolved
        ? nowMs - alert.endsAtMs > RESOLVED_RETENTION_MS
        : alert.endsAtMs <= nowMs;
      if (isExpired) deps.dropped(1, "expired");
      else batch.push(alert);
    }
    return batch;
  };
  const putBack = (batch: readonly Alert[]): void => {
    const newer = [...waiting];
    waiting.clear();
    for (const alert of batch) waiting.set(alert.key, alert);
    for (const [key, alert] of newer) {
      waiting.delete(key);
      waiting.set(key, alert);
    }
    trim();
  };
  const trim = (): void => {
    let dropped = 0;
    for (const key of waiting.keys()) {
      if (waiting.size <= deps.capacity) break;
      waiting.delete(key);
      dropped++;
    }
    if (dropped > 0) deps.dropped(dropped, "queue_full");
  };
  /** False when the batch must be tried again. */
  const deliver = async (batch: readonly Alert[]): Promise<boolean> => {
    try {
      const { status, text } = await deps.post(deps.url, alertsJson(batch), deps.timeoutMs);
      if (status >= 200 && status < 300) {
        deps.sent(batch.length);
        return true;
      }
      deps.failed(`${deps.url} answered ${status}: ${text.slice(0, 200)}`);
      if (status === 429 || status >= 500) return false;
      deps.dropped(batch.length, "refused");
      return true;
    } catch (error) {
      deps.failed(`${deps.url}: ${(error as Error).message}`);
      return false;
    }
  };
  const drain = async (): Promise<void> => {
    while (waiting.size > 0) {
      const batch = nextBatch();
      if (batch.length === 0) continue;
      if (await deliver(batch)) {
        retryMs = RETRY_FIRST_MS;
        continue;
      }
      putBack(batch);
      if (!closed) {
        cancelRetry = clock.after(retryMs, start);
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
        pausing = true;
      }
      return;
    }
  };
  let pausing = false;
  const start = (): void => {
    pausing = false;
    busy ??= drain().finally(() => {
      busy = undefined;
      if (waiting.size > 0 && !pausing && !closed) start();
    });
  };
  return {
    url: deps.url,
    send(alerts) {
      if (closed) return;
      for (const alert of alerts) {
        waiting.delete(alert.key);
        waiting.set(alert.key, alert);
      }
      trim();
      if (waiting.size > 0 && !pausing) start();
    },
    waiting: () => waiting.size,
    async close() {
      if (closed) return;
      closed = true;
      cancelRetry();
      await busy;
      if (waiting.size > 0) await drain();
      if (waiting.size > 0) deps.dropped(waiting.size, "shutdown");
      waiting.clear();
    },
  };
}

/** Body of `POST /api/v2/alerts`. */
function alertsJson(alerts: readonly Alert[]): string {
  const time = (ms: number): string => new Date(ms).toISOString();
  return JSON.stringify(
    alerts.map((alert) => ({
      labels: Object.fromEntries(alert.labels),
      // Left out when there are none, as Prometheus does.
      ...(alert.annotations.length > 0
        ? { annotations: Object.fromEntries(alert.annotations) }
        : {}),
      startsAt: time(alert.startsAtMs),
      endsAt: time(alert.endsAtMs),
      generatorURL: alert.generatorUrl,
    })),
  );
}
