/**
 * Whether the configuration could be read when that was last asked for: as metrics and as a notification, under the
 * names and in the words of Prometheus, which alerts and pages of others look for.
 */
import type { Clock } from "@triptych/model";
import type { Metrics } from "../../self/metrics.ts";
import type { Notification, NotificationsView } from "./views.ts";

export interface ReloadState extends NotificationsView {
  /** What `/status/runtimeinfo` shows. */
  reload(): { readonly ok: boolean; readonly atMs: number };
  succeeded(): void;
  failed(): void;
}

const FAILED = "Configuration reload has failed.";

/** The configuration was read just now. */
export function createReloadState(deps: {
  readonly clock: Clock;
  readonly metrics: Metrics;
}): ReloadState {
  const { clock, metrics } = deps;
  const listeners = new Set<(notification: Notification) => void>();
  let atMs = clock.nowMs();
  let failedAtMs: number | undefined;
  const notification = (active: boolean): Notification => {
    return { text: FAILED, date: new Date(failedAtMs ?? atMs).toISOString(), active };
  };
  const tell = (active: boolean): void => {
    for (const listener of listeners) listener(notification(active));
  };
  metrics.gauge(
    "prometheus_config_last_reload_successful",
    "Whether the last configuration reload attempt was successful.",
    () => (failedAtMs === undefined ? 1 : 0),
  );
  metrics.gauge(
    "prometheus_config_last_reload_success_timestamp_seconds",
    "Timestamp of the last successful configuration reload.",
    () => atMs / 1000,
  );
  return {
    reload: () => ({ ok: failedAtMs === undefined, atMs }),
    succeeded() {
      if (failedAtMs !== undefined) tell(false);
      failedAtMs = undefined;
      atMs = clock.nowMs();
    },
    failed() {
      const isNew = failedAtMs === undefined;
      failedAtMs ??= clock.nowMs();
      if (isNew) tell(true);
    },
    list: () => (failedAtMs === undefined ? [] : [notification(true)]),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
