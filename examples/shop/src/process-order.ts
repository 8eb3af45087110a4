/** One order from stock to payment, with its metrics. Never throws: a failed order is an outcome. */
import { getTelemetry } from "@triptych/telemetry";
import type { FaultSwitch } from "./faults.ts";
import { between, delay, pick } from "./service.ts";

const telemetry = getTelemetry("order-service");
const processed = telemetry.counter("orders_processed_total", {
  description: "Orders by how they ended.",
});
const duration = telemetry.histogram("order_duration_seconds", {
  unit: "s",
  description: "Time an order takes, payment included.",
  boundaries: [0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10],
});
const queue = telemetry.gauge("order_queue_depth", {
  unit: "{order}",
  description: "Orders being worked on.",
});

export interface Order {
  /** Make it fail, whatever happens. */
  readonly fail: boolean;
  readonly faults: FaultSwitch;
}
export interface Outcome {
  readonly httpStatus: number;
  readonly answer: {
    readonly status: "success" | "failure";
    readonly order_id: string;
    readonly error?: string;
  };
}

/** Longer than the slowest payment without faults; a payment that takes more is lost. */
const paymentTimeoutMs = 15_000;

/** What went wrong with an order, and what the caller is answered. */
class OrderError extends Error {
  override readonly name = "OrderError";
  readonly httpStatus: number;
  constructor(httpStatus: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.httpStatus = httpStatus;
  }
}

let depth = 0;
export const queueDepth = () => depth;

// Series that have never counted do not exist for those who watch them.
for (const status of ["success", "failure"]) processed.add(0, { status });
queue.record(0);

export async function processOrder(order: Order): Promise<Outcome> {
  const order_id = crypto.randomUUID();
  const startMs = performance.now();
  queue.record(++depth);
  let outcome: Outcome;
  try {
    await telemetry.trace("process order", { "order.id": order_id }, () => steps(order));
    telemetry.logInfo("order placed", { "order.id": order_id });
    outcome = { httpStatus: 201, answer: { status: "success", order_id } };
  } catch (error) {
    telemetry.logError("order failed", { "order.id": order_id }, error);
    const httpStatus = error instanceof OrderError ? error.httpStatus : 500;
    const message = error instanceof Error ? error.message : String(error);
    outcome = { httpStatus, answer: { status: "failure", order_id, error: message } };
  }
  queue.record(--depth);
  const { status } = outcome.answer;
  processed.add(1, { status });
  duration.record((performance.now() - startMs) / 1000, { status });
  return outcome;
}

async function steps(order: Order): Promise<void> {
  const fault = order.faults.draw();
  const items = Math.ceil(between(0, 5));
  const stock = {
    "db.system.name": "redis",
    "db.operation.name": "DECRBY",
    "server.address": "stock-cache",
    "server.port": 6379,
    "order.items": items,
  };
  await telemetry.span({ name: "reserve stock", kind: "client", attributes: stock }, async () => {
    await delay(between(2, 8) + fault.slowSeconds * 1000);
    if (order.fail || fault.fail) {
      const product = pick(["teapot", "lamp", "kettle"]);
      throw new OrderError(500, `${product} is out of stock`);
    }
  });
  await telemetry.trace("charge customer", takePayment);
  const insert = {
    "db.system.name": "postgresql",
    "db.namespace": "orders",
    "db.operation.name": "INSERT",
    "db.collection.name": "orders",
    "db.query.text": "INSERT INTO orders (id, customer, total) VALUES ($1, $2, $3)",
    "server.address": "orders-db",
    "server.port": 5432,
  };
  const span = { name: "INSERT orders", kind: "client", attributes: insert } as const;
  await telemetry.span(span, () => delay(between(3, 12)));
}

async function takePayment(): Promise<void> {
  const base = process.env["PAYMENT_URL"] ?? "http://127.0.0.1:8082";
  const response = await fetch(`${base}/pay`, {
    signal: AbortSignal.timeout(paymentTimeoutMs),
  }).catch((error: unknown) => {
    throw new OrderError(503, "payment-service cannot be reached", { cause: error });
  });
  const answer = (await response.json()) as { error?: string };
  if (!response.ok) throw new OrderError(502, `payment failed: ${answer.error}`);
}
