/** The headers that say who asks: basic, bearer and OAuth2 (client credentials, or a signed JWT), from text or files. */
import { createSign, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "@triptych/model";
import type { HttpClientConfig, Oauth2Config } from "../config/prometheus/http-client.ts";
import { inlineOrFile } from "./tls.ts";

/** Asks a token server; the answer's status and body. */
export type AskTokenServer = (request: {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}) => Promise<{ readonly status: number; readonly body: string }>;

export interface HttpAuth {
  /** Headers for one request. Throws when a file or a token cannot be had. */
  headers(): Promise<{ [name: string]: string | string[] }>;
  /** The last token was refused: get another. */
  forget(): void;
}

export function createHttpAuth(
  config: HttpClientConfig,
  deps: { readonly clock: Clock; readonly askTokenServer: AskTokenServer },
): HttpAuth {
  const token = config.oauth2 === undefined ? undefined : createTokens(config.oauth2, deps);
  return {
    forget: () => token?.forget(),
    async headers() {
      const out: { [name: string]: string | string[] } = {};
      for (const [name, { values, secrets, files }] of config.http_headers)
        out[name] = [
          ...values,
          ...secrets.map((one) => one.reveal()),
          ...(await Promise.all(files.map(async (file) => (await readFile(file, "utf8")).trim()))),
        ];
      const authorization = await authorizationOf(config, token);
      if (authorization !== undefined) out["authorization"] = authorization;
      return out;
    },
  };
}

async function authorizationOf(
  { basic_auth: basic, authorization }: HttpClientConfig,
  token: ReturnType<typeof createTokens> | undefined,
): Promise<string | undefined> {
  if (basic !== undefined) {
    const user = await inlineOrFile(basic.username, basic.username_file);
    const password = await inlineOrFile(basic.password.reveal(), basic.password_file);
    return basicAuth(user, password);
  }
  if (authorization !== undefined) {
    const { type, credentials, credentials_file } = authorization;
    const text = await inlineOrFile(credentials.reveal(), credentials_file);
    return text === "" ? undefined : `${type} ${text}`;
  }
  return token === undefined ? undefined : token.header();
}

export function basicAuth(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** A token is renewed this long before it ends. */
const EARLY_MS = 10_000;
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const JWT_LIFE_SECONDS = 3600;
const TOKEN_ERROR_CHARS_MAX = 200;

function createTokens(
  config: Oauth2Config,
  { clock, askTokenServer }: { readonly clock: Clock; readonly askTokenServer: AskTokenServer },
): { header(): Promise<string>; forget(): void } {
  let current: { readonly header: string; readonly untilMs: number } | undefined;
  let pending: Promise<string> | undefined;
  /** Servers differ in where they want the client's secret; what worked is kept. */
  let inBody = false;

  const ask = async (form: URLSearchParams, secret: string, body: boolean) => {
    const sent = new URLSearchParams(form);
    const headers: { [name: string]: string } = {
      "content-type": "application/x-www-form-urlencoded",
    };
    if (config.grant_type !== JWT_BEARER) {
      if (body) {
        sent.set("client_id", config.client_id);
        if (secret !== "") sent.set("client_secret", secret);
      } else
        headers["authorization"] = basicAuth(
          encodeURIComponent(config.client_id),
          encodeURIComponent(secret),
        );
    }
    return askTokenServer({ url: config.token_url, headers, body: sent.toString() });
  };
  const renew = async (): Promise<string> => {
    const form = await formOf(config, clock);
    const secret = await inlineOrFile(config.client_secret.reveal(), config.client_secret_file);
    let answer = await ask(form, secret, inBody);
    if (answer.status >= 400 && answer.status < 500 && config.grant_type !== JWT_BEARER) {
      const other = await ask(form, secret, !inBody);
      if (other.status < 300) {
        inBody = !inBody;
        answer = other;
      }
    }
    const token = tokenOf(answer);
    current = { header: token.header, untilMs: clock.nowMs() + token.lifeMs - EARLY_MS };
    return token.header;
  };
  return {
    async header() {
      if (current !== undefined && clock.nowMs() < current.untilMs) return current.header;
      pending ??= renew().finally(() => {
        pending = undefined;
      });
      return pending;
    },
    forget() {
      current = undefined;
    },
  };
}

async function formOf(config: Oauth2Config, clock: Clock): Promise<URLSearchParams> {
  const form = new URLSearchParams();
  if (config.grant_type === JWT_BEARER) {
    form.set("grant_type", JWT_BEARER);
    form.set("assertion", await signedJwt(config, clock));
  } else form.set("grant_type", "client_credentials");
  if (config.scopes.length > 0) form.set("scope", config.scopes.join(" "));
  for (const [name, value] of config.endpoint_params) form.set(name, value);
  return form;
}

/** RFC 7523: a JWT signed with the client's key stands for the client. */
async function signedJwt(config: Oauth2Config, clock: Clock): Promise<string> {
  const key = await inlineOrFile(
    config.client_certificate_key.reveal(),
    config.client_certificate_key_file,
  );
  const algorithm = config.signature_algorithm || "RS256";
  const now = Math.floor(clock.nowMs() / 1000);
  const head = {
    alg: algorithm,
    typ: "JWT",
    ...(config.client_certificate_key_id === "" ? {} : { kid: config.client_certificate_key_id }),
  };
  const claims = {
    ...Object.fromEntries(config.claims),
    iss: config.iss || config.client_id,
    sub: config.client_id,
    aud: config.audience || config.token_url,
    jti: randomUUID(),
    iat: now,
    exp: now + JWT_LIFE_SECONDS,
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part(head)}.${part(claims)}`;
  const signature = createSign(`RSA-SHA${algorithm.slice(2)}`)
    .update(signed)
    .sign(key);
  return `${signed}.${signature.toString("base64url")}`;
}

const LIFE_UNKNOWN_MS = 24 * 3_600_000;

function tokenOf(answer: { readonly status: number; readonly body: string }): {
  readonly header: string;
  readonly lifeMs: number;
} {
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer.body);
  } catch {
    parsed = undefined;
  }
  const fields = (typeof parsed === "object" && parsed !== null ? parsed : {}) as {
    readonly [key: string]: unknown;
  };
  const { access_token: token, token_type: type, expires_in: life } = fields;
  if (answer.status >= 300 || typeof token !== "string" || token === "") {
    const why = typeof fields["error"] === "string" ? fields["error"] : "no access token in it";
    throw new Error(
      `oauth2: cannot fetch token: status ${answer.status}: ${why.slice(0, TOKEN_ERROR_CHARS_MAX)}`,
    );
  }
  const scheme =
    typeof type === "string" && type !== "" && type.toLowerCase() !== "bearer" ? type : "Bearer";
  const seconds = Number(life);
  return {
    header: `${scheme} ${token}`,
    lifeMs: seconds > 0 ? seconds * 1000 : LIFE_UNKNOWN_MS,
  };
}
