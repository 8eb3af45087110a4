/**
 * The alerts that rules hand over, with the labels of the installation: listed here while they hold, and given to
 * everybody who tells people. Deciding whom to tell is not done here.
 */
import { type LabelMap, labelsFrom, type Relabel } from "@triptych/lang";
import type { Clock } from "@triptych/model";
import type { AlertMessage, Pairs } from "../rules/sample.ts";

export interface Alert extends Omit<AlertMessage, "generatorPath"> {
  /** Equal for equal labels only. */
  readonly key: string;
  readonly generatorUrl: string;
}

export interface AlertsDeps {
  readonly clock: Clock;
  readonly externalLabels: Pairs;
  readonly externalUrl: string;
  /** `alert_relabel_configs`; false drops the alert. */
  readonly relabel?: Relabel | undefined;
  /** Each gets all alerts; must not throw and must not wait. */
  readonly receivers: readonly { send(alerts: readonly Alert[]): void }[];
}

export interface Alerts {
  /** What rules call. */
  notify(alerts: readonly AlertMessage[]): void;
  /** Those that hold, the newest first. */
  list(): readonly Alert[];
  /** After a reload. */
  set(settings: Partial<Pick<AlertsDeps, "externalLabels" | "externalUrl" | "relabel">>): void;
}

/** Alerts listed; beyond it the one that was told longest ago goes. */
const LISTED_MAX = 20_000;

export function createAlerts(deps: AlertsDeps): Alerts {
  let settings: Omit<AlertsDeps, "clock" | "receivers"> = deps;
  const listed = new Map<string, Alert>();
  const complete = (message: AlertMessage): Alert[] => {
    const { generatorPath, ...rest } = message;
    // Labels of the rule win over those of the installation.
    const own: LabelMap = new Map([...settings.externalLabels, ...message.labels]);
    const kept = relabelled(own, settings.relabel);
    if (kept === undefined) return [];
    const generatorUrl = settings.externalUrl + generatorPath;
    return [{ ...rest, ...kept, generatorUrl }];
  };
  return {
    notify(messages) {
      const alerts = messages.flatMap(complete);
      for (const alert of alerts) {
        listed.delete(alert.key);
        if (!alert.resolved) listed.set(alert.key, alert);
      }
      for (const key of listed.keys()) {
        if (listed.size <= LISTED_MAX) break;
        listed.delete(key);
      }
      for (const receiver of deps.receivers) receiver.send(alerts);
    },
    list() {
      const nowMs = deps.clock.nowMs();
      for (const [key, { endsAtMs }] of listed) if (endsAtMs <= nowMs) listed.delete(key);
      return [...listed.values()].reverse();
    },
    set(changed) {
      settings = { ...settings, ...changed };
    },
  };
}

/** The labels after relabelling; nothing when the alert is dropped. */
export function relabelled(
  labels: LabelMap,
  relabel: Relabel | undefined,
): Pick<Alert, "labels" | "key"> | undefined {
  if (relabel !== undefined && !relabel(labels)) return undefined;
  const { pairs, key } = labelsFrom(labels);
  return pairs.length === 0 ? undefined : { labels: pairs, key };
}
