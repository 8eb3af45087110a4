/** Runs the demo shop as `node tools/shop.mjs` does, on free ports, against a receiver that keeps what it is sent. */
import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, assert, beforeAll, expect, test, vi } from "vitest";
import { type CaughtSpan, createOtlpCatcher, type OtlpCatcher } from "./otlp-catcher.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
// Payments are slow at random, as they should be: two in a hundred take up to 4 s.
vi.setConfig({ testTimeout: 30_000 });
let catcher: OtlpCatcher;
let launcher: ChildProcess;
let urls: Readonly<Record<string, string>>;
let pids: Readonly<Record<string, number>>;

beforeAll(async () => {
  catcher = await createOtlpCatcher();
  launcher = spawn(process.execPath, [join(root, "tools", "shop.mjs")], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: {
      PATH: process.env["PATH"],
      ...{ GATEWAY_PORT: "0", ORDER_PORT: "0", PAYMENT_PORT: "0" },
      ...{ CHECKOUTS_PER_SECOND: "0", VISITS_PER_SECOND: "20" },
      OTEL_EXPORTER_OTLP_ENDPOINT: catcher.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
    },
  });
  const line = await new Promise<string>((resolve, reject) => {
    launcher.stdout?.once("data", (data: Buffer) => resolve(data.toString()));
    launcher.once("exit", (code) => reject(new Error(`the shop did not start: ${code}`)));
  });
  ({ urls, pids } = JSON.parse(line));
}, 30_000);

afterAll(async () => {
  launcher.kill("SIGKILL");
  await catcher.close();
});

interface Body {
  readonly trace_id?: string;
}
interface RecentTrace {
  readonly trace_id: string;
  readonly latency: number;
  readonly ts: string;
}

async function call<T = Body>(
  service: string,
  path: string,
  post?: object,
): Promise<{ readonly status: number; readonly body: T }> {
  const init: RequestInit =
    post === undefined
      ? {}
      : {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(post),
        };
  const response = await fetch(`${urls[service]}${path}`, init);
  return { status: response.status, body: (await response.json()) as T };
}

function spansOf(traceId: string): CaughtSpan[] {
  return catcher.spans.filter((span) => span.traceId === traceId);
}

for (const service of ["gateway", "order-service", "payment-service"]) {
  test(`${service}: health`, async () => {
    expect(await call(service, "/health")).toMatchObject({ status: 200, body: { status: "ok" } });
  });

  test(`${service}: faults are shown, changed and checked`, async () => {
    const before = (await call<object>(service, "/faults")).body;
    expect(before).toEqual({ slow: false, latencySeconds: 3, fail: false, share: 0.5 });
    const refused = await call(service, "/faults", { slow: "yes" });
    expect(refused).toEqual({ status: 400, body: { error: "slow is true or false" } });
    expect((await call(service, "/faults", { quick: true })).status).toBe(400);
    expect((await call(service, "/faults", { share: 1, latencySeconds: 0.5 })).body).toEqual({
      ...before,
      share: 1,
      latencySeconds: 0.5,
    });
    await call(service, "/faults", before);
  });
}

test("a checkout is one trace through three services, with logs and typical attributes", async () => {
  let checkout = await call("gateway", "/checkout", {});
  // One payment in a hundred fails, as it should.
  while (checkout.status !== 201) checkout = await call("gateway", "/checkout", {});
  const traceId = checkout.body.trace_id ?? "";
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  const wanted = [
    ...["gateway POST /checkout", "gateway price cart", "gateway POST"],
    ...["order-service POST /orders", "order-service process order", "order-service INSERT orders"],
    ...["payment-service GET /pay", "payment-service validate card", "payment-service fraud check"],
    ...["payment-service authorize payment", "payment-service POST /v2/authorize"],
    "payment-service INSERT payments",
  ];
  await catcher.until(`all of ${wanted.join(", ")}`, () => {
    const names = new Set(spansOf(traceId).map((span) => `${span.service} ${span.name}`));
    return wanted.every((name) => names.has(name));
  });
  const root = spansOf(traceId).find((span) => span.parentSpanId === "");
  expect(root).toMatchObject({ name: "POST /checkout", kind: 2 });
  const scopes = new Set(spansOf(traceId).map((span) => span.scope));
  for (const scope of ["-http", "-undici", "-express"]) {
    expect(scopes).toContain(`@opentelemetry/instrumentation${scope}`);
  }
  expect(scopes).toContain("@fastify/otel");
  // Every span hangs on another one of the trace: nothing is torn.
  const ids = new Set(spansOf(traceId).map((span) => span.spanId));
  const torn = spansOf(traceId).filter((span) => span !== root && !ids.has(span.parentSpanId));
  expect(torn.map((span) => span.name)).toEqual([]);
  const log = await catcher.until("the log", () =>
    catcher.logs.find((record) => record.traceId === traceId && record.body === "payment accepted"),
  );
  expect(log).toMatchObject({ service: "payment-service", severityText: "INFO" });
  expect(log.attributes["card.issuer"]).toMatch(/visa|mastercard|amex|discover/);
  expect(
    catcher.resources.find((resource) => resource["service.name"] === "gateway"),
  ).toMatchObject({
    "service.version": "1.0.0",
    "deployment.environment": "demo",
  });
});

