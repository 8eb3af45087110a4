/** The alerts of a rule as they outlive the process. */
import { labelsFrom } from "@triptych/lang";
import type { ActiveAlert, Alerts } from "./alert-state.ts";

/** One value of the state table, by rule. */
export interface SavedRule {
  readonly key: string;
  readonly version: number;
  readonly savedAtMs: number;
  readonly alerts: readonly SavedAlert[];
}

interface SavedAlert extends Omit<ActiveAlert, "labels" | "lastSentAtMs"> {
  readonly labels: readonly (readonly [string, string])[];
}

/** A pending alert of a process that was away longer is not trusted: nobody knows what was in between. */
export const OUTAGE_TOLERANCE_MS = 60 * 60_000;
/** State with alerts in it is saved at least this often, so that the length of an absence is known. */
export const HEARTBEAT_MS = 5 * 60_000;

export function toSaved(alerts: Alerts): SavedAlert[] {
  return [...alerts.values()].map(({ lastSentAtMs: _sent, ...alert }) => ({
    ...alert,
    labels: alert.labels.pairs,
  }));
}

/** What counts of saved alerts at the start; alerts that were never told as over are told again. */
export function fromSaved({ alerts, savedAtMs }: SavedRule, nowMs: number): Alerts {
  const tooOld = nowMs - savedAtMs > OUTAGE_TOLERANCE_MS + HEARTBEAT_MS;
  const out = new Map<string, ActiveAlert>();
  for (const saved of alerts) {
    if (saved.state === "pending" && tooOld) continue;
    const labels = labelsFrom(saved.labels);
    out.set(labels.key, { ...saved, labels });
  }
  return out;
}
