/** How the servers of clouds are asked for credentials, and what their answers hold. */
import type { Clock } from "@triptych/model";

export interface CloudDeps {
  readonly clock: Clock;
  readonly env: { readonly [name: string]: string | undefined };
  readonly ask: AskCloud;
  readonly readText: (file: string) => Promise<string>;
}

export type AskCloud = (request: {
  readonly url: string;
  readonly method: "GET" | "POST" | "PUT";
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string;
}) => Promise<{ readonly status: number; readonly body: string }>;

/** Adds to a request what says who asks. */
export interface RequestSigner {
  headers(request: SignedRequest): Promise<{ readonly [name: string]: string }>;
  /** What was sent was refused: get other credentials. */
  forget(): void;
}

export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string | readonly string[] };
  readonly body: string | Uint8Array | undefined;
}

const TEXT_CHARS_MAX = 200;

/** The fields of a JSON object; throws when the answer is an error or no object. */
export function fieldsOf(
  what: string,
  { status, body }: { readonly status: number; readonly body: string },
): { readonly [name: string]: unknown } {
  if (status >= 300)
    throw new Error(`${what}: status ${status}: ${body.slice(0, TEXT_CHARS_MAX).trim()}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
    return parsed as { readonly [name: string]: unknown };
  throw new Error(`${what}: the answer is no JSON object`);
}

export function textField(
  what: string,
  fields: { readonly [name: string]: unknown },
  name: string,
): string {
  const value = fields[name];
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`${what}: the answer has no ${name}`);
}

/** The token of an OAuth2 answer. */
export function bearerOf(
  what: string,
  answer: { readonly status: number; readonly body: string },
  nowMs: number,
): { readonly value: string; readonly untilMs: number } {
  const fields = fieldsOf(what, answer);
  const seconds = Number(fields["expires_in"]);
  return {
    value: textField(what, fields, "access_token"),
    untilMs: nowMs + (seconds > 0 ? seconds : HOUR_SECONDS) * 1000,
  };
}

const HOUR_SECONDS = 3600;
