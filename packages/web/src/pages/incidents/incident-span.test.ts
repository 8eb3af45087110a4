import type { Incident } from "@triptych/contract";
import { expect, test } from "vitest";
import { incidentSpan, incidentView } from "./incident-span.ts";

const minute = 60_000;
const now = Date.UTC(2026, 2, 12, 14, 23);
const incident = (resolved?: string): Incident => ({
  id: "INC-1",
  service: "payment-service",
  type: "High Latency",
  detected_at: "2026-03-12T14:02:00Z",
  ...(resolved !== undefined && { resolved_at: resolved }),
  latency_p95: 4,
  latency_p95_peak: 4,
  threshold: 2,
  requests: 1,
  errors: 0,
  slow_traces: [],
  trace_status: "ok",
});

test("open until now", () =>
  expect(incidentSpan(incident(), now)).toEqual({ from: now - 21 * minute, to: now, open: true }));
test("resolved", () =>
  expect(incidentSpan(incident("2026-03-12T14:10:00Z"), now)).toMatchObject({
    to: now - 13 * minute,
    open: false,
  }));
test("the view shows what was before, and never the future", () => {
  expect(incidentView(incidentSpan(incident(), now), now)).toEqual({
    from: now - 31.5 * minute,
    to: now,
  });
  expect(incidentView(incidentSpan(incident("2026-03-12T14:22:00Z"), now), now).to).toBe(now);
});
