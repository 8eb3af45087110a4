/**
 * Prometheus remote write over HTTP, 1.0 and 2.0 on the same address: the content type says which. Answers are those
 * of the specification: 204 and, for 2.0, how much was written; 400 when a part was invalid (the rest is written);
 * 415, 413; 503 with Retry-After when the sender should try again. Texts are plain, for the sender's log.
 */
import { type Clock, type Limits, TriptychError } from "@triptych/model";
import { decodeSnappy, type RemoteWriteVersion } from "@triptych/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { decompress } from "../decompress.ts";
import { fromFramework } from "../http-server.ts";
import type { IngestNext } from "../next.ts";
import { cutMessage, refusal, TENANT } from "../otlp/receiver.ts";
import { readBody } from "../read-body.ts";
import { createReservation, type Reservation } from "../reservation.ts";
import {
  createRemoteWriteReceiver,
  type RemoteWriteReceiver,
  sentHash,
  type Written,
} from "./receiver.ts";
import { drive } from "../slices.ts";

export interface RemoteWriteHttpDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours; the sender only learns that there was one. */
  readonly report: (error: TriptychError) => void;
  /** How late a sample may be, in ms: Prometheus' `out_of_order_time_window`. Any is taken unless it is given. */
  readonly outOfOrderMs?: (() => number) | undefined;
  /** Where `/write` is, without a slash at the end: `/api/v1`. */
  readonly prefixes: readonly string[];
}

const MEDIA_TYPE = "application/x-protobuf";
const messages: Readonly<Record<string, RemoteWriteVersion>> = {
  "prometheus.WriteRequest": "1.0",
  "io.prometheus.write.v2.Request": "2.0",
};
const encodings = ["snappy", "gzip", "zstd", "identity"];
const otherMethods = ["GET", "HEAD", "PUT", "PATCH", "DELETE"];
const nothing: Written = { samples: 0, histograms: 0, exemplars: 0 };

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly deps: RemoteWriteHttpDeps;
}

export function registerRemoteWrite(app: FastifyInstance, deps: RemoteWriteHttpDeps): void {
  const receiver = createRemoteWriteReceiver(deps);
  app.register((scope, _options, done) => {
    // The body stays a stream: it is read under our own cap and budget, whatever its type says.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    // An empty type is the same as none, which means 1.0; the framework would call it malformed.
    scope.addHook("onRequest", (request, _reply, next) => {
      if (request.raw.headers["content-type"] === "") delete request.raw.headers["content-type"];
      next();
    });
    scope.setErrorHandler((thrown, request, reply) => sendError(thrown, { request, reply, deps }));
    for (const prefix of deps.prefixes) {
      const url = `${prefix}/write`;
      scope.post(url, (request, reply) => receive({ request, reply, deps }, receiver));
      scope.route({
        method: otherMethods,
        url,
        handler: (request, reply) =>
          send(
            reply.header("allow", "POST"),
            405,
            `${request.method} is not taken here: send POST.`,
          ),
      });
    }
    done();
  });
}

async function receive(exchange: Exchange, receiver: RemoteWriteReceiver): Promise<FastifyReply> {
  const { request, reply, deps } = exchange;
  const { headers } = request;
  // Before the body is read: a sender of gigabytes learns at once that they are not taken.
  const version = messageVersion(headers["content-type"]);
  const encoding = contentEncoding(headers["content-encoding"]);
  const asSent = createReservation(deps.next);
  const decoded = createReservation(deps.next);
  try {
    const sent = await readBody(request.raw, deps.limits.bodyBytesMax, asSent.hold);
    const hash = await sentHash({ tenant: TENANT, version, encoding, body: sent }, deps.clock);
    const body = await decode(sent, { encoding, deps, decoded });
    if (body !== sent) asSent.release();
    const { written, rejected, reason } = await receiver({ body, version, tenant: TENANT, hash });
    if (version === "2.0") writtenHeaders(reply, written);
    if (rejected === 0) return reply.code(204).send();
    const text = `${rejected} of the request's samples, series or exemplars were refused, the others are written. The first: ${reason}.`;
    return send(reply, 400, cutMessage(text));
  } finally {
    asSent.release();
    decoded.release();
  }
}

function decode(
  sent: Uint8Array,
  how: { encoding: string; deps: RemoteWriteHttpDeps; decoded: Reservation },
): Promise<Uint8Array> {
  const { encoding, deps, decoded } = how;
  const { bodyBytesMax } = deps.limits;
  if (encoding === "snappy")
    return drive(decodeSnappy(sent, bodyBytesMax, decoded.hold), deps.clock);
  return decompress(sent, encoding, bodyBytesMax, decoded.hold);
}

/** The message a content type names: none, or one without the parameter `proto`, is that of 1.0. */
function messageVersion(contentType: string | undefined): RemoteWriteVersion {
  const [type = "", ...parameters] = (contentType ?? MEDIA_TYPE).split(";");
  if (type.trim().toLowerCase() !== MEDIA_TYPE) throw wrongType(contentType);
  let version: RemoteWriteVersion = "1.0";
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=", 2);
    if (name.trim().toLowerCase() !== "proto") continue;
    const message = value.trim().replace(/^"(.*)"$/, "$1");
    const known = Object.hasOwn(messages, message) ? messages[message] : undefined;
    if (known === undefined) throw wrongType(contentType);
    version = known;
  }
  return version;
}

function wrongType(contentType: string | undefined): TriptychError {
  const got = JSON.stringify((contentType ?? "").slice(0, 100));
  return new TriptychError(
    "media_type_unsupported",
    `Content type ${got} is not taken: send ${MEDIA_TYPE}, with ;proto=io.prometheus.write.v2.Request for remote write 2.0.`,
  );
}

/** Remote write is always compressed: a sender that does not say how means snappy. */
function contentEncoding(header: string | undefined): string {
  const name = (header ?? "snappy").trim().toLowerCase();
  if (encodings.includes(name)) return name;
  throw new TriptychError(
    "encoding_unsupported",
    `Content encoding ${JSON.stringify(name.slice(0, 64))} is not taken: send one of ${encodings.join(", ")}.`,
  );
}

function writtenHeaders(reply: FastifyReply, written: Written): void {
  reply
    .header("x-prometheus-remote-write-samples-written", String(written.samples))
    .header("x-prometheus-remote-write-histograms-written", String(written.histograms))
    .header("x-prometheus-remote-write-exemplars-written", String(written.exemplars));
}

function send(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type("text/plain; charset=utf-8").send(`${text}\n`);
}

function sendError(thrown: unknown, { request, reply, deps }: Exchange): FastifyReply {
  const error = fromFramework(thrown);
  if (!error.spec.retry) deps.next.discarded(error.code, 1);
  if (error.code === "internal") deps.report(error);
  const { message, retryAfterSeconds } = refusal(error);
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  if (request.headers["content-type"]?.includes("write.v2") === true)
    writtenHeaders(reply, nothing);
  return send(reply, error.spec.status, message);
}
