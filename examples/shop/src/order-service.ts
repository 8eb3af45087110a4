/** order-service: takes orders and has them paid. Its metrics go out by OTLP and can be scraped too. */
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { readPort, startService } from "./service.ts";

const prometheus = new PrometheusExporter({ preventServerStart: true });

await startService({
  name: "order-service",
  port: readPort("ORDER_PORT", 8081),
  telemetry: { metricReaders: [prometheus] },
  run: async (port) => (await import("./order-app.ts")).runOrders(port, prometheus),
});
