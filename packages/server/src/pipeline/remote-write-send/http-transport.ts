/**
 * Remote write over HTTP with what `remote_write` says of the connection: headers, basic auth, credentials, OAuth 2.0
 * (client credentials), TLS, redirects, and one address after another of a name with several. Connections are kept.
 */
import { lookup } from "node:dns";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import type { Clock } from "@triptych/model";
import { TriptychError } from "@triptych/model";
import type { HttpClientConfig, TlsConfig } from "../../config/prometheus/http-client.ts";
import type { RemoteAnswer, RemoteTransport } from "./transport.ts";

export interface HttpTransportDeps {
  readonly url: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly client: Pick<
    HttpClientConfig,
    "basic_auth" | "authorization" | "oauth2" | "tls_config" | "follow_redirects" | "proxy_url"
  >;
  readonly roundRobinDns: boolean;
  readonly random: () => number;
  readonly clock: Clock;
  /** Files with passwords, tokens and certificates are read when they are needed: they may be replaced. */
  readonly readText: (file: string) => string;
  readonly userAgent: string;
}

const ANSWER_BYTES_MAX = 16 * 1024;
const SOCKETS_MAX = 60;
const REDIRECTS_MAX = 3;
/** A token is asked for again this long before its end. */
const TOKEN_AHEAD_MS = 10_000;
const TOKEN_TIMEOUT_MS = 10_000;
const TOKEN_MS_DEFAULT = 300_000;

interface Call {
  readonly url: URL;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export function createHttpTransport(deps: HttpTransportDeps): RemoteTransport {
  const { client } = deps;
  if (client.proxy_url !== "")
    throw new TriptychError(
      "config_invalid",
      "remote_write: proxy_url is not supported for sending",
    );
  const connection = createConnection(client.tls_config, deps);
  const tokens = createTokens(deps);
  const authorization = async (): Promise<string | undefined> => {
    const { basic_auth: basic, authorization: other, oauth2 } = client;
    if (basic !== undefined) {
      const user = basic.username || fileText(deps, basic.username_file);
      const password = basic.password.reveal() || fileText(deps, basic.password_file);
      return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    }
    if (other !== undefined)
      return `${other.type} ${other.credentials.reveal() || fileText(deps, other.credentials_file)}`;
    return oauth2 === undefined ? undefined : `Bearer ${await tokens.get()}`;
  };
  const base = new URL(deps.url);
  return {
    async post({ body, headers, timeoutMs, signal }) {
      const auth = await authorization();
      const all = {
        "user-agent": deps.userAgent,
        ...Object.fromEntries(deps.headers),
        ...headers,
        ...(auth === undefined ? {} : { authorization: auth }),
      };
      let url = base;
      for (let redirects = 0; ; redirects++) {
        const answer = await connection.call({ url, body, headers: all, timeoutMs, signal });
        if (answer.status === 401) tokens.forget();
        const location = answer.headers["location"];
        const isMoved = (answer.status === 307 || answer.status === 308) && location !== undefined;
        if (!isMoved || !client.follow_redirects || redirects >= REDIRECTS_MAX) return answer;
        url = new URL(location, url);
        // What proves who we are is for the server that was configured.
        if (url.origin !== base.origin) return answer;
      }
    },
    close: () => connection.close(),
  };
}

function fileText({ readText }: HttpTransportDeps, file: string): string {
  return file === "" ? "" : readText(file).trim();
}

interface Connection {
  call(call: Call): Promise<RemoteAnswer>;
  close(): void;
}

function createConnection(
  tls: TlsConfig,
  deps: Pick<HttpTransportDeps, "readText" | "random" | "roundRobinDns">,
): Connection {
  const options = {
    keepAlive: true,
    maxSockets: SOCKETS_MAX,
    ...(deps.roundRobinDns ? { lookup: anyAddress(deps.random) } : {}),
  };
  const http = new HttpAgent(options);
  const https = new HttpsAgent({ ...options, ...tlsOptions(tls, deps.readText) });
  return {
    call: ({ url, body, headers, timeoutMs, signal }) =>
      new Promise((resolve, reject) => {
        const isHttps = url.protocol === "https:";
        const send = isHttps ? httpsRequest : httpRequest;
        const request = send(
          url,
          {
            method: "POST",
            agent: isHttps ? https : http,
            headers: { ...headers, "content-length": String(body.length) },
            signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
          },
          (response) => void readAnswer(response).then(resolve, reject),
        );
        request.on("error", reject);
        request.end(body);
      }),
    close() {
      http.destroy();
      https.destroy();
    },
  };
}

async function readAnswer(response: IncomingMessage): Promise<RemoteAnswer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    if (size < ANSWER_BYTES_MAX) pieces.push(piece);
    size += piece.length;
  }
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(response.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : value;
  const text = Buffer.concat(pieces).subarray(0, ANSWER_BYTES_MAX).toString("utf8");
  return { status: response.statusCode ?? 0, headers, text };
}

