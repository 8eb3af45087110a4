/** Posts JSON over HTTP. Redirects are answers: credentials do not go to whom we did not choose. */
import * as http from "node:http";
import * as https from "node:https";

export interface PostAnswer {
  readonly status: number;
  /** The beginning of the answer. */
  readonly text: string;
}

/** Rejects when there is no answer in time. */
export type PostJson = (url: string, body: string, timeoutMs: number) => Promise<PostAnswer>;

export interface PostOptions {
  readonly basicAuth?: { readonly username: string; readonly password: () => string } | undefined;
  /** The whole value of the header, such as `Bearer …`; asked for each time, as files with tokens change. */
  readonly authorization?: (() => string) | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** As of `node:tls`: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized`. */
  readonly tls?: https.AgentOptions | undefined;
}

/** An answer is an acknowledgement; what is longer is not read. */
const ANSWER_BYTES_MAX = 16 * 1024;

export function createPostJson(options: PostOptions = {}): PostJson {
  const agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: 2 }),
    https: new https.Agent({ keepAlive: true, maxSockets: 2, ...options.tls }),
  };
  return (url, body, timeoutMs) => {
    const target = new URL(url);
    const isTls = target.protocol === "https:";
    const request = (isTls ? https.request : http.request)(target, {
      method: "POST",
      agent: isTls ? agents.https : agents.http,
      headers: {
        ...options.headers,
        ...authorization(options),
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(body)),
        "user-agent": "triptych",
      },
      signal: AbortSignal.timeout(timeoutMs),
    });
    return new Promise((resolve, reject) => {
      request.once("error", reject);
      request.once("response", (answer) => resolve(readAnswer(answer)));
      request.end(body);
    });
  };
}

async function readAnswer(answer: http.IncomingMessage): Promise<PostAnswer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).length;
    if (bytes > ANSWER_BYTES_MAX) break;
  }
  return { status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") };
}

function authorization({ basicAuth, authorization: header }: PostOptions): Record<string, string> {
  if (header !== undefined) return { authorization: header() };
  if (basicAuth === undefined) return {};
  const pair = Buffer.from(`${basicAuth.username}:${basicAuth.password()}`).toString("base64");
  return { authorization: `Basic ${pair}` };
}
