/** What the shop's express services share: health, faults and answers to errors. */
import type { Server } from "node:http";
import { getTelemetry } from "@triptych/telemetry";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import type { FaultSwitch } from "./faults.ts";

/** An answer other than 2xx that is meant, with its status. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export function createExpressApp(name: string, faults: FaultSwitch): Express {
  const app = express();
  app.disable("x-powered-by");
  app.use(express.json({ limit: "64kb" }));
  app.get("/health", (_request, response) => {
    response.json({ status: "ok", service: name });
  });
  app.get("/faults", (_request, response) => {
    response.json(faults.get());
  });
  app.post("/faults", (request, response) => {
    try {
      response.json(faults.set(request.body));
    } catch (error) {
      throw new HttpError(400, (error as Error).message);
    }
    getTelemetry(name).logWarning("faults changed", { ...faults.get() });
  });
  return app;
}

/** Adds what must come after all routes and listens. Rejects when the port cannot be had. */
export function listen(app: Express, port: number): Promise<{ server: Server; close(): void }> {
  app.use((_request: Request, response: Response) => {
    response.status(404).json({ error: "no such page" });
  });
  // Express knows a handler for errors by its four parameters.
  app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
    const { status = 500 } = error as { status?: number };
    response.status(status).json({ error: error.message });
  });
  return new Promise((resolve, reject) => {
    const server = app.listen(port, process.env["SHOP_HOST"] ?? "127.0.0.1");
    const close = () => {
      server.close();
      server.closeIdleConnections();
    };
    server.once("listening", () => resolve({ server, close }));
    server.once("error", reject);
  });
}
