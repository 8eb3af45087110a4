/**
 * Cross-origin rules for OTLP over HTTP, for exporters that run in web pages. Off unless configured: then a page of
 * another origin can send nothing, because both content types we take need a preflight.
 */
import type { IncomingHttpHeaders } from "node:http";

/** `false` is off. `"*"` in `origins` allows every origin, without credentials. */
export type Cors = false | { readonly origins: readonly string[] };

/** Browsers keep a preflight at most this long anyway. */
const PREFLIGHT_SECONDS = 7200;
const HEADER_LIST_CHARS_MAX = 1024;
/** What exporters send when they do not say: the answer to a preflight without a list of headers. */
const USUAL_HEADERS = "content-type, content-encoding, authorization, x-requested-with";
const HEADER_LIST = /^[A-Za-z0-9_-]+( *, *[A-Za-z0-9_-]+)*$/;

/** Headers for every answer; none when the origin is not allowed. */
export function corsHeaders(cors: Cors, origin: string | undefined): Record<string, string> {
  if (cors === false || origin === undefined) return {};
  const expose = { "access-control-expose-headers": "retry-after" };
  if (cors.origins.includes(origin)) {
    // `sendBeacon` sends credentials, so a named origin must be allowed to.
    return {
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      vary: "origin",
      ...expose,
    };
  }
  if (cors.origins.includes("*")) return { "access-control-allow-origin": "*", ...expose };
  return { vary: "origin" };
}

/** Headers that answer a preflight, or `undefined` when the request is none or may not be sent. */
export function preflightHeaders(
  cors: Cors,
  headers: IncomingHttpHeaders,
): Record<string, string> | undefined {
  const allowed = corsHeaders(cors, headers.origin);
  if (allowed["access-control-allow-origin"] === undefined) return undefined;
  if (headers["access-control-request-method"] === undefined) return undefined;
  const asked = headers["access-control-request-headers"] ?? USUAL_HEADERS;
  const list =
    asked.length <= HEADER_LIST_CHARS_MAX && HEADER_LIST.test(asked) ? asked : USUAL_HEADERS;
  return {
    ...allowed,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": list,
    "access-control-max-age": String(PREFLIGHT_SECONDS),
  };
}
