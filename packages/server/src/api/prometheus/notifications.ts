/** What the server wants people to know: as a list, and live as server-sent events. */
import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { answerJson, type Context, type Exchange, type Route } from "./exchange.ts";

export const notificationRoutes: readonly Route[] = [
  [
    ["GET"],
    "/notifications",
    async ({ views }, exchange) => answerJson(exchange, views.notifications?.list() ?? []),
  ],
  [["GET"], "/notifications/live", live],
];

/** As Prometheus' `--web.max-notifications-subscribers`: more than this are sent away without an answer. */
const SUBSCRIBERS_MAX = 16;
/** So that a proxy keeps the connection and a client that has gone is noticed. */
const BEAT_MS = 15_000;

let subscribers = 0;

async function live({ views, clock }: Context, { reply, ask }: Exchange): Promise<FastifyReply> {
  if (subscribers >= SUBSCRIBERS_MAX) return reply.code(204).send();
  subscribers++;
  const stream = new Readable({ read() {} });
  const send = (notification: unknown): void => {
    stream.push(`data: ${JSON.stringify(notification)}\n\n`);
  };
  for (const notification of views.notifications?.list() ?? []) send(notification);
  const unsubscribe = views.notifications?.subscribe(send);
  let cancel = (): void => {};
  const beat = (): void => {
    stream.push(": \n\n");
    cancel = clock.after(BEAT_MS, beat);
  };
  beat();
  const end = (): void => {
    if (stream.destroyed) return;
    subscribers--;
    cancel();
    unsubscribe?.();
    stream.destroy();
  };
  ask.signal.addEventListener("abort", end, { once: true });
  stream.once("close", end);
  return reply
    .headers({ "content-type": "text/event-stream", "cache-control": "no-cache" })
    .send(stream);
}
