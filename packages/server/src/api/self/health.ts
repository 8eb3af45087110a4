/** `/healthz`, `/readyz`, `/metrics` and our own status: how Triptych itself is doing. */
import type { StatusAnswer } from "@triptych/contract";
import type { FastifyInstance } from "fastify";
import type { SendPage } from "../web-files.ts";

export interface HealthDeps {
  /** Undefined when data can be accepted and queried, else what is missing. */
  readonly notReady: () => string | undefined;
  readonly metrics: () => string;
  readonly sendPage: SendPage;
  readonly status: () => Promise<StatusAnswer>;
}

export function registerHealth(app: FastifyInstance, deps: HealthDeps): void {
  app.get("/healthz", (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get("/readyz", (_request, reply) => {
    const missing = deps.notReady();
    reply.type("text/plain");
    if (missing === undefined) return reply.send("ready\n");
    return reply.code(503).header("retry-after", "1").send(`not ready: ${missing}\n`);
  });
  // The address is both a page of the interface and what scrapers ask: whoever names HTML first is a person.
  // `/metrics?format=text` shows the text in a browser, too.
  app.get("/metrics", (request, reply) => {
    const { format } = request.query as { readonly format?: unknown };
    const person = (request.headers.accept ?? "").startsWith("text/html") && format !== "text";
    const page = person ? deps.sendPage(request, reply) : undefined;
    return page ?? reply.type("text/plain; version=0.0.4; charset=utf-8").send(deps.metrics());
  });
  app.get("/api/triptych/status", async () => deps.status());
}
