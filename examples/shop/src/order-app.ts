/** The application behind order-service, on fastify. */
import type { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { getTelemetry } from "@triptych/telemetry";
import fastify, { type FastifyInstance } from "fastify";
import { createFaultSwitch, type FaultSwitch } from "./faults.ts";
import { processOrder, queueDepth } from "./process-order.ts";

const telemetry = getTelemetry("order-service");

/** More would keep one request open for a minute and more. */
const simulateMax = 1_000;
const simulateConcurrency = 20;

export async function runOrders(port: number, prometheus: PrometheusExporter) {
  const faults = createFaultSwitch();
  const app = fastify({ bodyLimit: 65_536, forceCloseConnections: "idle" });
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ status: "failure", error: error.message }),
  );
  app.get("/health", () => ({ status: "ok", service: "order-service", queue: queueDepth() }));
  app.get("/metrics", (request, reply) => {
    reply.hijack();
    prometheus.getMetricsRequestHandler(request.raw, reply.raw);
  });
  addFaultRoutes(app, faults);
  addOrderRoutes(app, faults);
  await app.listen({ port, host: process.env["SHOP_HOST"] ?? "127.0.0.1" });
  return { server: app.server, close: () => app.close() };
}

function addFaultRoutes(app: FastifyInstance, faults: FaultSwitch): void {
  app.get("/faults", () => faults.get());
  app.post("/faults", (request, reply) => {
    try {
      faults.set(request.body);
    } catch (error) {
      return reply.code(400).send({ error: (error as Error).message });
    }
    telemetry.logWarning("faults changed", { ...faults.get() });
    return reply.send(faults.get());
  });
}

function addOrderRoutes(app: FastifyInstance, faults: FaultSwitch): void {
  app.post<{ Querystring: { fail?: string } }>("/orders", async (request, reply) => {
    const outcome = await processOrder({ fail: request.query.fail === "true", faults });
    const trace_id = telemetry.currentTraceId();
    return reply.code(outcome.httpStatus).send({ ...outcome.answer, trace_id });
  });
  app.post<{ Querystring: { count?: string; error_rate?: string } }>(
    "/simulate",
    async (request, reply) => {
      const count = Number(request.query.count ?? 20);
      const errorRate = Number(request.query.error_rate ?? 0.1);
      if (!Number.isInteger(count) || count < 1 || count > simulateMax) {
        return reply.code(400).send({ error: `count is a whole number from 1 to ${simulateMax}` });
      }
      if (!(errorRate >= 0 && errorRate <= 1)) {
        return reply.code(400).send({ error: "error_rate is a number from 0 to 1" });
      }
      return reply.send(await simulate(count, { errorRate, faults }));
    },
  );
}

async function simulate(count: number, how: { errorRate: number; faults: FaultSwitch }) {
  const startMs = performance.now();
  const tally = { success: 0, failure: 0 };
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left--;
      const order = { fail: Math.random() < how.errorRate, faults: how.faults };
      const { answer } = await processOrder(order);
      tally[answer.status]++;
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, simulateConcurrency) }, worker));
  const duration_seconds = Number(((performance.now() - startMs) / 1000).toFixed(3));
  telemetry.logInfo("simulation ended", { count, ...tally });
  return { count, ...tally, duration_seconds };
}
