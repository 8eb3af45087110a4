/**
 * Loki's push over HTTP: JSON, or protobuf in snappy, either also in gzip. Answers are Loki's: 204, 400 with a text for
 * what will never be taken, 429 and 503 with `Retry-After` when the sender should try again.
 */
import { asTriptychError, type Clock, type Limits, TriptychError } from "@triptych/model";
import { decodeLokiPush, decodeSnappy } from "@triptych/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { decompress, parseContentEncoding } from "../decompress.ts";
import { fromFramework } from "../http-server.ts";
import type { IngestNext, Refused } from "../next.ts";
import { refusal, TENANT } from "../otlp/receiver.ts";
import { readBody } from "../read-body.ts";
import { createReservation, type Reservation } from "../reservation.ts";
import { drive, requestHash } from "../slices.ts";

export interface LokiPushDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours; the sender only learns that there was one. */
  readonly report: (error: TriptychError) => void;
  /** Addresses of the push, such as `/loki/api/v1/push`. */
  readonly paths: readonly string[];
  /** Makes durable what a body holds; it becomes a batch as it is unless given. */
  readonly take?: (body: Uint8Array, encoding: "protobuf" | "json") => Promise<Refused | undefined>;
}

/** The standard addresses: the second one is that of old clients. */
export const lokiPushPaths: readonly string[] = ["/loki/api/v1/push", "/api/prom/push"];

export function registerLokiPush(app: FastifyInstance, deps: LokiPushDeps): void {
  app.register((scope, _options, done) => {
    // The body stays a stream: it is read under our own cap and budget, whatever its type says.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.setErrorHandler((thrown, _request, reply) => sendError(thrown, reply, deps));
    for (const path of deps.paths)
      scope.post(path, (request, reply) => receive(request, reply, deps));
    done();
  });
}

async function receive(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: LokiPushDeps,
): Promise<FastifyReply> {
  const encoding = mediaType(request.headers["content-type"]);
  const { compression, isSnappy } = compressionOf(request.headers["content-encoding"]);
  const asSent = createReservation(deps.next);
  const decoded = createReservation(deps.next);
  try {
    const { bodyBytesMax } = deps.limits;
    const sent = await readBody(request.raw, bodyBytesMax, asSent.hold);
    const plain = isSnappy ? sent : await decompress(sent, compression, bodyBytesMax, decoded.hold);
    const needsSnappy =
      encoding === "protobuf" ? compression === "identity" : isSnappy && plain[0] !== BRACE;
    const body = needsSnappy ? await unpack(plain, deps, decoded) : plain;
    if (body !== sent) asSent.release();
    const refused = await (deps.take?.(body, encoding) ?? accept(body, encoding, deps));
    if (refused === "no stream")
      return reply.code(422).type("text/plain; charset=utf-8").send(`${NO_STREAM}\n`);
    if (refused === undefined) return reply.code(204).send();
    // As Loki: the rest of the request is kept, and what was refused is no reason to send it again.
    const text = `${refused.others} entries were refused, the others are kept: ${refused.message}\n`;
    return reply.code(400).type("text/plain; charset=utf-8").send(text);
  } catch (thrown) {
    const error = asTriptychError(thrown);
    throw encoding === "protobuf" ? hinted(error, request.headers["content-type"]) : thrown;
  } finally {
    asSent.release();
    decoded.release();
  }
}

function unpack(bytes: Uint8Array, deps: LokiPushDeps, held: Reservation): Promise<Uint8Array> {
  return drive(decodeSnappy(bytes, deps.limits.bodyBytesMax, held.hold), deps.clock);
}

const NO_STREAM = "error at least one valid stream is required for ingestion";

async function accept(
  body: Uint8Array,
  encoding: "protobuf" | "json",
  { next, limits, clock }: LokiPushDeps,
): Promise<Refused | "no stream" | undefined> {
  const hash = await requestHash({ tenant: TENANT, path: `/loki/push ${encoding}`, body }, clock);
  const earlier = next.duplicateOf(hash);
  if (earlier !== null) {
    await earlier;
    return undefined;
  }
  const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
  const batch = await drive(decodeLokiPush(body, encoding, { limits, arrivalNs }), clock);
  if (batch.resources.rows === 0) return "no stream";
  return batch.rows > 0 ? ((await next.accept(batch, hash)) ?? undefined) : undefined;
}

/** What is not called JSON is protobuf, as Loki takes it. */
function mediaType(header: string | undefined): "protobuf" | "json" {
  const type = header?.split(";", 1)[0]?.trim().toLowerCase();
  return type === "application/json" ? "json" : "protobuf";
}

/** Of what neither was called protobuf nor is any, the type is likely to be wrong. */
function hinted(error: TriptychError, header: string | undefined): TriptychError {
  if (error.code !== "wire_malformed" || header?.includes("protobuf") !== false) return error;
  const said = JSON.stringify(header.slice(0, 100));
  const hint = `it was read as protobuf, since its Content-Type is ${said} and not application/json`;
  return new TriptychError("wire_malformed", `${error.message} (${hint})`, { cause: error });
}

/** Snappy is for protobuf; some senders say it of JSON as well, and Loki looks away. */
const BRACE = 0x7b;

function compressionOf(header: string | undefined): {
  compression: "identity" | "gzip" | "deflate" | "zstd";
  isSnappy: boolean;
} {
  const isSnappy = (header ?? "").trim().toLowerCase() === "snappy";
  return { compression: isSnappy ? "identity" : parseContentEncoding(header), isSnappy };
}

function sendError(thrown: unknown, reply: FastifyReply, deps: LokiPushDeps): FastifyReply {
  const error = fromFramework(thrown);
  if (!error.spec.retry) deps.next.discarded(error.code, 1);
  if (error.code === "internal") deps.report(error);
  const { message, retryAfterSeconds } = refusal(error);
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  return reply.code(error.spec.status).type("text/plain; charset=utf-8").send(`${message}\n`);
}
