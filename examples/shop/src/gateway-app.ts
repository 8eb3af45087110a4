/** The application behind gateway: checkouts go on to order-service, products come from memory. */
import { getTelemetry } from "@triptych/telemetry";
import { createExpressApp, HttpError, listen } from "./express-app.ts";
import { createFaultSwitch } from "./faults.ts";
import { between, delay } from "./service.ts";

const telemetry = getTelemetry("gateway");
const checkouts = telemetry.counter("checkouts_total", {
  description: "Checkouts by the HTTP status they were answered with.",
});

const products = ["teapot", "lamp", "kettle", "chair", "clock"].map((name, i) => ({
  id: i + 1,
  name,
  price: 19 + 7 * i,
}));

/** Longer than order-service waits for a payment. */
const orderTimeoutMs = 20_000;

export function runGateway(port: number) {
  const faults = createFaultSwitch();
  const app = createExpressApp("gateway", faults);
  const meetFaults = async () => {
    const { slowSeconds, fail } = faults.draw();
    if (slowSeconds > 0) {
      await telemetry.trace("wait for session store", () => delay(slowSeconds * 1000));
    }
    if (fail) {
      telemetry.logError("session store is away", {});
      throw new HttpError(500, "session store is away");
    }
  };

  app.get("/products", async (_request, response) => {
    await meetFaults();
    const attributes = { "db.system.name": "memcached", "db.operation.name": "get" };
    await telemetry.span({ name: "get products", kind: "client", attributes }, () =>
      delay(between(1, 4)),
    );
    response.json(products);
  });
  app.post("/checkout", async (request, response) => {
    await meetFaults();
    const items = Math.ceil(between(0, 5));
    await telemetry.trace("price cart", { "cart.items": items }, () => delay(between(1, 5)));
    const { status, answer } = await placeOrder(request.query["fail"] === "true");
    checkouts.add(1, { status });
    if (status >= 500) telemetry.logWarning("checkout failed", { "order.status": status });
    else telemetry.logInfo("checkout done", { "cart.items": items });
    response.status(status).json(answer);
  });
  return listen(app, port);
}

async function placeOrder(fail: boolean): Promise<{ status: number; answer: unknown }> {
  const base = process.env["ORDER_URL"] ?? "http://127.0.0.1:8081";
  try {
    const response = await fetch(`${base}/orders${fail ? "?fail=true" : ""}`, {
      method: "POST",
      signal: AbortSignal.timeout(orderTimeoutMs),
    });
    return { status: response.status, answer: await response.json() };
  } catch (error) {
    telemetry.logError("order-service cannot be reached", {}, error);
    return { status: 503, answer: { error: "order-service cannot be reached" } };
  }
}
