/**
 * An HTTP client as `http_config` describes it: kept connections, TLS, proxies, who asks, redirects, a time limit and
 * a limit of the answer's size. Used by all that asks servers an operator names. HTTP/1.1
 * always; `enable_http2` is read and allows, but does not demand, HTTP/2.
 */
import * as http from "node:http";
import * as https from "node:https";
import type { LookupFunction, Socket } from "node:net";
import * as tls from "node:tls";
import * as zlib from "node:zlib";
import type { Clock } from "@triptych/model";
import type { HttpClientConfig } from "../config/prometheus/http-client.ts";
import { basicAuth, createHttpAuth } from "./auth.ts";
import { type CloudAuthConfig, cloudConfig, createCloudSigner } from "./cloud/cloud-signer.ts";
import { type Environment, type ProxyFor, proxyOf } from "./proxy.ts";
import { type TlsOptions, tlsOptions } from "./tls.ts";

/** Settings of a client that may also sign its requests for a cloud. */
export type ClientConfig = HttpClientConfig & CloudAuthConfig;

export interface HttpClientDeps {
  readonly clock: Clock;
  readonly env: Environment;
  readonly userAgent: string;
  /** Which address of a name is taken; the system's choice unless given. */
  readonly lookup?: LookupFunction;
}

export interface HttpRequest {
  readonly url: string;
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string | Uint8Array;
  /** For all of it, body included; 0 sets none. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** A Unix socket to connect to instead of the address' host. */
  readonly socketPath?: string | undefined;
}

