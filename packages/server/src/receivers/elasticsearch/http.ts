/**
 * Elasticsearch's ways in: bulk bodies, single documents, and what its clients ask first. A document becomes a log
 * record. It is answered when it is durable; what cannot be taken is answered one by one, as Elasticsearch does.
 */
import { type Clock, type Limits, TriptychError } from "@triptych/model";
import {
  type BulkAction,
  type BulkItem,
  type BulkOptions,
  type DecodedBulk,
  decodeElasticsearchBulk,
  decodeElasticsearchDocument,
} from "@triptych/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { decompress, parseContentEncoding } from "../decompress.ts";
import { fromFramework } from "../http-server.ts";
import type { IngestNext } from "../next.ts";
import { TENANT } from "../otlp/receiver.ts";
import { readBody } from "../read-body.ts";
import { createReservation } from "../reservation.ts";
import { drive, requestHash } from "../slices.ts";
import { bulkItem, createdDocument, sendError, sendFailure, sendJson } from "./answers.ts";
import { registerHandshake } from "./handshake.ts";

export interface ElasticsearchDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours; the sender only learns that there was one. */
  readonly report: (error: TriptychError) => void;
  /** What stands before `/_bulk`, without a slash at the end: "" only on a server of its own. */
  readonly prefix: string;
  /** The version that clients are told; 9.2.0 unless given. */
  readonly version?: string;
}

/** The port of Elasticsearch itself, for `--classic-ports`. */
export const ELASTICSEARCH_PORT = 9200;
const VERSION = "9.2.0";

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly deps: ElasticsearchDeps;
}

const WRITES = ["POST", "PUT"];
const OTHERS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** Adds the addresses to `app`, which may be one of several servers. */
export function registerElasticsearch(app: FastifyInstance, deps: ElasticsearchDeps): void {
  const plugin = (scope: FastifyInstance, _options: object, done: () => void): void => {
    // Bodies stay streams: they are read under our own cap and budget, whatever their type says.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.setErrorHandler((thrown, request, reply) => refuse(thrown, { request, reply, deps }));
    const nowMs = (): number => deps.clock.nowMs();
    registerHandshake(scope, { version: deps.version ?? VERSION, nowMs });
    // The second form is that of Elasticsearch 6, which old shippers still write.
    for (const url of ["/_bulk", "/:index/_bulk", "/:index/:type/_bulk"])
      for (const slash of ["", "/"])
        scope.route({
          method: WRITES,
          url: `${url}${slash}`,
          handler: (request, reply) => receiveBulk({ request, reply, deps }),
        });
    for (const [url, action] of documents)
      scope.route({
        method: WRITES,
        url,
        handler: (request, reply) => receiveDocument(action, { request, reply, deps }),
      });
    scope.route({ method: OTHERS, url: "/*", handler: sendUnknown });
    done();
  };
  app.register(plugin, { prefix: deps.prefix });
}

const documents: readonly (readonly [url: string, action: BulkAction])[] = [
  ["/:index/_doc", "index"],
  ["/:index/_doc/:id", "index"],
  ["/:index/_create/:id", "create"],
  ["/:index/_update/:id", "update"],
];

function sendUnknown(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = (request.url.split("?", 1)[0] ?? "").slice(0, 200);
  const reason = `no handler found for uri [${path}] and method [${request.method}]`;
  return sendFailure(request, reply, { status: 400, type: "illegal_argument_exception", reason });
}

type Params = { readonly index?: string; readonly id?: string };

async function receiveBulk(exchange: Exchange): Promise<FastifyReply> {
  const { request, reply, deps } = exchange;
  const startMs = deps.clock.monotonicMs();
  const { index = "" } = request.params as Params;
  const decode = (body: Uint8Array, options: BulkOptions) => decodeElasticsearchBulk(body, options);
  const { items, ids } = await receive(exchange, { index, path: `bulk ${index}`, decode });
  const took = Math.max(0, Math.round(deps.clock.monotonicMs() - startMs));
  const errors = items.some(({ error }) => error !== undefined);
  const listed = items.map((item, at) => bulkItem(item, ids(item, at)));
  return sendJson(request, reply, { body: { errors, took, items: listed } });
}

async function receiveDocument(action: BulkAction, exchange: Exchange): Promise<FastifyReply> {
  const { request, reply } = exchange;
  const { index = "", id = "" } = request.params as Params;
  const decode = (body: Uint8Array, options: BulkOptions) =>
    decodeElasticsearchDocument(body, { action, index, id }, options);
  const path = `${action} ${index} ${id}`;
  const { items, ids } = await receive(exchange, { index, path, decode });
  const item = items[0] as BulkItem;
  if (item.error !== undefined) return sendFailure(request, reply, item.error);
  return sendJson(request, reply, { status: 201, body: createdDocument(item, ids(item, 0)) });
}

interface Work {
  readonly index: string;
  /** What makes equal bodies at different addresses different requests. */
  readonly path: string;
  readonly decode: (body: Uint8Array, options: BulkOptions) => Generator<void, DecodedBulk>;
}

interface Received {
  readonly items: readonly BulkItem[];
  readonly ids: (item: BulkItem, at: number) => string;
}

async function receive({ request, deps }: Exchange, work: Work): Promise<Received> {
  const { bodyBytesMax } = deps.limits;
  const contentEncoding = parseContentEncoding(request.headers["content-encoding"]);
  const asSent = createReservation(deps.next);
  const decoded = createReservation(deps.next);
  try {
    const sent = await readBody(request.raw, bodyBytesMax, asSent.hold);
    const body = await decompress(sent, contentEncoding, bodyBytesMax, decoded.hold);
    if (body !== sent) asSent.release();
    if (body.length === 0) throw new TriptychError("wire_malformed", "request body is required");
    return await accept(body, work, deps);
  } finally {
    asSent.release();
    decoded.release();
  }
}

/**
 * A byte-identical resend is stored once, if its documents have times or ids of their own. Documents without either may
 * well be equal and meant twice.
 */
async function accept(body: Uint8Array, work: Work, deps: ElasticsearchDeps): Promise<Received> {
  const { next, limits, clock } = deps;
  const path = `/elasticsearch ${work.path}`;
  const hash = await requestHash({ tenant: TENANT, path, body }, clock);
  const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
  const options = { limits, arrivalNs, index: work.index };
  const { batch, items, isRepeatable, timesReplaced } = await drive(
    work.decode(body, options),
    clock,
  );
  if (timesReplaced > 0) next.discarded("time_out_of_range", timesReplaced);
  const refused = items.reduce((sum, { error }) => sum + (error === undefined ? 0 : 1), 0);
  if (refused > 0) next.discarded("wire_malformed", refused);
  const earlier = isRepeatable ? next.duplicateOf(hash) : null;
  if (earlier !== null) await earlier;
  else if (batch.rows > 0) await next.accept(batch, isRepeatable ? hash : null);
  const prefix = Buffer.from(hash.subarray(0, 11));
  return { items, ids: (item, at) => (item.id === "" ? idOf(prefix, at) : item.id) };
}

/** Twenty characters, as Elasticsearch's own. */
function idOf(prefix: Buffer, at: number): string {
  const place = Buffer.alloc(4);
  place.writeUInt32BE(at);
  return Buffer.concat([prefix, place]).toString("base64url");
}

function refuse(thrown: unknown, { request, reply, deps }: Exchange): FastifyReply {
  const error = fromFramework(thrown);
  if (!error.spec.retry) deps.next.discarded(error.code, 1);
  if (error.code === "internal") deps.report(error);
  return sendError(request, reply, error);
}
