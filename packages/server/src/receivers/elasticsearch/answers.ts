/** The shapes of Elasticsearch's answers: errors, items of a bulk, and what every answer's headers say. */
import type { TriptychError } from "@triptych/model";
import type { BulkError, BulkItem } from "@triptych/wire";
import type { FastifyReply, FastifyRequest } from "fastify";
import { refusal } from "../otlp/receiver.ts";
import { filterPath } from "./filter-path.ts";

/** Official clients refuse to talk to a server that does not say this. */
const PRODUCT_HEADER = "x-elastic-product";
const PRODUCT = "Elasticsearch";
const VENDOR_TYPE = /application\/vnd\.elasticsearch\+json\s*;\s*compatible-with=(\d{1,2})/;

/** Sends JSON as the client asked for it: under its version's own media type, filtered by `filter_path`. */
export function sendJson(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: { readonly status?: number; readonly body: object },
): FastifyReply {
  const version = VENDOR_TYPE.exec(request.headers.accept ?? "")?.[1];
  const type =
    version === undefined
      ? "application/json; charset=utf-8"
      : `application/vnd.elasticsearch+json;compatible-with=${version}`;
  const query = request.query as { readonly filter_path?: unknown };
  const filter = filterPath(typeof query.filter_path === "string" ? query.filter_path : undefined);
  const body = filter === undefined ? answer.body : filter(answer.body);
  return reply
    .code(answer.status ?? 200)
    .header(PRODUCT_HEADER, PRODUCT)
    .header("content-type", type)
    .send(JSON.stringify(body));
}

export function sendText(reply: FastifyReply, text: string): FastifyReply {
  reply.header(PRODUCT_HEADER, PRODUCT).type("text/plain; charset=UTF-8");
  return reply.send(text);
}

export function sendNothing(reply: FastifyReply, status: number): FastifyReply {
  return reply.code(status).header(PRODUCT_HEADER, PRODUCT).send();
}

export function sendFailure(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, type, reason }: BulkError,
): FastifyReply {
  const error = { root_cause: [{ type, reason }], type, reason };
  return sendJson(request, reply, { status, body: { error, status } });
}

/** Shippers wait and try again after 429; other codes keep their status. */
const BUSY = new Set<string>(["queue_full", "memory_pressure"]);
const TYPES: Readonly<Record<number, string>> = {
  400: "illegal_argument_exception",
  413: "content_too_long_exception",
  415: "media_type_header_exception",
  503: "unavailable_shards_exception",
};

export function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  error: TriptychError,
): FastifyReply {
  const { message, retryAfterSeconds } = refusal(error);
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  const isBusy = BUSY.has(error.code);
  const status = isBusy ? 429 : error.spec.status;
  const type = isBusy ? "es_rejected_execution_exception" : (TYPES[status] ?? "exception");
  return sendFailure(request, reply, { status, type, reason: message });
}

const SHARDS = { total: 1, successful: 1, failed: 0 } as const;

/** What is said of one document that was taken. Ids that the sender did not give are made of the request's hash. */
export function createdDocument(item: BulkItem, id: string): object {
  const common = { _index: item.index, _id: id, _version: 1, result: "created" };
  return { ...common, _shards: SHARDS, _seq_no: 0, _primary_term: 1 };
}

export function bulkItem(item: BulkItem, id: string): object {
  const { action, index, error } = item;
  if (error === undefined) return { [action]: { ...createdDocument(item, id), status: 201 } };
  const { status, type, reason } = error;
  return { [action]: { _index: index, _id: item.id || null, status, error: { type, reason } } };
}

export const shards = SHARDS;
