/** The time of an incident, and the time worth looking at around it. */
import type { Incident } from "@triptych/contract";

const leadMs = 5 * 60_000;

export interface IncidentSpan {
  readonly from: number;
  readonly to: number;
  readonly open: boolean;
}

/** From detection to its end, or to now while it is open. */
export function incidentSpan(incident: Incident, nowMs: number): IncidentSpan {
  const from = Date.parse(incident.detected_at);
  const end = incident.resolved_at === undefined ? Number.NaN : Date.parse(incident.resolved_at);
  return { from, to: Number.isNaN(end) ? Math.max(from, nowMs) : end, open: Number.isNaN(end) };
}

/** With what was usual before it, so that the change is seen. */
export function incidentView(
  span: IncidentSpan,
  nowMs: number,
): { readonly from: number; readonly to: number } {
  const lead = Math.max(leadMs, (span.to - span.from) / 2);
  return {
    from: Math.floor(span.from - lead),
    to: Math.ceil(Math.min(nowMs, span.to + (span.open ? 0 : lead / 2))),
  };
}
