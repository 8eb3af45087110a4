/**
 * Serves the built interface. All files are read once at start and found by their exact name, so no path from a
 * request ever reaches the file system. What is not a file is answered with the page itself: its router decides.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendApiError } from "../receivers/http-server.ts";

const types: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
};

const COMPRESSED = new Set([".html", ".js", ".css", ".svg", ".json", ".txt"]);

interface WebFile {
  readonly body: Buffer;
  readonly gzip: Buffer | undefined;
  readonly type: string;
  /** Names with a content hash never change. */
  readonly immutable: boolean;
}

/** Answers with the page, or undefined when it was not built: for addresses that programs and people share. */
export type SendPage = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined;

/** Registers the interface found in `directory`; when it was not built, `/` says so. */
export function registerWebFiles(
  app: FastifyInstance,
  directory: string,
  /** The path, without a slash at its end, under which browsers see what is at `/` here. */
  pathPrefix = "",
): SendPage {
  const files = readFiles(directory, pathPrefix);
  const page = files.get("/index.html");
  // Browsers ask for this one where no page names another: of an answer of an API, for instance.
  const icon = files.get("/favicon.svg");
  if (icon !== undefined && !files.has("/favicon.ico")) files.set("/favicon.ico", icon);
  app.get("/*", (request, reply) => {
    const path = request.url.split("?")[0] ?? "/";
    const file = files.get(path);
    if (file !== undefined) return send(request, reply, file);
    if (page !== undefined && wantsPage(request, path)) return send(request, reply, page);
    const message = `nothing is served at ${request.method} ${path}; the interface is at / and the APIs are listed in the reference`;
    return sendApiError(reply, new TriptychError("not_found", message));
  });
  return (request, reply) => (page === undefined ? undefined : send(request, reply, page));
}

/** A browser that navigates gets the page; a program that mistyped an API address gets a 404. */
function wantsPage(request: FastifyRequest, path: string): boolean {
  if (path === "/") return true;
  if (
    extname(path) !== "" ||
    /^\/(api|loki|tempo|jaeger|v1|alertmanager|pushgateway|prometheus)\//.test(path)
  )
    return false;
  return (request.headers.accept ?? "").includes("text/html");
}

function send(request: FastifyRequest, reply: FastifyReply, file: WebFile): FastifyReply {
  reply.header("content-type", file.type);
  reply.header(
    "cache-control",
    file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
  );
  reply.header("vary", "accept-encoding");
  const { gzip } = file;
  if (gzip === undefined || !String(request.headers["accept-encoding"] ?? "").includes("gzip")) {
    return reply.code(200).send(file.body);
  }
  return reply.code(200).header("content-encoding", "gzip").send(gzip);
}

/** The page and its styles name other files, and the page tells the interface where it is: all from the root. */
function underPrefix(body: Buffer, extension: string, pathPrefix: string): Buffer {
  if (pathPrefix === "") return body;
  if (extension === ".html")
    return Buffer.from(body.toString("utf8").replaceAll('="/', `="${pathPrefix}/`));
  if (extension === ".css")
    return Buffer.from(body.toString("utf8").replaceAll("url(/", `url(${pathPrefix}/`));
  return body;
}

function readFiles(directory: string, pathPrefix: string): Map<string, WebFile> {
  const files = new Map<string, WebFile>();
  if (!existsSync(directory)) return files;
  const walk = (path: string): void => {
    for (const name of readdirSync(join(directory, path))) {
      const inner = `${path}/${name}`;
      if (statSync(join(directory, inner)).isDirectory()) {
        walk(inner);
        continue;
      }
      const extension = extname(name);
      const body = underPrefix(readFileSync(join(directory, inner)), extension, pathPrefix);
      files.set(inner, {
        body,
        gzip: COMPRESSED.has(extension) && body.length > 1024 ? gzipSync(body) : undefined,
        type: types[extension] ?? "application/octet-stream",
        immutable: inner.startsWith("/assets/"),
      });
    }
  };
  walk("");
  return files;
}
