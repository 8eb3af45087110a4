/** Posts JSON to an Alertmanager with the client that its configuration asks for. */
import type { HttpClient } from "../http-client/client.ts";

export interface PostAnswer {
  readonly status: number;
  readonly text: string;
}

/** Rejects when there is no answer in time, or one that is no acknowledgement because it is far too long. */
export type PostJson = (url: string, body: string, timeoutMs: number) => Promise<PostAnswer>;

const ANSWER_BYTES_MAX = 64 * 1024;

export function postJsonWith(client: HttpClient): PostJson {
  return async (url, body, timeoutMs) => {
    const headers = { "content-type": "application/json" };
    const answer = await client.fetch(
      { url, method: "POST", headers, body, timeoutMs },
      { bytesMax: ANSWER_BYTES_MAX },
    );
    return { status: answer.status, text: Buffer.from(answer.body).toString("utf8") };
  };
}
