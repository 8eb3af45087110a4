/** Requests to delete lines, as Loki's compactor takes them: where deleting is switched on. */
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import type { DeleteView, LogDeletes } from "../../query/log-deletes/log-deletes.ts";
import { type Context, type Exchange, located, nowNs } from "./exchange.ts";
import { durationParam, timeParam } from "./params.ts";

const OFF =
  "deletion is not available for this tenant: lines are deleted by age and size, as configured\n";

export async function deletes(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { request, reply } = exchange;
  if (context.deletes === undefined)
    return request.method === "GET"
      ? reply.send([])
      : reply.code(403).type("text/plain; charset=utf-8").send(OFF);
  switch (request.method) {
    case "GET":
      return reply.send(context.deletes.list().map(shown));
    case "DELETE":
      return cancel(context.deletes, exchange);
    default:
      return add(context, context.deletes, exchange);
  }
}

async function add(
  { clock }: Context,
  made: LogDeletes,
  { params, reply }: Exchange,
): Promise<FastifyReply> {
  const query = params.get("query") ?? "";
  if (query === "") throw wrong("query not set");
  if ((params.get("start") ?? "") === "") throw wrong("start time not set");
  const now = nowNs(clock);
  const fromNs = timeParam(params, "start", 0n);
  const endNs = timeParam(params, "end", now);
  if (fromNs > endNs) throw wrong("start time can't be greater than end time");
  if (endNs > now) throw wrong("deletes in the future are not allowed");
  // Pieces of a request mean nothing here: it is worked through day by day.
  durationParam(params, "max_interval", 0n);
  const request = { query, fromNs: fromNs < 0n ? 0n : fromNs, toNs: endNs + 1n };
  await made.add(request).catch((error: unknown) => located(query, () => rethrow(error)));
  return reply.code(204).send();
}

async function cancel(made: LogDeletes, { params, reply }: Exchange): Promise<FastifyReply> {
  const id = params.get("request_id") ?? "";
  if (id === "") throw wrong("request_id not set");
  await made.cancel(id, params.get("force") === "true");
  return reply.code(204).send();
}

function rethrow(error: unknown): never {
  throw error;
}

const wrong = (message: string): TriptychError => new TriptychError("query_invalid", message);

/** Times are seconds. */
function shown(view: DeleteView): object {
  return {
    request_id: view.id,
    start_time: seconds(BigInt(view.fromNs)),
    end_time: seconds(BigInt(view.toNs) - 1n),
    query: view.query,
    status: statusOf(view),
    created_at: view.createdMs / 1000,
  };
}

const seconds = (ns: bigint): number => Number(ns / 1_000_000n) / 1000;

function statusOf({ status, done, message }: DeleteView): string {
  if (status === "running") return `${Math.floor(done * 100)}% Complete`;
  return status === "failed" ? `failed: ${message}` : status;
}
