/**
 * The life of the alerts of one rule: pending, firing, kept firing, over. A pure step from one evaluation to the
 * next, as Prometheus takes it.
 */
import type { Labels } from "@triptych/lang";
import type { Pairs } from "./sample.ts";

export interface ActiveAlert {
  readonly labels: Labels;
  readonly annotations: Pairs;
  /** `inactive`: it is over, and told for a while. */
  readonly state: "pending" | "firing" | "inactive";
  readonly value: number;
  readonly activeAtMs: number;
  readonly firedAtMs?: number | undefined;
  readonly resolvedAtMs?: number | undefined;
  /** Since when it fires only because of `keep_firing_for`. */
  readonly keepFiringSinceMs?: number | undefined;
  readonly lastSentAtMs?: number | undefined;
}

export interface FreshAlert {
  readonly labels: Labels;
  readonly annotations: Pairs;
  readonly value: number;
}

export interface AlertStep {
  readonly atMs: number;
  readonly forMs: number;
  readonly keepFiringForMs: number;
}

/** Alerts that are over are told this long. */
export const RESOLVED_RETENTION_MS = 15 * 60_000;

export type Alerts = ReadonlyMap<string, ActiveAlert>;

/** `fresh` has the alerts of the result by the key of their labels. */
export function stepAlerts(
  active: Alerts,
  fresh: ReadonlyMap<string, FreshAlert>,
  step: AlertStep,
): Alerts {
  const out = new Map<string, ActiveAlert>();
  for (const [key, alert] of active) {
    const next = fresh.has(key) ? alert : withoutResult(alert, step);
    if (next !== undefined) out.set(key, next);
  }
  for (const [key, given] of fresh) {
    const known = active.get(key);
    const isNew = known === undefined || known.state === "inactive";
    const alert: ActiveAlert = isNew
      ? { ...given, state: "pending", activeAtMs: step.atMs }
      : {
          ...known,
          value: given.value,
          annotations: given.annotations,
          keepFiringSinceMs: undefined,
        };
    out.set(key, fired(alert, step));
  }
  return out;
}

/** Whether it fires follows from `for`; a reload may have made that longer than the alert has been active. */
function fired(alert: ActiveAlert, { atMs, forMs }: AlertStep): ActiveAlert {
  const isLongEnough = atMs - alert.activeAtMs >= forMs;
  if (alert.state === "pending")
    return isLongEnough ? { ...alert, state: "firing", firedAtMs: atMs } : alert;
  if (alert.state !== "firing" || isLongEnough) return alert;
  const anew = { firedAtMs: undefined, lastSentAtMs: undefined, keepFiringSinceMs: undefined };
  return { ...alert, ...anew, state: "pending" };
}

/** The alert is not in the result any more; nothing when it is forgotten. */
function withoutResult(alert: ActiveAlert, step: AlertStep): ActiveAlert | undefined {
  const { atMs, keepFiringForMs } = step;
  switch (alert.state) {
    case "pending":
      return undefined;
    case "inactive":
      return atMs - (alert.resolvedAtMs ?? 0) > RESOLVED_RETENTION_MS ? undefined : alert;
    case "firing": {
      const sinceMs = alert.keepFiringSinceMs ?? atMs;
      if (atMs - sinceMs < keepFiringForMs)
        return fired({ ...alert, keepFiringSinceMs: sinceMs }, step);
      return { ...alert, state: "inactive", resolvedAtMs: atMs };
    }
  }
}

export const isActive = (alert: ActiveAlert): boolean => alert.state !== "inactive";

/** Whether a restart must know of the difference: not values, annotations and when it was last sent. */
export function hasChanged(before: Alerts, after: Alerts): boolean {
  if (before.size !== after.size) return true;
  for (const [key, alert] of after) {
    const known = before.get(key);
    if (
      known === undefined ||
      known.state !== alert.state ||
      known.activeAtMs !== alert.activeAtMs ||
      known.keepFiringSinceMs !== alert.keepFiringSinceMs
    )
      return true;
  }
  return false;
}

/** Whether the alert must be told now. */
export function mustSend(alert: ActiveAlert, atMs: number, resendDelayMs: number): boolean {
  if (alert.state === "pending") return false;
  const sentAtMs = alert.lastSentAtMs ?? Number.NEGATIVE_INFINITY;
  if (alert.resolvedAtMs !== undefined && alert.resolvedAtMs > sentAtMs) return true;
  return sentAtMs + resendDelayMs < atMs;
}

/** The same alerts after the wall clock was set forward by `byMs`. */
export function shifted(alerts: Alerts, byMs: number): Alerts {
  const moved = (ms: number | undefined): number | undefined =>
    ms === undefined ? undefined : ms + byMs;
  return new Map(
    [...alerts].map(([key, alert]) => [
      key,
      {
        ...alert,
        activeAtMs: alert.activeAtMs + byMs,
        firedAtMs: moved(alert.firedAtMs),
        resolvedAtMs: moved(alert.resolvedAtMs),
        keepFiringSinceMs: moved(alert.keepFiringSinceMs),
        lastSentAtMs: moved(alert.lastSentAtMs),
      },
    ]),
  );
}
