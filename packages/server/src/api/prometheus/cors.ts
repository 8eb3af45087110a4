/** Which web pages of other origins may read answers, as Prometheus' `--web.cors.origin` has it. */
import type { FastifyReply, FastifyRequest } from "fastify";

export type AllowsOrigin = (origin: string) => boolean;

export function setCors(request: FastifyRequest, reply: FastifyReply, allows: AllowsOrigin): void {
  // Answers are compressed for whom that suits, which is said also when this one is not.
  reply.header("vary", "Accept-Encoding, Origin");
  const { origin } = request.headers;
  if (origin === undefined) return;
  reply.headers({
    "access-control-allow-headers": "Accept, Authorization, Content-Type, Origin",
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-expose-headers": "Date",
  });
  if (allows(origin)) reply.header("access-control-allow-origin", origin);
}
