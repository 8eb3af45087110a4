/** Errors in the shape and with the status of the Prometheus HTTP API. */
import { asTriptychError, type ErrorCode, type TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";

const types: { readonly [code in ErrorCode]?: readonly [status: number, type: string] } = {
  query_invalid: [400, "bad_data"],
  wire_too_large: [413, "bad_data"],
  media_type_unsupported: [415, "bad_data"],
  query_unsupported: [422, "execution"],
  query_failed: [422, "execution"],
  query_limit: [422, "execution"],
  query_timeout: [503, "timeout"],
  query_cancelled: [499, "canceled"],
  query_queue_full: [503, "unavailable"],
  store_unavailable: [503, "unavailable"],
  shutting_down: [503, "unavailable"],
  not_found: [404, "not_found"],
};

/** An error that none of our codes stands for: Prometheus' own type and status. */
export class PrometheusError extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

function send(
  reply: FastifyReply,
  { status, type, message }: { status: number; type: string; message: string },
): FastifyReply {
  return reply
    .code(status)
    .type("application/json")
    .send(Buffer.from(JSON.stringify({ status: "error", errorType: type, error: message })));
}

export function sendPrometheusError(
  reply: FastifyReply,
  thrown: unknown,
  report: ((error: TriptychError) => void) | undefined,
): FastifyReply {
  if (thrown instanceof PrometheusError) return send(reply, thrown);
  const error = asTriptychError(thrown);
  const [status, type] = types[error.code] ?? [500, "internal"];
  if (error.code === "internal") report?.(error);
  if (error.retryAfterSeconds !== undefined)
    reply.header("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  const message =
    error.code === "internal"
      ? "The request met a bug; the server's log says which."
      : error.message;
  return send(reply, { status, type, message });
}
