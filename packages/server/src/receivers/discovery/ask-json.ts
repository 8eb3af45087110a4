/** Asks a discovery's server for JSON. */
import type { HttpAnswer, HttpClient, HttpRequest } from "../../http-client/client.ts";

/** Lists of large clusters come in pages below this. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const ERROR_CHARS_MAX = 200;

export interface JsonAnswer {
  readonly body: unknown;
  readonly headers: HttpAnswer["headers"];
}

/** Throws when the answer's status is not 200 or its body no JSON. */
export async function askJson(client: HttpClient, request: HttpRequest): Promise<JsonAnswer> {
  const answer = await client.fetch(
    { ...request, headers: { accept: "application/json", ...request.headers } },
    { bytesMax: ANSWER_BYTES_MAX },
  );
  const text = Buffer.from(answer.body).toString("utf8");
  if (answer.status !== 200)
    throw new Error(
      `server returned HTTP status ${answer.status} ${answer.statusText}: ${text.slice(0, ERROR_CHARS_MAX)}`.trim(),
    );
  return { body: JSON.parse(text), headers: answer.headers };
}

/** A field of an answer that should be an object: what is none has no fields. */
export function objectOf(value: unknown): { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: unknown })
    : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string {
  return typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : "";
}

export function textsOf(value: unknown): [name: string, value: string][] {
  return Object.entries(objectOf(value)).map(([name, one]) => [name, textOf(one)]);
}
