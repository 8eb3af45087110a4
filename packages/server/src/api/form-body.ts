/** Bodies that are forms, as the query APIs of Prometheus and Loki take them. */
import type { FastifyInstance, FastifyRequest } from "fastify";

/**
 * Forms are taken in this scope and come as text. Other bodies are read and left aside, as Go's form parsing does:
 * vmalert says that its empty body is JSON.
 */
export function acceptForms(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, _body, done) =>
    done(null, undefined),
  );
  scope.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, body, done) => done(null, String(body)),
  );
}

/**
 * Parameters of the URL and of a form in the body. The body's values come first, as with Go's form parsing; what Go
 * cannot read is not there.
 */
export function formParams(request: FastifyRequest): URLSearchParams {
  const kept = textsOf(request).flatMap((text) => pairsOf(text).filter((one) => !problemOf(one)));
  return new URLSearchParams(kept.join("&"));
}

/** What Go says of the first pair that it cannot read; some endpoints answer with it. */
export function formProblem(request: FastifyRequest): string | undefined {
  for (const text of textsOf(request))
    for (const pair of pairsOf(text)) {
      const problem = problemOf(pair);
      if (problem !== undefined) return problem;
    }
  return undefined;
}

function textsOf({ body, raw }: FastifyRequest): string[] {
  const url = raw.url ?? "";
  const at = url.indexOf("?");
  return [typeof body === "string" ? body : "", at < 0 ? "" : url.slice(at + 1)];
}

const pairsOf = (text: string): string[] => text.split("&").filter((pair) => pair !== "");

function problemOf(pair: string): string | undefined {
  if (pair.includes(";")) return "invalid semicolon separator in query";
  const at = pair.search(/%(?![0-9a-fA-F]{2})/);
  return at < 0 ? undefined : `invalid URL escape ${JSON.stringify(pair.slice(at, at + 3))}`;
}