test("payments: recent traces are the last five", async () => {
  const paid = [];
  for (let i = 0; i < 6; i++) paid.push(await call("payment-service", "/pay"));
  const { body } = await call<RecentTrace[]>("payment-service", "/recent-traces");
  expect(body).toHaveLength(5);
  for (const trace of body) {
    expect(Object.keys(trace)).toEqual(["trace_id", "latency", "endpoint", "ts"]);
    expect(trace).toMatchObject({ endpoint: "/pay", trace_id: expect.stringMatching(/^\w{32}$/) });
    expect(trace.latency).toBeGreaterThan(0.03);
    expect(new Date(trace.ts).toISOString()).toBe(trace.ts);
  }
  const ids = paid.slice(1).map((answer) => answer.body.trace_id ?? expect.anything());
  expect(body.map((trace) => trace.trace_id)).toEqual(ids);
});

test("slow payments take the seconds they are told and try acme-gateway again", async () => {
  const faults = { slow: true, latencySeconds: 1.5, share: 1 };
  await call("payment-service", "/faults", faults);
  // One payment in a hundred fails, and may do so before acme-gateway is asked.
  while ((await call("payment-service", "/pay")).status !== 200);
  await call("payment-service", "/faults", { slow: false });
  const [slow] = (await call<RecentTrace[]>("payment-service", "/recent-traces")).body.slice(-1);
  assert(slow !== undefined);
  expect(slow.latency).toBeGreaterThan(1.3);
  expect(slow.latency).toBeLessThan(2.5);
  await catcher.until("its spans", () =>
    spansOf(slow.trace_id).find((span) => span.name === "GET /pay"),
  );
  const attempts = spansOf(slow.trace_id).filter((span) => span.name === "POST /v2/authorize");
  expect(attempts.map((span) => span.attributes["http.request.resend_count"])).toEqual([
    undefined,
    1,
  ]);
  expect(attempts[0]?.status.code).toBe(2);
  const warnings = catcher.logs.filter((record) => record.traceId === slow.trace_id);
  expect(warnings.map((record) => record.severityText)).toContain("WARN");
});

test("failing payments are answered, counted, logged, and fail their orders", async () => {
  await call("payment-service", "/faults", { fail: true, share: 1 });
  const order = await call("order-service", "/orders", {});
  await call("payment-service", "/faults", { fail: false, share: 0.5 });
  expect(order).toMatchObject({
    status: 502,
    body: { status: "failure", error: "payment failed: acme-gateway answered 503" },
  });
  const failures = await catcher.until("the counter", () =>
    catcher.metrics
      .filter((metric) => metric.name === "payment_failures_total")
      .flatMap((metric) => metric.points)
      .find((point) => point.attributes["reason"] === "gateway_error" && point.value > 0),
  );
  expect(failures.value).toBeGreaterThanOrEqual(1);
  const error = await catcher.until("the log", () =>
    catcher.logs.find(
      (record) => record.traceId === order.body.trace_id && record.body === "payment failed",
    ),
  );
  expect(error).toMatchObject({
    severityText: "ERROR",
    attributes: { "exception.type": "PaymentError" },
  });
});

test("orders: forced failure, simulation with its bounds, and metrics to scrape", async () => {
  expect((await call("order-service", "/orders?fail=true", {})).status).toBe(500);
  for (const query of ["count=0", "count=1001", "count=x", "error_rate=1.5"]) {
    expect((await call("order-service", `/simulate?${query}`, {})).status, query).toBe(400);
  }
  const simulated = await call("order-service", "/simulate?count=12&error_rate=1", {});
  expect(simulated).toMatchObject({ status: 200, body: { count: 12, success: 0, failure: 12 } });
  const text = await (await fetch(`${urls["order-service"]}/metrics`)).text();
  for (const line of [
    /^orders_processed_total\{status="failure".*\} 1[3-9]$/m,
    /^orders_processed_total\{status="success".*\} \d+$/m,
    /^order_duration_seconds_bucket\{.*le="2".*\} \d+$/m,
    /^order_queue_depth.* 0$/m,
  ]) {
    expect(text).toMatch(line);
  }
});

test("metrics go out under the names people query, with their units", async () => {
  const unitOf = (name: string) =>
    catcher.until(name, () => catcher.metrics.find((metric) => metric.name === name));
  for (const [name, unit, kind] of [
    ["payment_latency_seconds", "s", "histogram"],
    ["payment_failures_total", "", "sum"],
    ["orders_processed_total", "", "sum"],
    ["order_duration_seconds", "s", "histogram"],
    ["order_queue_depth", "{order}", "gauge"],
    ["checkouts_total", "", "sum"],
  ] as const) {
    expect(await unitOf(name)).toMatchObject({ unit, kind });
  }
  await catcher.until("customers", () => catcher.spans.find((span) => span.service === "traffic"));
});

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test("when the launcher is killed, nothing is left behind", async () => {
  const all = Object.values(pids);
  expect(all.map(isAlive)).toEqual([true, true, true, true]);
  launcher.kill("SIGKILL");
  // Grandchildren: there is no event to wait for.
  const deadlineMs = Date.now() + 4_000;
  while (all.some(isAlive) && Date.now() < deadlineMs) {
    await delay(20);
  }
  expect(all.map(isAlive)).toEqual([false, false, false, false]);
});
