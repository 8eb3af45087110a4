/** All Alertmanagers that alerts go to; each has its own queue. */
import type { AlertmanagerState } from "@triptych/contract";
import type { Relabel } from "@triptych/lang";
import type { Clock } from "@triptych/model";
import type { Log } from "../self/log.ts";
import type { Metrics } from "../self/metrics.ts";
import { type Alert, relabelled } from "./alerts.ts";
import { type AlertmanagerQueue, createAlertmanagerQueue } from "./alertmanager-queue.ts";
import type { PostJson } from "./http-post.ts";

export interface AlertmanagerTarget {
  /** With the path, such as `http://host:9093/api/v2/alerts`. */
  readonly url: string;
  readonly post: PostJson;
  readonly timeoutMs?: number | undefined;
  /** `alert_relabel_configs` of this Alertmanager; false leaves the alert out. */
  readonly relabel?: Relabel | undefined;
}

export interface Alertmanagers {
  send(alerts: readonly Alert[]): void;
  /** Targets that stay keep their queue. */
  set(targets: readonly AlertmanagerTarget[]): Promise<void>;
  urls(): readonly string[];
  /** How each of them takes what is sent. */
  states(): readonly AlertmanagerState[];
  close(): Promise<void>;
}

/** Prometheus's bounds. */
const CAPACITY = 10_000;
const BATCH_MAX = 256;
const TIMEOUT_MS = 10_000;

interface Active {
  readonly target: AlertmanagerTarget;
  readonly queue: AlertmanagerQueue;
  readonly told: { sent: number; failed: number; lastError: string; lastSentMs: number };
}

export function createAlertmanagers(deps: {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}): Alertmanagers {
  const { clock, log, metrics } = deps;
  let active: readonly Active[] = [];
  const counter = (name: string, help: string, label: string) =>
    metrics.counter(`triptych_notifications_${name}`, help, label);
  const sent = counter("sent_total", "Alerts that an Alertmanager took.", "alertmanager");
  const errors = counter(
    "errors_total",
    "Requests to an Alertmanager that failed.",
    "alertmanager",
  );
  const dropped = counter("dropped_total", "Alerts that were not sent, by reason.", "reason");
  metrics.gauge("triptych_notifications_queue_length", "Alerts that wait to be sent.", () =>
    active.reduce((sum, { queue }) => sum + queue.waiting(), 0),
  );
  metrics.gauge(
    "triptych_notifications_queue_capacity",
    "Alerts that may wait for each Alertmanager.",
    () => CAPACITY,
  );
  metrics.gauge(
    "triptych_notifications_alertmanagers_discovered",
    "Alertmanagers that alerts go to.",
    () => active.length,
  );

  const open = (target: AlertmanagerTarget): Active => {
    const told = { sent: 0, failed: 0, lastError: "", lastSentMs: 0 };
    return { target, told, queue: queueOf(target, told) };
  };
  const queueOf = (target: AlertmanagerTarget, told: Active["told"]): AlertmanagerQueue =>
    createAlertmanagerQueue({
      clock,
      url: target.url,
      post: target.post,
      timeoutMs: target.timeoutMs ?? TIMEOUT_MS,
      capacity: CAPACITY,
      batchMax: BATCH_MAX,
      sent(count) {
        told.sent += count;
        told.lastSentMs = clock.nowMs();
        told.lastError = "";
        sent.add(count, target.url);
      },
      dropped: (count, reason) => dropped.add(count, reason),
      failed(message) {
        told.failed++;
        told.lastError = message;
        errors.add(1, target.url);
        log("warn", "alerts cannot be sent", { error: message });
      },
    });
  return {
    send(alerts) {
      for (const { target, queue } of active) {
        const { relabel } = target;
        if (relabel === undefined) queue.send(alerts);
        else
          queue.send(
            alerts.flatMap((alert) => {
              const kept = relabelled(new Map(alert.labels), relabel);
              return kept === undefined ? [] : [{ ...alert, ...kept }];
            }),
          );
      }
    },
    async set(targets) {
      const known = new Map(active.map((one) => [one.target, one]));
      const wanted = new Set(targets);
      const gone = active.filter(({ target }) => !wanted.has(target));
      active = targets.map((target) => known.get(target) ?? open(target));
      await Promise.all(gone.map(({ queue }) => queue.close()));
    },
    urls: () => active.map(({ target }) => target.url),
    states: () =>
      active.map(({ target, queue, told }) => ({
        ...told,
        url: target.url,
        waiting: queue.waiting(),
      })),
    async close() {
      await Promise.all(active.map(({ queue }) => queue.close()));
    },
  };
}
