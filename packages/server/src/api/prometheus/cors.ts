/** Which web pages of other origins may read answers, as Prometheus' `--web.cors.origin` has it. */
import type { FastifyReply, FastifyRequest } from "fastify";

export type AllowsOrigin = (origin: string) => "any" | "this" | "none";

export function setCors(request: FastifyRequest, reply: FastifyReply, allows: AllowsOrigin): void {
  reply.header("vary", "Origin");
  const { origin } = request.headers;
  if (origin === undefined) return;
  reply.headers({
    "access-control-allow-headers": "Accept, Authorization, Content-Type, Origin",
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-expose-headers": "Date",
  });
  const allowed = allows(origin);
  if (allowed !== "none")
    reply.header("access-control-allow-origin", allowed === "any" ? "*" : origin);
}
