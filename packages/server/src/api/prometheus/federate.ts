/** `/federate`: the newest samples of what is selected, for another Prometheus to scrape. */
import { asTriptychError } from "@triptych/model";
import { federationFormat, federationProtobuf, federationText } from "@triptych/wire";
import type { FastifyReply } from "fastify";
import { federated } from "../../query/remote-read/federated.ts";
import { type Context, type Exchange, selectorsOf } from "./exchange.ts";
import { paced, sendPieces } from "./send-stream.ts";

const LOOKBACK_MS = 300_000;

/** Errors are plain text here. */
export async function federate(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { params, request, reply, ask } = exchange;
  try {
    await ask.memory?.admit(ask);
    const format = federationFormat(String(request.headers.accept ?? ""));
    const families = await federated(
      context.source,
      {
        selectors: selectorsOf(params, "bare"),
        nowMs: context.clock.nowMs(),
        lookbackMs: LOOKBACK_MS,
        externalLabels: context.externalLabels(),
      },
      ask,
    );
    reply.type(format.contentType);
    const { kind, escaping } = format;
    if (kind === "protobuf")
      return await sendPieces(reply, paced(federationProtobuf(families, escaping)));
    return await sendPieces(reply, paced(federationText(families, escaping)));
  } catch (thrown) {
    return plainError(reply, thrown);
  }
}

/** As Go's `http.Error`. */
export function plainError(reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = asTriptychError(thrown);
  if (error.code === "internal") throw thrown;
  const status = error.code === "query_limit" ? 400 : error.spec.status;
  if (error.retryAfterSeconds !== undefined)
    reply.header("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  return reply.code(status).type("text/plain; charset=utf-8").send(`${error.message}\n`);
}