export interface BodyLimits {
  /** The answer may not be larger, once decompressed. */
  readonly bytesMax: number;
  /** Told of bytes as they come; what it throws ends the request. */
  readonly hold?: (bytes: number) => void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export interface HttpClient {
  /** The whole answer. Throws `BodyTooLarge`, or an error that says in Go's words what went wrong. */
  fetch(request: HttpRequest, limits: BodyLimits): Promise<HttpAnswer>;
  /** The answer's head, its body still to come: for answers that never end. The caller destroys it. */
  open(request: HttpRequest): Promise<http.IncomingMessage>;
  close(): void;
}

/** The body is larger than its limit. */
export class BodyTooLarge extends Error {}
/** The time limit passed. */
export class DeadlineExceeded extends Error {}

const REDIRECTS_MAX = 10;
const IDLE_MS = 5 * 60_000;
/** Connections kept open for the next request; one per target is plenty. */
const IDLE_SOCKETS_MAX = 1024;
/** Files of certificates are looked at this often. */
const TLS_FILES_EVERY_MS = 10_000;
const LINK_LOCAL = "169.254.";
const TOKEN_TIMEOUT_MS = 30_000;
const TOKEN_BYTES_MAX = 1024 * 1024;

export function createHttpClient(config: ClientConfig, deps: HttpClientDeps): HttpClient {
  const agents = createAgents(config, deps);
  let tokenClient: HttpClient | undefined;
  const auth = createHttpAuth(config, {
    clock: deps.clock,
    askTokenServer: async ({ url, headers, body }) => {
      tokenClient ??= createTokenClient(config, deps);
      const answer = await tokenClient.fetch(
        { url, method: "POST", headers, body, timeoutMs: TOKEN_TIMEOUT_MS },
        { bytesMax: TOKEN_BYTES_MAX },
      );
      return { status: answer.status, body: Buffer.from(answer.body).toString("utf8") };
    },
  });

  const cloudClients = new Map<boolean, HttpClient>();
  const signer = createCloudSigner(config, {
    clock: deps.clock,
    env: deps.env,
    ask: async (request) => {
      // A machine's metadata are at an address that no proxy can reach.
      const direct = new URL(request.url).hostname.startsWith(LINK_LOCAL);
      const client =
        cloudClients.get(direct) ?? createHttpClient(cloudConfig(config, { direct }), deps);
      cloudClients.set(direct, client);
      const answer = await client.fetch(
        { ...request, timeoutMs: TOKEN_TIMEOUT_MS },
        { bytesMax: TOKEN_BYTES_MAX },
      );
      return { status: answer.status, body: Buffer.from(answer.body).toString("utf8") };
    },
  });

  const send = async (request: HttpRequest): Promise<http.IncomingMessage> => {
    let url = new URL(request.url);
    const first = url.origin;
    let secrets = await auth.headers();
    let { method = "GET", body } = request;
    for (let redirects = 0; ; redirects++) {
      const headers: { [name: string]: string | string[] } = {
        "user-agent": deps.userAgent,
        ...request.headers,
        ...secrets,
      };
      // Only who was named by the operator learns who asks, also after a redirect.
      if (signer !== undefined && url.origin === first)
        Object.assign(headers, await signer.headers({ method, url, headers, body }));
      const via = await agents.via(url, request.socketPath, headers);
      const answer = await exchange(url, { ...via, method, headers, ...signalOf(request) }, body);
      if (answer.statusCode === 401) auth.forget();
      if (answer.statusCode === 401 || answer.statusCode === 403) signer?.forget();
      const next = redirectOf(answer, url, config.follow_redirects);
      if (next === undefined) return answer;
      answer.resume();
      if (redirects >= REDIRECTS_MAX) throw new Error(`stopped after ${REDIRECTS_MAX} redirects`);
      // Who asks is nobody else's business.
      if (next.origin !== url.origin) secrets = {};
      if (answer.statusCode !== 307 && answer.statusCode !== 308 && method !== "GET") {
        method = "GET";
        body = undefined;
      }
      url = next;
    }
  };

  const limited = async <T>(
    request: HttpRequest,
    run: (limited: HttpRequest) => Promise<T>,
  ): Promise<T> => {
    const abort = new AbortController();
    let isLate = false;
    const cancel =
      request.timeoutMs === 0
        ? () => {}
        : deps.clock.after(request.timeoutMs, () => {
            isLate = true;
            abort.abort();
          });
    const follow = (): void => abort.abort();
    request.signal?.addEventListener("abort", follow);
    if (request.signal?.aborted === true) abort.abort();
    try {
      return await run({ ...request, signal: abort.signal });
    } catch (error) {
      if (isLate) throw new DeadlineExceeded(describe(request, "context deadline exceeded"));
      throw error;
    } finally {
      cancel();
      request.signal?.removeEventListener("abort", follow);
    }
  };

  return {
    fetch: (request, limits) =>
      limited(request, async (inTime) => {
        const answer = await send(inTime).catch((error: unknown) => {
          throw new Error(describe(request, reasonOf(error)), { cause: error });
        });
        return {
          status: answer.statusCode ?? 0,
          statusText: answer.statusMessage ?? "",
          headers: answer.headers,
          body: await readAll(answer, limits, inTime.signal),
        };
      }),
    open: send,
    close() {
      agents.close();
      tokenClient?.close();
      for (const client of cloudClients.values()) client.close();
    },
  };
}

function createTokenClient(config: HttpClientConfig, deps: HttpClientDeps): HttpClient {
  const { oauth2 } = config;
  const plain: HttpClientConfig = {
    ...config,
    basic_auth: undefined,
    authorization: undefined,
    oauth2: undefined,
    http_headers: new Map(),
    tls_config: oauth2?.tls_config ?? config.tls_config,
    proxy_url: oauth2?.proxy_url ?? "",
    no_proxy: oauth2?.no_proxy ?? "",
    proxy_from_environment: oauth2?.proxy_from_environment ?? false,
    proxy_connect_header: oauth2?.proxy_connect_header ?? new Map(),
  };
  return createHttpClient(plain, deps);
}

function signalOf(request: HttpRequest): { signal?: AbortSignal } {
  return request.signal === undefined ? {} : { signal: request.signal };
}

function describe(request: HttpRequest, reason: string): string {
  const method = request.method ?? "GET";
  const verb = `${method[0]}${method.slice(1).toLowerCase()}`;
  return `${verb} ${JSON.stringify(withoutPassword(request.url))}: ${reason}`;
}

function withoutPassword(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.password === "") return address;
  url.password = "xxxxx";
  return url.href;
}

