/** What the first page says first: the worst of incidents, alerts and services, or that all is calm. */
import type { Alert, Incident } from "@triptych/contract";
import { severityOf, sinceMs } from "../alerts/alert-words.ts";
import type { ServiceRow } from "../services/use-services.ts";

export type HomeFinding =
  | { readonly kind: "incident"; readonly incident: Incident }
  | { readonly kind: "service"; readonly row: ServiceRow }
  | { readonly kind: "alert"; readonly alert: Alert }
  | { readonly kind: "calm" };

/** An incident comes first: it has its evidence already. Then what is critical, then the rest. */
export function homeFinding(found: {
  readonly incidents: readonly Incident[];
  readonly alerts: readonly Alert[];
  readonly rows: readonly ServiceRow[];
}): HomeFinding {
  const [incident] = found.incidents.filter(({ resolved_at }) => resolved_at === undefined);
  if (incident !== undefined) return { kind: "incident", incident };
  const [alert] = firingAlerts(found.alerts);
  const [row] = found.rows.filter(({ health }) => health.badness > 10);
  if (row?.health.state === "critical") return { kind: "service", row };
  if (alert !== undefined && severityOf(alert.labels).state !== "info")
    return { kind: "alert", alert };
  return row === undefined ? { kind: "calm" } : { kind: "service", row };
}

/** The worst first, then the newest. */
export function firingAlerts(alerts: readonly Alert[]): Alert[] {
  return alerts
    .filter(({ state }) => state === "firing")
    .sort(
      (a, b) => severityOf(a.labels).rank - severityOf(b.labels).rank || sinceMs(b) - sinceMs(a),
    );
}
