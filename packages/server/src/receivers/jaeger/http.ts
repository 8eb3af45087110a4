/**
 * Jaeger's collector and agent over HTTP: `POST /api/traces` with a thrift batch, and the sampling strategies that
 * clients ask for, `GET /sampling` and `GET /api/sampling`. Answers are those of Jaeger's collector: 202 when the
 * spans are durable, 400 with a text for what cannot be read, 503 with `Retry-After` when to try again.
 */
import { TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { decompress, parseContentEncoding } from "../decompress.ts";
import { fromFramework } from "../http-server.ts";
import { refusal } from "../otlp/receiver.ts";
import { readBody } from "../read-body.ts";
import { createReservation } from "../reservation.ts";
import { acceptJaeger, type JaegerDeps } from "./receiver.ts";

/** Part of its traces, 0 to 1, that a client sends; by service where one is named. */
export interface SamplingRates {
  readonly default: number;
  readonly services: Readonly<Record<string, number>>;
}

export interface JaegerHttpDeps extends JaegerDeps {
  /** What stands before `/api/traces`, without a slash at the end. */
  readonly prefixes: readonly string[];
}

export interface JaegerSamplingDeps {
  readonly rates: SamplingRates;
  readonly prefixes: readonly string[];
}

const mediaTypes = ["application/x-thrift", "application/vnd.apache.thrift.binary"];

/** Adds `POST …/api/traces` to `app`. */
export function registerJaegerHttp(app: FastifyInstance, deps: JaegerHttpDeps): void {
  app.register((scope, _options, done) => {
    // The body stays a stream: it is read under our own cap and budget, whatever its type says.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.setErrorHandler((thrown, _request, reply) => sendError(thrown, reply, deps));
    for (const prefix of deps.prefixes)
      scope.post(`${prefix}/api/traces`, (request, reply) => receive(request, reply, deps));
    done();
  });
}

/** Adds `GET …/sampling` and `GET …/api/sampling` to `app`. */
export function registerJaegerSampling(app: FastifyInstance, deps: JaegerSamplingDeps): void {
  for (const prefix of deps.prefixes)
    for (const path of ["/sampling", "/api/sampling"])
      app.get(prefix + path, (request, reply) => sendStrategy(request, reply, deps.rates));
}

function sendStrategy(
  request: FastifyRequest,
  reply: FastifyReply,
  rates: SamplingRates,
): FastifyReply {
  const { service } = request.query as { service?: unknown };
  if (typeof service !== "string" || service === "") {
    const text = "'service' parameter must be provided once\n";
    return reply.code(400).type("text/plain; charset=utf-8").send(text);
  }
  const own = Object.hasOwn(rates.services, service) ? rates.services[service] : undefined;
  return reply.send({
    strategyType: "PROBABILISTIC",
    probabilisticSampling: { samplingRate: own ?? rates.default },
  });
}

async function receive(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: JaegerHttpDeps,
): Promise<FastifyReply> {
  const { headers } = request;
  checkType(headers["content-type"]);
  const contentEncoding = parseContentEncoding(headers["content-encoding"]);
  const { bodyBytesMax } = deps.limits;
  const asSent = createReservation(deps.next);
  const decoded = createReservation(deps.next);
  try {
    const sent = await readBody(request.raw, bodyBytesMax, asSent.hold);
    const body = await decompress(sent, contentEncoding, bodyBytesMax, decoded.hold);
    if (body !== sent) asSent.release();
    await acceptJaeger(body, "thrift-batch", deps);
    return reply.code(202).send();
  } finally {
    asSent.release();
    decoded.release();
  }
}

function checkType(header: string | undefined): void {
  const type = (header ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (mediaTypes.includes(type)) return;
  const got = JSON.stringify((header ?? "").slice(0, 100));
  throw new TriptychError(
    "media_type_unsupported",
    `Content type ${got} is not taken: send ${mediaTypes.join(" or ")}.`,
  );
}

function sendError(thrown: unknown, reply: FastifyReply, deps: JaegerHttpDeps): FastifyReply {
  const error = fromFramework(thrown);
  if (!error.spec.retry) deps.next.discarded(error.code, 1);
  if (error.code === "internal") deps.report(error);
  const { message, retryAfterSeconds } = refusal(error);
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  return reply.code(error.spec.status).type("text/plain; charset=utf-8").send(`${message}\n`);
}
