/**
 * OTLP over HTTP: `POST /v1/traces`, `/v1/metrics` and `/v1/logs`, protobuf and JSON on the same addresses. Answers
 * are those of the OTLP specification: an export response, or a `Status` in the request's own content type.
 */
import { asTriptychError, TriptychError } from "@triptych/model";
import { encodeStatus, type OtlpEncoding } from "@triptych/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { decompress, parseContentEncoding } from "../decompress.ts";
import { readBody } from "../read-body.ts";
import { createReservation } from "../reservation.ts";
import { type Cors, corsHeaders, preflightHeaders } from "./cors.ts";
import {
  noteRefusal,
  type OtlpSignal,
  type OtlpTransportDeps,
  refusal,
  TENANT,
} from "./receiver.ts";

export interface OtlpHttpDeps extends OtlpTransportDeps {
  readonly cors: Cors;
  /** Where else metrics are taken: Prometheus' address `/api/v1/otlp/v1/metrics` and its like. */
  readonly metricsUrls?: readonly string[] | undefined;
}

const signals: readonly OtlpSignal[] = ["traces", "metrics", "logs"];
const contentTypes: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};
const otherMethods = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Adds the three addresses, and those of `metricsUrls`, to `app`, which may be one of several servers with the same `deps`. */
export function registerOtlpHttp(app: FastifyInstance, deps: OtlpHttpDeps): void {
  app.register((scope, _options, done) => {
    // The body stays a stream: it is read under our own cap and budget, whatever its type says.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.setErrorHandler((thrown, request, reply) => sendError(thrown, { request, reply, deps }));
    const addresses: [OtlpSignal, string][] = [
      ...signals.map((signal): [OtlpSignal, string] => [signal, `/v1/${signal}`]),
      ...(deps.metricsUrls ?? []).map((url): [OtlpSignal, string] => ["metrics", url]),
    ];
    for (const [signal, url] of addresses) {
      scope.post(url, (request, reply) => receive(signal, { request, reply, deps }));
      scope.route({
        method: otherMethods,
        url,
        handler: (request, reply) => sendOtherMethod({ request, reply, deps }),
      });
    }
    done();
  });
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly deps: OtlpHttpDeps;
}

async function receive(signal: OtlpSignal, exchange: Exchange): Promise<FastifyReply> {
  const { request, deps } = exchange;
  const { headers } = request;
  const encoding = bodyEncoding(headers["content-type"]);
  if (encoding === undefined) throw wrongType(headers["content-type"]);
  // Before the body is read: a sender of gigabytes learns at once that they are not taken.
  const contentEncoding = parseContentEncoding(headers["content-encoding"]);
  const { bodyBytesMax } = deps.limits;
  const asSent = createReservation(deps.next);
  const decoded = createReservation(deps.next);
  try {
    const sent = await readBody(request.raw, bodyBytesMax, asSent.hold);
    const body = await decompress(sent, contentEncoding, bodyBytesMax, decoded.hold);
    if (body !== sent) asSent.release();
    const answer = await deps.receiver[signal]({
      body,
      encoding,
      tenant: TENANT,
      path: `/v1/${signal}`,
    });
    return send(exchange, { status: 200, encoding, bytes: answer });
  } finally {
    asSent.release();
    decoded.release();
  }
}

function send(
  exchange: Exchange,
  answer: { status: number; encoding: OtlpEncoding; bytes: Uint8Array },
): FastifyReply {
  const { request, reply, deps } = exchange;
  const { bytes } = answer;
  return reply
    .code(answer.status)
    .headers(corsHeaders(deps.cors, request.headers.origin))
    .header("content-type", contentTypes[answer.encoding])
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** The encoding a content type names; parameters such as `charset=utf-8` are allowed. */
function bodyEncoding(contentType: string | undefined): OtlpEncoding | undefined {
  const semicolon = contentType?.indexOf(";") ?? -1;
  const type = semicolon < 0 ? contentType : contentType?.slice(0, semicolon);
  switch (type?.trim().toLowerCase()) {
    case contentTypes.protobuf:
      return "protobuf";
    case contentTypes.json:
      return "json";
    default:
      return undefined;
  }
}

function wrongType(contentType: string | undefined): TriptychError {
  const got = contentType === undefined ? "none" : JSON.stringify(contentType.slice(0, 100));
  return new TriptychError(
    "media_type_unsupported",
    `Content type ${got} is not taken: send ${contentTypes.protobuf} or ${contentTypes.json}.`,
  );
}

function sendError(thrown: unknown, exchange: Exchange): FastifyReply {
  const { request, reply, deps } = exchange;
  const error = fromFramework(thrown, request);
  noteRefusal(error, deps);
  const { message, retryAfterSeconds } = refusal(error);
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  // A type we do not take has no encoding to answer in; JSON is what people can read.
  const encoding = bodyEncoding(request.headers["content-type"]) ?? "json";
  const { status, grpc } = error.spec;
  const bytes = encodeStatus(encoding, {
    code: grpc,
    message,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(status === 400 ? { fieldViolation: message } : {}),
  });
  return send(exchange, { status, encoding, bytes });
}

/** Fastify refuses a request itself when its headers make no sense; those are the sender's errors, not ours. */
function fromFramework(thrown: unknown, request: FastifyRequest): TriptychError {
  if (thrown instanceof TriptychError) return thrown;
  const status = (thrown as { statusCode?: unknown } | null)?.statusCode;
  if (status === 415) return wrongType(request.headers["content-type"]);
  if (typeof status === "number" && status >= 400 && status < 500) {
    return new TriptychError("wire_malformed", (thrown as Error).message, { cause: thrown });
  }
  return asTriptychError(thrown);
}

function sendOtherMethod(exchange: Exchange): FastifyReply {
  const { request, reply, deps } = exchange;
  const { cors } = deps;
  if (request.method === "OPTIONS") {
    const headers = preflightHeaders(cors, request.headers);
    if (headers !== undefined) return reply.code(204).headers(headers).send();
  }
  const bytes = encodeStatus("json", {
    code: 12,
    message: `${request.method} is not taken here: send POST.`,
  });
  reply.header("allow", cors === false ? "POST" : "POST, OPTIONS");
  return send(exchange, { status: 405, encoding: "json", bytes });
}
