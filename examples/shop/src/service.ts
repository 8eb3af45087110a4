/**
 * What the shop's processes have in common: telemetry first, then the application, then a clean end.
 * The application is imported only after telemetry is configured, so that its frameworks are traced.
 */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { configureTelemetry, type TelemetryOptions } from "@triptych/telemetry";

export interface Service {
  /** `service.name`. */
  readonly name: string;
  /** Where it listens; 0 is any free port. Undefined: it serves nobody. */
  readonly port?: number;
  readonly telemetry?: TelemetryOptions;
  /** Starts the application. `close` must stop new work at once and may wait for what is running. */
  run(port: number): Promise<{ readonly server?: Server; close(): Promise<unknown> | unknown }>;
}

/** After SIGTERM everything is over within this, whatever still runs. */
const stopMs = 1_800;

export async function startService(service: Service): Promise<void> {
  const telemetry = configureTelemetry({
    serviceName: service.name,
    serviceVersion: process.env["SHOP_VERSION"] ?? "1.0.0",
    environment: "demo",
    metricIntervalMs: readNumber("OTEL_METRIC_EXPORT_INTERVAL", 5_000),
    // Four processes that export every second would work more on exporting than on selling.
    batchDelayMs: readNumber("OTEL_BSP_SCHEDULE_DELAY", 2_000),
    // What the launcher and people ask all the time says nothing about the shop.
    ignorePaths: ["/health", "/metrics", "/faults"],
    ...service.telemetry,
    shutdownTimeoutMs: 1_200,
  });
  const app = await service.run(service.port ?? 0).catch(refuse);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(0), stopMs).unref();
    void Promise.resolve(app.close())
      .then(() => telemetry.shutdown())
      .then(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // The launcher holds an IPC channel: when it dies, in whatever way, nothing is left behind.
  process.on("disconnect", stop);
  const address = app.server?.address() as AddressInfo | null | undefined;
  process.send?.({ ready: service.name, port: address?.port });
}

function refuse(error: unknown): never {
  const { code, port } = error as { code?: string; port?: number };
  const reason = code === "EADDRINUSE" ? `port ${port} is in use` : String(error);
  process.stderr.write(`${reason}\n`);
  process.exit(2);
}

/** A variable's number, not below 0. @throws RangeError when it holds something else. */
export function readNumber(name: string, fallback: number): number {
  const number = Number(process.env[name] ?? fallback);
  if (!(number >= 0))
    throw new RangeError(`${name}=${process.env[name]} is not a number from 0 up`);
  return number;
}

/** @throws RangeError when the variable holds something else than a port. */
export function readPort(name: string, fallback: number): number {
  const port = readNumber(name, fallback);
  if (!Number.isInteger(port) || port > 65_535)
    throw new RangeError(`${name}=${port} is not a port`);
  return port;
}

export const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Uniform between the two. */
export const between = (low: number, high: number) => low + Math.random() * (high - low);

export function pick<T>(choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(Math.random() * choices.length)] ?? choices[0];
}
