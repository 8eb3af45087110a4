/**
 * The Pushgateway's addresses: PUT, POST and DELETE on `/metrics/job/<job>{/<label>/<value>}`, all metrics as text on
 * `/metrics`, and the page's data on `/api/v1/metrics`. Answers are the real one's: 200, 202 for a deletion, 400
 * with plain text for what cannot be parsed or does not fit.
 */
import type { TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { decompress, parseContentEncoding } from "../decompress.ts";
import { fromFramework } from "../http-server.ts";
import type { IngestNext } from "../next.ts";
import { refusal } from "../otlp/receiver.ts";
import { readBody } from "../read-body.ts";
import { createReservation } from "../reservation.ts";
import type { Pushgateway } from "./gateway.ts";
import { parseGroupingKey } from "./grouping-key.ts";
import { renderGroups, renderText } from "./page.ts";

export interface PushgatewayHttpDeps {
  readonly gateway: Pushgateway;
  readonly next: IngestNext;
  /** Told of errors that are bugs of ours; the sender only learns that there was one. */
  readonly report: (error: TriptychError) => void;
  /** Without a slash at the end: `/pushgateway`. */
  readonly prefix: string;
}

/** More than the series a group may have take as text. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

export function registerPushgateway(app: FastifyInstance, deps: PushgatewayHttpDeps): void {
  const { prefix, gateway } = deps;
  app.register((scope, _options, done) => {
    // The body stays a stream: it is read under our own cap and budget, whatever its type says.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.setErrorHandler((thrown, _request, reply) => sendError(thrown, reply, deps));
    const url = `${prefix}/metrics/*`;
    const groupOf = (request: FastifyRequest) =>
      parseGroupingKey(pathOf(request).slice(`${prefix}/metrics/`.length));
    for (const method of ["PUT", "POST"] as const) {
      scope.route({
        method,
        url,
        handler: (request, reply) => push(request, reply, { deps, labels: groupOf(request) }),
      });
    }
    scope.delete(url, async (request, reply) => {
      await gateway.delete(groupOf(request));
      return reply.code(202).send();
    });
    scope.get(`${prefix}/metrics`, async (_request, reply) =>
      reply.type("text/plain; version=0.0.4; charset=utf-8").send(renderText(await gateway.list())),
    );
    scope.get(`${prefix}/api/v1/metrics`, async (_request, reply) =>
      reply.type("application/json; charset=utf-8").send(renderGroups(await gateway.list())),
    );
    done();
  });
}

async function push(
  request: FastifyRequest,
  reply: FastifyReply,
  { deps, labels }: { deps: PushgatewayHttpDeps; labels: ReturnType<typeof parseGroupingKey> },
): Promise<FastifyReply> {
  const { headers } = request;
  const encoding = parseContentEncoding(headers["content-encoding"]);
  const asSent = createReservation(deps.next);
  const decoded = createReservation(deps.next);
  try {
    const sent = await readBody(request.raw, BODY_BYTES_MAX, asSent.hold);
    const body = await decompress(sent, encoding, BODY_BYTES_MAX, decoded.hold);
    if (body !== sent) asSent.release();
    await deps.gateway.push({
      labels,
      body,
      contentType: expositionType(headers["content-type"]),
      replace: request.method === "PUT",
    });
    return reply.code(200).send();
  } finally {
    asSent.release();
    decoded.release();
  }
}

/** What is not one of the other two formats is taken as 0.0.4: `curl --data-binary` calls it a form. */
function expositionType(contentType: string | undefined): string | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  const isNamed =
    type === "application/vnd.google.protobuf" || type === "application/openmetrics-text";
  return isNamed ? contentType : undefined;
}

/** As it was sent: escapes in it are undone label by label. */
function pathOf(request: FastifyRequest): string {
  return request.raw.url?.split("?", 1)[0] ?? "";
}

function sendError(thrown: unknown, reply: FastifyReply, deps: PushgatewayHttpDeps): FastifyReply {
  const error = fromFramework(thrown);
  if (!error.spec.retry) deps.next.discarded(error.code, 1);
  if (error.code === "internal") deps.report(error);
  const { message, retryAfterSeconds } = refusal(error);
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  return reply.code(error.spec.status).type("text/plain; charset=utf-8").send(`${message}\n`);
}
