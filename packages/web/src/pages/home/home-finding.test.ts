import type { Alert, Incident } from "@triptych/contract";
import { describe, expect, test } from "vitest";
import { healthOf } from "../services/service-health.ts";
import { firingAlerts, homeFinding } from "./home-finding.ts";

const alert = (name: string, severity: string, state: Alert["state"] = "firing"): Alert => ({
  ...{ id: name, name, state, labels: { severity }, annotations: {}, value: 1, valueText: "1" },
  ...{ activeAtMs: 1, rule: "r" },
});
const incident = (id: string, resolved = false): Incident => ({
  ...{ id, service: "pay", type: "High Latency", detected_at: "2026-03-12T14:02:00Z" },
  ...{ latency_p95: 4, latency_p95_peak: 4, threshold: 2, requests: 1, errors: 0 },
  ...{ slow_traces: [], trace_status: "ok" },
  ...(resolved && { resolved_at: "2026-03-12T14:03:00Z" }),
});
const row = (name: string, errors: number) => {
  const now = { requests: 100, errors, p95Ns: 1 };
  return { name, now, health: healthOf(now, undefined, 1), p50Ns: 1, p99Ns: 1, red: undefined };
};

describe("what comes first", () => {
  const check = (want: string, given: Partial<Parameters<typeof homeFinding>[0]>) =>
    test(want, () =>
      expect(homeFinding({ incidents: [], alerts: [], rows: [], ...given }).kind).toBe(want),
    );
  const bad = row("bad", 50);
  const ill = row("ill", 3);
  check("calm", { rows: [row("fine", 0)], incidents: [incident("INC-1", true)] });
  check("incident", { incidents: [incident("INC-1")], alerts: [alert("A", "page")], rows: [bad] });
  check("service", { alerts: [alert("A", "page")], rows: [bad] });
  check("alert", { alerts: [alert("A", "warning")], rows: [ill] });
  check("service", { alerts: [alert("A", "info"), alert("B", "page", "pending")], rows: [ill] });
});
test("alerts: worst first, only those that fire", () =>
  expect(
    firingAlerts([alert("b", "warning"), alert("p", "page", "pending"), alert("a", "page")]).map(
      ({ name }) => name,
    ),
  ).toEqual(["a", "b"]));