/** What Go's network library says of the same failure, where it has a name. */
function reasonOf(error: unknown): string {
  const { code, message, address, port, hostname, syscall } = (error ?? {}) as {
    [key: string]: unknown;
  };
  const place = address === undefined ? "" : ` ${String(address)}:${String(port)}`;
  switch (code) {
    case "ECONNREFUSED":
      return `dial tcp${place}: connect: connection refused`;
    case "ECONNRESET":
      return `read tcp: connection reset by peer`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `dial tcp: lookup ${String(hostname)}: no such host`;
    case "EHOSTUNREACH":
      return `dial tcp${place}: connect: no route to host`;
    case "ETIMEDOUT":
      return `dial tcp${place}: ${String(syscall)}: connection timed out`;
    default:
      return String(message ?? error);
  }
}

function exchange(
  url: URL,
  options: http.RequestOptions,
  body: string | Uint8Array | undefined,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Through a proxy the request line has the whole address, and the connection is plain.
    const isPlain = url.protocol === "http:" || options.path?.startsWith("http") === true;
    const call = isPlain ? http.request : https.request;
    const { hostname, port } = url;
    const request = call({
      host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
      port: port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(port),
      path: `${url.pathname}${url.search}`,
      ...options,
      headers: { host: url.host, ...options.headers },
    });
    request.on("error", reject).on("response", resolve);
    request.end(body);
  });
}

function redirectOf(answer: http.IncomingMessage, url: URL, follows: boolean): URL | undefined {
  const { statusCode = 0, headers } = answer;
  if (!follows || ![301, 302, 303, 307, 308].includes(statusCode)) return undefined;
  if (headers.location === undefined || !URL.canParse(headers.location, url)) return undefined;
  const next = new URL(headers.location, url);
  // Anything else than HTTP is no place an operator named.
  return next.protocol === "http:" || next.protocol === "https:" ? next : undefined;
}

interface Agents {
  /** How a request gets to its server; may add headers for the proxy. */
  via(
    url: URL,
    socketPath: string | undefined,
    headers: { [name: string]: string | string[] },
  ): Promise<http.RequestOptions>;
  close(): void;
}

function createAgents(config: HttpClientConfig, deps: HttpClientDeps): Agents {
  const kept = {
    keepAlive: true,
    maxFreeSockets: IDLE_SOCKETS_MAX,
    timeout: IDLE_MS,
    ...(deps.lookup === undefined ? {} : { lookup: deps.lookup }),
  };
  const plain = new http.Agent(kept);
  const proxyFor: ProxyFor = proxyOf(config, deps.env);
  let secure: https.Agent | undefined;
  let known = "";
  let options: TlsOptions = { rejectUnauthorized: true };
  let readAtMs = Number.NEGATIVE_INFINITY;
  const tunnels = new Map<string, https.Agent>();

  const forget = (): void => {
    secure?.destroy();
    secure = undefined;
    for (const agent of tunnels.values()) agent.destroy();
    tunnels.clear();
  };
  const refresh = async (): Promise<void> => {
    if (deps.clock.monotonicMs() - readAtMs < TLS_FILES_EVERY_MS) return;
    const read = await tlsOptions(config.tls_config);
    readAtMs = deps.clock.monotonicMs();
    const text = JSON.stringify(read);
    if (text === known) return;
    known = text;
    options = read;
    forget();
  };
  const tunnel = (proxy: URL): https.Agent => {
    let agent = tunnels.get(proxy.href);
    if (agent === undefined) {
      agent = new https.Agent({ ...kept, ...options });
      Object.assign(agent, { createConnection: connectThrough(proxy, config, options) });
      tunnels.set(proxy.href, agent);
    }
    return agent;
  };
  return {
    async via(url, socketPath, headers) {
      if (url.protocol === "https:") await refresh();
      if (socketPath !== undefined) {
        if (url.protocol !== "https:") return { agent: plain, socketPath };
        secure ??= new https.Agent({ ...kept, ...options });
        return { agent: secure, socketPath };
      }
      const proxy = proxyFor(url);
      if (url.protocol === "https:") {
        if (proxy !== undefined) return { agent: tunnel(proxy) };
        secure ??= new https.Agent({ ...kept, ...options });
        return { agent: secure };
      }
      if (proxy === undefined) return { agent: plain };
      Object.assign(headers, proxyHeaders(proxy, config));
      return {
        agent: plain,
        host: proxy.hostname,
        port: Number(proxy.port || 80),
        path: url.href,
      };
    },
    close() {
      plain.destroy();
      forget();
    },
  };
}

