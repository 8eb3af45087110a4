/** A signal that fires when the client closes the connection before it has its answer: queries for it then stop. */
import type { FastifyReply } from "fastify";

export function clientGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const { raw } = reply;
  raw.once("close", () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