/** Connections of one name spread over all its addresses. */
function anyAddress(random: () => number): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const one = found?.[Math.floor(random() * found.length)];
      if (error !== null || one === undefined)
        callback(error ?? new Error(`no address for ${hostname}`), "", 0);
      else if (options.all === true) callback(null, [one]);
      else callback(null, one.address, one.family);
    });
  };
}

const versions = { TLS10: "TLSv1", TLS11: "TLSv1.1", TLS12: "TLSv1.2", TLS13: "TLSv1.3" } as const;

function tlsOptions(tls: TlsConfig, readText: (file: string) => string) {
  const text = (given: string, file: string): string | undefined =>
    given !== "" ? given : file === "" ? undefined : readText(file);
  const ca = text(tls.ca, tls.ca_file);
  const cert = text(tls.cert, tls.cert_file);
  const key = text(tls.key.reveal(), tls.key_file);
  return {
    rejectUnauthorized: !tls.insecure_skip_verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.server_name === "" ? {} : { servername: tls.server_name }),
    ...(tls.min_version === "" ? {} : { minVersion: versions[tls.min_version] }),
    ...(tls.max_version === "" ? {} : { maxVersion: versions[tls.max_version] }),
  };
}

/** A token for client credentials, asked for when it is needed and kept until shortly before its end. */
function createTokens(deps: HttpTransportDeps) {
  const { oauth2 } = deps.client;
  let token = "";
  let untilMs = 0;
  return {
    forget: () => {
      untilMs = 0;
    },
    async get(): Promise<string> {
      if (oauth2 === undefined || (token !== "" && deps.clock.monotonicMs() < untilMs))
        return token;
      const form = new URLSearchParams({ grant_type: "client_credentials" });
      if (oauth2.scopes.length > 0) form.set("scope", oauth2.scopes.join(" "));
      for (const [name, value] of oauth2.endpoint_params) form.set(name, value);
      const secret = oauth2.client_secret.reveal() || fileText(deps, oauth2.client_secret_file);
      const basic = Buffer.from(
        `${encodeURIComponent(oauth2.client_id)}:${encodeURIComponent(secret)}`,
      ).toString("base64");
      const connection = createConnection(oauth2.tls_config, { ...deps, roundRobinDns: false });
      const answer = await connection
        .call({
          url: new URL(oauth2.token_url),
          body: Buffer.from(form.toString()),
          headers: {
            authorization: `Basic ${basic}`,
            "content-type": "application/x-www-form-urlencoded",
          },
          timeoutMs: TOKEN_TIMEOUT_MS,
          signal: new AbortController().signal,
        })
        .finally(() => connection.close());
      const read = tokenOf(answer);
      token = read.token;
      untilMs = deps.clock.monotonicMs() + read.forMs - TOKEN_AHEAD_MS;
      return token;
    },
  };
}

function tokenOf({ status, text }: RemoteAnswer): { token: string; forMs: number } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const given = (body ?? {}) as { access_token?: unknown; expires_in?: unknown };
  if (status !== 200 || typeof given.access_token !== "string")
    throw new Error(`the token endpoint answers with status ${status} and no token`);
  const seconds = Number(given.expires_in);
  return { token: given.access_token, forMs: seconds > 0 ? seconds * 1000 : TOKEN_MS_DEFAULT };
}