function proxyHeaders(proxy: URL, config: HttpClientConfig): { [name: string]: string | string[] } {
  const out: { [name: string]: string | string[] } = {};
  for (const [name, values] of config.proxy_connect_header)
    out[name] = values.map((value) => value.reveal());
  if (proxy.username !== "")
    out["proxy-authorization"] = basicAuth(
      decodeURIComponent(proxy.username),
      decodeURIComponent(proxy.password),
    );
  return out;
}

type Connected = (error: Error | null, socket?: Socket) => void;

/** Asks the proxy for a tunnel with CONNECT, and speaks TLS through it. */
function connectThrough(
  proxy: URL,
  config: HttpClientConfig,
  tlsGiven: TlsOptions,
): (options: http.RequestOptions, done: Connected) => void {
  return (options, done) => {
    const host = String(options.host);
    const authority = `${host.includes(":") ? `[${host}]` : host}:${String(options.port)}`;
    const call = proxy.protocol === "https:" ? https.request : http.request;
    const request = call({
      host: proxy.hostname,
      port: Number(proxy.port || (proxy.protocol === "https:" ? 443 : 80)),
      method: "CONNECT",
      path: authority,
      headers: { host: authority, ...proxyHeaders(proxy, config) },
      agent: false,
      ...(options.signal == null ? {} : { signal: options.signal }),
    });
    request.once("connect", (answer, socket) => {
      if (answer.statusCode !== 200) {
        socket.destroy();
        done(new Error(`proxy answered CONNECT with ${answer.statusCode}`));
        return;
      }
      const secured = tls.connect({ servername: host, ...tlsGiven, socket });
      secured.once("secureConnect", () => done(null, secured));
      secured.once("error", (error) => done(error));
    });
    request.once("error", (error) => done(error));
    request.end();
  };
}

/** Reads the body, decompressed, and lets go of the connection when it grows too large. */
export function readAll(
  answer: http.IncomingMessage,
  { bytesMax, hold }: BodyLimits,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const encoding = String(answer.headers["content-encoding"] ?? "").toLowerCase();
    const stream = encoding === "gzip" ? answer.pipe(zlib.createGunzip()) : answer;
    const parts: Uint8Array[] = [];
    let total = 0;
    const fail = (error: unknown): void => {
      parts.length = 0;
      answer.destroy();
      stream.destroy();
      signal?.removeEventListener("abort", onAbort);
      reject(error);
    };
    const onAbort = (): void => fail(new Error("the request was given up"));
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted === true) return onAbort();
    stream.on("data", (part: Uint8Array) => {
      total += part.length;
      if (total > bytesMax) return fail(new BodyTooLarge("body size limit exceeded"));
      try {
        hold?.(part.length);
      } catch (error) {
        return fail(error);
      }
      parts.push(part);
    });
    stream.on("end", () => {
      signal?.removeEventListener("abort", onAbort);
      resolve(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, total));
    });
    stream.on("error", fail);
    if (stream !== answer) answer.on("error", fail);
    answer.on("close", () => {
      if (!answer.complete) fail(new Error("unexpected EOF"));
    });
  });
}
