/** payment-service: takes money, slowly now and then. */
import { readPort, startService } from "./service.ts";

await startService({
  name: "payment-service",
  port: readPort("PAYMENT_PORT", 8082),
  run: async (port) => (await import("./payment-app.ts")).runPayments(port),
});
