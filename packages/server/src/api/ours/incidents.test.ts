import type { Incident } from "@triptych/contract";
import { afterAll, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import { registerIncidentsApi } from "./incidents.ts";

const incident: Incident = {
  id: "INC-1",
  service: "payment-service",
  type: "High Latency",
  detected_at: "2026-01-01T00:00:00.000Z",
  latency_p95: 2.5,
  latency_p95_peak: 3,
  threshold: 2,
  requests: 10,
  errors: 1,
  slow_traces: [],
  trace_status: "ok",
};
const app = createHttpServer({ report: () => {} });
registerIncidentsApi(app, {
  watch: { list: () => [incident], get: (id) => (id === "INC-1" ? incident : undefined) },
  prefix: "/api/triptych",
});
afterAll(() => app.close());

const check = (path: string, status: number, want: unknown) =>
  test(path, async () => {
    const answer = await app.inject({ url: `/api/triptych${path}` });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual(want);
  });
check("/incidents", 200, [incident]);
check("/incidents/INC-1", 200, incident);
check("/incidents/INC-2", 404, {
  error: { code: "not_found", message: 'there is no incident "INC-2"; ids are like INC-1' },
});
