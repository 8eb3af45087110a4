/**
 * Makes the HTTP servers of all ports: bounded in connections, headers and time, strict about paths, with one shape
 * for every error. What answers under which address is registered on them by others.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ApiError } from "@triptych/contract";
import { asTriptychError, type ErrorCode, TriptychError } from "@triptych/model";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";

export interface HttpServerOptions {
  /** Cap for bodies that Fastify itself parses; 1 MiB unless given. Receivers read theirs under their own cap. */
  readonly bodyBytesMax?: number;
  readonly connectionsMax?: number;
  readonly headersMs?: number;
  readonly requestMs?: number;
  readonly idleMs?: number;
  /** Requests under this path are answered as without it; no slash at its end. None unless given. */
  readonly pathPrefix?: string;
  /** Told of errors that are bugs of ours; the client only learns that there was one. */
  readonly report: (error: TriptychError) => void;
}

const HEADER_BYTES_MAX = 16 * 1024;
/** Longer than any id, label name or encoded matcher that travels in a path. */
const PARAM_CHARS_MAX = 2048;
/** A connection on which nothing moves is dropped, also one whose client stopped reading an answer. */
const SILENT_SOCKET_MS = 120_000;

/** A Fastify instance without addresses. `close()` waits for requests under way and closes idle connections. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const app: FastifyInstance = fastify({
    bodyLimit: options.bodyBytesMax ?? 1024 * 1024,
    requestTimeout: options.requestMs ?? 30_000,
    keepAliveTimeout: options.idleMs ?? 60_000,
    connectionTimeout: SILENT_SOCKET_MS,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: PARAM_CHARS_MAX },
    http: {
      headersTimeout: options.headersMs ?? 10_000,
      maxHeaderSize: HEADER_BYTES_MAX,
      /** How often the two timeouts above are looked at. */
      connectionsCheckingInterval: 1_000,
    },
    clientErrorHandler: answerClientError,
    rewriteUrl: ({ url = "/" }) => withoutPrefix(url, options.pathPrefix ?? ""),
    frameworkErrors: (error, _request, reply) => {
      // The router gave up before any hook ran, so the headers are set here too.
      securityHeaders(reply);
      sendApiError(reply, new TriptychError("query_invalid", error.message));
    },
  });
  app.server.maxConnections = options.connectionsMax ?? 4_096;
  app.addHook("onRequest", (request, reply, done) => {
    securityHeaders(reply);
    const { url } = request.raw;
    if (isSafePath(url ?? "/")) return done();
    sendApiError(reply, new TriptychError("query_invalid", "The path is not in its plain form."));
  });
  app.addHook("onSend", (_request, reply, payload, done) => {
    const type = reply.getHeader("content-type");
    if (typeof type === "string" && type.startsWith("text/html")) {
      reply.header("content-security-policy", CONTENT_SECURITY_POLICY);
    }
    done(null, payload);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    const text = `Nothing answers ${request.method} ${path.slice(0, 200)}.`;
    sendApiError(reply, new TriptychError("not_found", text));
  });
  app.setErrorHandler((thrown, request, reply) => answerError(thrown, { request, reply, options }));
  return app;
}

/** The address without the prefix, if it has it. */
export function withoutPrefix(url: string, prefix: string): string {
  if (prefix === "" || !url.startsWith(prefix)) return url;
  const rest = url.slice(prefix.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : url;
}

const CONTENT_SECURITY_POLICY =
  "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

function securityHeaders(reply: FastifyReply): void {
  reply.header("x-content-type-options", "nosniff");
  reply.header("x-frame-options", "DENY");
  reply.header("referrer-policy", "no-referrer");
}

/** NUL, slash and backslash must not hide in an escape, not even in an escaped one. */
const HIDDEN_SEPARATOR = /%(?:25)*(?:00|2f|5c)/i;

/**
 * Whether the path of `url` means the same to everyone who reads it: no empty, `.` or `..` segments (plain or
 * escaped), no escaped separators, no backslash or NUL. Authorisation looks at the matched route and relies on this.
 */
export function isSafePath(url: string): boolean {
  const query = url.indexOf("?");
  const path = query < 0 ? url : url.slice(0, query);
  if (!path.startsWith("/") || path.includes("//") || path.includes("\\")) return false;
  if (path.includes("\0") || HIDDEN_SEPARATOR.test(path)) return false;
  if (!path.includes("/.") && !path.includes("%")) return true;
  return path.split("/").every((segment) => {
    const plain = segment.replace(/%(?:25)*2e/gi, ".");
    return plain !== "." && plain !== "..";
  });
}

/** Answers with the error's status and an `ApiError`; with `Retry-After` when trying again makes sense. */
export function sendApiError(reply: FastifyReply, error: TriptychError): FastifyReply {
  if (error.retryAfterSeconds !== undefined) {
    reply.header("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  }
  const internal = error.code === "internal";
  const body: ApiError = {
    error: {
      code: error.code,
      message: internal ? "The request met a bug; the server's log says which." : error.message,
      ...(error.offset === undefined ? {} : { offset: error.offset }),
    },
  };
  return reply.code(error.spec.status).type("application/json; charset=utf-8").send(body);
}

function answerError(
  thrown: unknown,
  exchange: { request: FastifyRequest; reply: FastifyReply; options: HttpServerOptions },
): void {
  const error = fromFramework(thrown);
  if (error.code === "internal") exchange.options.report(error);
  sendApiError(exchange.reply, error);
}

const frameworkCodes: Readonly<Record<number, ErrorCode>> = {
  400: "query_invalid",
  404: "not_found",
  413: "wire_too_large",
  415: "media_type_unsupported",
};

/** Fastify's own refusals by their status; anything else that is thrown and not ours is a bug of ours. */
export function fromFramework(thrown: unknown): TriptychError {
  const status = (thrown as { statusCode?: unknown } | null)?.statusCode;
  const code = typeof status === "number" ? frameworkCodes[status] : undefined;
  if (code === undefined || thrown instanceof TriptychError) return asTriptychError(thrown);
  return new TriptychError(code, (thrown as Error).message, { cause: thrown });
}

/** Answers what Node's HTTP parser refuses; there is no request object, so the answer is written by hand. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const { status, message } = clientErrors[error.code ?? ""] ?? notHttp;
  // The parser reports once more when bytes follow; a response that was begun must not get another inside it.
  const begun = (socket as Socket & { _httpMessage?: { headersSent: boolean } })._httpMessage;
  if (socket.writable && begun?.headersSent !== true) {
    const body: ApiError = { error: { code: "wire_malformed", message } };
    const text = JSON.stringify(body);
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
    );
  }
  socket.destroySoon();
}

const notHttp = { status: 400, message: "The request is not valid HTTP/1.1." };
const clientErrors: Readonly<Record<string, { status: number; message: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: "The request did not arrive in time." },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    message: `The headers are larger than ${HEADER_BYTES_MAX} bytes.`,
  },
};
