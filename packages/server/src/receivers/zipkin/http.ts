/**
 * Zipkin's two collector addresses: `POST /api/v2/spans` (JSON or protobuf) and `POST /api/v1/spans` (JSON). Answers
 * are Zipkin's: 202 when the spans are durable, 400 with a text for what cannot be read, 503 with `Retry-After` when
 * the sender should try again. Texts are plain, for the sender's log.
 */
import { type Clock, type Limits, TriptychError } from "@triptych/model";
import { decodeZipkin, type ZipkinEncoding } from "@triptych/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { decompress, parseContentEncoding } from "../decompress.ts";
import { fromFramework } from "../http-server.ts";
import type { IngestNext } from "../next.ts";
import { refusal, TENANT } from "../otlp/receiver.ts";
import { readBody } from "../read-body.ts";
import { createReservation } from "../reservation.ts";
import { drive, requestHash } from "../slices.ts";

export interface ZipkinHttpDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours; the sender only learns that there was one. */
  readonly report: (error: TriptychError) => void;
  /** What stands before `/api/v2/spans`, without a slash at the end: "" or "/zipkin". */
  readonly prefixes: readonly string[];
}

/** The port of Zipkin's own server, for `--classic-ports`. */
export const ZIPKIN_PORT = 9411;

type Version = 1 | 2;

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly deps: ZipkinHttpDeps;
}

const otherMethods = ["GET", "HEAD", "PUT", "PATCH", "DELETE"];

/** Adds the addresses to `app`, which may be one of several servers with the same `deps`. */
export function registerZipkin(app: FastifyInstance, deps: ZipkinHttpDeps): void {
  app.register((scope, _options, done) => {
    // The body stays a stream: it is read under our own cap and budget, whatever its type says.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.setErrorHandler((thrown, request, reply) => sendError(thrown, { request, reply, deps }));
    for (const prefix of deps.prefixes) {
      for (const version of [1, 2] as const) {
        const url = `${prefix}/api/v${version}/spans`;
        scope.post(url, (request, reply) => receive(version, { request, reply, deps }));
        scope.route({ method: otherMethods, url, handler: sendOtherMethod });
      }
    }
    done();
  });
}

async function receive(version: Version, exchange: Exchange): Promise<FastifyReply> {
  const { request, reply, deps } = exchange;
  const { headers } = request;
  // Before the body is read: a sender of gigabytes learns at once that they are not taken.
  const encoding = bodyEncoding(version, headers["content-type"]);
  const contentEncoding = parseContentEncoding(headers["content-encoding"]);
  const { bodyBytesMax } = deps.limits;
  const asSent = createReservation(deps.next);
  const decoded = createReservation(deps.next);
  try {
    const sent = await readBody(request.raw, bodyBytesMax, asSent.hold);
    const body = await decompress(sent, contentEncoding, bodyBytesMax, decoded.hold);
    if (body !== sent) asSent.release();
    await accept(body, encoding, deps);
    return reply.code(202).send();
  } finally {
    asSent.release();
    decoded.release();
  }
}

async function accept(
  body: Uint8Array,
  encoding: ZipkinEncoding,
  { next, limits, clock }: ZipkinHttpDeps,
): Promise<void> {
  const hash = await requestHash({ tenant: TENANT, path: `/zipkin ${encoding}`, body }, clock);
  const earlier = next.duplicateOf(hash);
  if (earlier !== null) return earlier;
  const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
  const batch = await drive(decodeZipkin(body, encoding, { limits, arrivalNs }), clock);
  if (batch.rows > 0) await next.accept(batch, hash);
}

/** Clients of Zipkin that do not say what they send send JSON. */
function bodyEncoding(version: Version, header: string | undefined): ZipkinEncoding {
  const type = (header ?? "application/json").split(";", 1)[0]?.trim().toLowerCase();
  if (type === "application/json") return version === 1 ? "json-v1" : "json-v2";
  if (version === 2 && (type === "application/x-protobuf" || type === "application/protobuf"))
    return "protobuf";
  const got = JSON.stringify((header ?? "").slice(0, 100));
  const wanted =
    version === 2
      ? "send application/json or application/x-protobuf"
      : "send application/json (thrift is not read here; /api/v2/spans also takes application/x-protobuf)";
  throw new TriptychError("media_type_unsupported", `Content type ${got} is not taken: ${wanted}.`);
}

function sendOtherMethod(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const text = `${request.method} is not taken here: send POST.\n`;
  return reply.code(405).header("allow", "POST").type("text/plain; charset=utf-8").send(text);
}

function sendError(thrown: unknown, { reply, deps }: Exchange): FastifyReply {
  const error = fromFramework(thrown);
  if (!error.spec.retry) deps.next.discarded(error.code, 1);
  if (error.code === "internal") deps.report(error);
  const { message, retryAfterSeconds } = refusal(error);
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  return reply.code(error.spec.status).type("text/plain; charset=utf-8").send(`${message}\n`);
}
