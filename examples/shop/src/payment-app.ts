/** The application behind payment-service. `GET /pay` plans how the payment will go, then plays it with spans, logs and metrics. */
import { getTelemetry, type Span } from "@triptych/telemetry";
import { authorize } from "./acme-gateway.ts";
import { createExpressApp, HttpError, listen } from "./express-app.ts";
import { createFaultSwitch, type FaultSwitch } from "./faults.ts";
import { between, delay, pick } from "./service.ts";

const telemetry = getTelemetry("payment-service");
const latency = telemetry.histogram("payment_latency_seconds", {
  unit: "s",
  description: "Time a payment takes.",
  // Close together around 2 s, the threshold that matters here.
  boundaries: [0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10],
});
const failures = telemetry.counter("payment_failures_total", {
  description: "Payments that failed.",
});

export interface RecentTrace {
  readonly trace_id: string;
  /** Seconds. */
  readonly latency: number;
  readonly endpoint: string;
  /** ISO 8601, UTC. */
  readonly ts: string;
}

const recentMax = 5;
const reasons = ["card_declined", "gateway_error"] as const;
type FailureReason = (typeof reasons)[number];

/** How one payment will go. */
export interface Plan {
  readonly seconds: number;
  readonly failure: FailureReason | undefined;
}

class PaymentError extends Error {
  override readonly name = "PaymentError";
  readonly reason: FailureReason;
  constructor(reason: FailureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export function runPayments(port: number) {
  const faults = createFaultSwitch();
  const recent: RecentTrace[] = [];
  // A counter that has never counted does not exist for those who watch it.
  for (const reason of reasons) failures.add(0, { reason });

  const app = createExpressApp("payment-service", faults);
  app.get("/pay", async (_request, response) => {
    const startMs = performance.now();
    let status = "failure";
    try {
      const receipt = await pay(planPayment(faults));
      status = "success";
      response.json({ status, ...receipt, trace_id: telemetry.currentTraceId() });
    } catch (error) {
      if (!(error instanceof PaymentError)) throw error;
      failures.add(1, { reason: error.reason });
      telemetry.logError("payment failed", { "payment.failure": error.reason }, error);
      throw new HttpError(error.reason === "card_declined" ? 402 : 502, error.message);
    } finally {
      const seconds = (performance.now() - startMs) / 1000;
      latency.record(seconds, { status });
      recent.push({
        trace_id: telemetry.currentTraceId(),
        latency: Number(seconds.toFixed(3)),
        endpoint: "/pay",
        ts: new Date().toISOString(),
      });
      if (recent.length > recentMax) recent.shift();
    }
  });
  app.get("/recent-traces", (_request, response) => {
    response.json(recent);
  });
  return listen(app, port);
}

/** 50 to 800 ms, mostly short; 2 % take 1.5 to 4 s; 1 % fail. Faults come on top. */
export function planPayment(faults: FaultSwitch, random: () => number = Math.random): Plan {
  const fault = faults.draw();
  const usual = random() < 0.02 ? 1.5 + 2.5 * random() : 0.05 + 0.75 * random() ** 2;
  if (fault.fail) return { seconds: fault.slowSeconds || usual, failure: "gateway_error" };
  const failure = random() < 0.01 ? pick(reasons) : undefined;
  return { seconds: fault.slowSeconds || usual, failure };
}

async function pay(plan: Plan): Promise<{ payment_id: string; amount: number }> {
  const amount = Number(between(5, 250).toFixed(2));
  const issuer = pick(["visa", "visa", "mastercard", "mastercard", "amex", "discover"]);
  const card = { "card.issuer": issuer, "card.country": pick(["US", "DE", "FR", "BR", "JP"]) };
  const order = { ...card, "payment.amount": amount, "payment.currency": "EUR" };
  await telemetry.trace("validate card", card, () => delay(plan.seconds * 20));
  await telemetry.trace("fraud check", order, (span) => checkFraud(span, plan.seconds * 80));
  await telemetry.trace("authorize payment", order, async () => {
    if (plan.failure === "card_declined") {
      throw new PaymentError("card_declined", `${issuer} declined the card`);
    }
    const authorized = await authorize(plan.seconds * 0.82, plan.failure === undefined);
    if (!authorized) throw new PaymentError("gateway_error", "acme-gateway answered 503");
  });
  const payment_id = crypto.randomUUID();
  await storePayment(plan.seconds * 80);
  telemetry.logInfo("payment accepted", { ...order, "payment.id": payment_id });
  return { payment_id, amount };
}

async function checkFraud(span: Span, ms: number): Promise<void> {
  await delay(ms);
  const score = Number((Math.random() ** 4).toFixed(3));
  span.setAttribute("fraud.score", score);
  if (score > 0.9) telemetry.logWarning("payment looks unusual", { "fraud.score": score });
  else telemetry.logDebug("fraud check passed", { "fraud.score": score });
}

function storePayment(ms: number): Promise<void> {
  const attributes = {
    "db.system.name": "postgresql",
    "db.namespace": "payments",
    "db.operation.name": "INSERT",
    "db.collection.name": "payments",
    "db.query.text": "INSERT INTO payments (id, amount, currency, issuer) VALUES ($1, $2, $3, $4)",
    "server.address": "payments-db",
    "server.port": 5432,
  };
  return telemetry.span({ name: "INSERT payments", kind: "client", attributes }, () => delay(ms));
}
