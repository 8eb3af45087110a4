/** Bodies that are forms, as the query APIs of Prometheus and Loki take them. */
import type { FastifyInstance, FastifyRequest } from "fastify";

/**
 * Forms are taken in this scope and come as `URLSearchParams`. Other bodies are read and left aside, as Go's form
 * parsing does: vmalert says that its empty body is JSON.
 */
export function acceptForms(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, _body, done) =>
    done(null, undefined),
  );
  scope.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  );
}

/** Parameters of the URL and of a form in the body. The body's values come first, as with Go's form parsing. */
export function formParams(request: FastifyRequest): URLSearchParams {
  const url = request.raw.url ?? "";
  const at = url.indexOf("?");
  const query = new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
  if (!(request.body instanceof URLSearchParams)) return query;
  const all = new URLSearchParams(request.body);
  for (const [name, value] of query) all.append(name, value);
  return all;
}
