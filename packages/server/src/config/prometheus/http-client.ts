/** How to reach a server over HTTP: `http_config` of Prometheus, the keys that scraping, discovery and remote storage share. */
import {
  bool,
  type Fields,
  type Kind,
  list,
  map,
  maybe,
  oneOf,
  path,
  problem,
  type Struct,
  secret,
  struct,
  text,
} from "./kinds.ts";
import { url } from "./scalars.ts";
import type { Secret } from "./secret.ts";
import { createYamlReader } from "./yaml-reader.ts";

const tlsVersions = ["TLS10", "TLS11", "TLS12", "TLS13"] as const;
export type TlsVersion = (typeof tlsVersions)[number];

const tlsVersion: Kind<TlsVersion | ""> = oneOf(
  ["", ...tlsVersions],
  "",
  (given) => `unknown TLS version: ${given}`,
);

export const tlsConfig = struct(
  "config.TLSConfig",
  {
    ca: text(),
    cert: text(),
    key: secret,
    ca_file: path,
    cert_file: path,
    key_file: path,
    ca_ref: text(),
    cert_ref: text(),
    key_ref: text(),
    server_name: text(),
    insecure_skip_verify: bool(),
    min_version: tlsVersion,
    max_version: tlsVersion,
  },
  (tls) => {
    const several = (...given: readonly string[]): boolean =>
      given.filter((one) => one !== "").length > 1;
    if (several(tls.ca, tls.ca_file, tls.ca_ref))
      return problem("at most one of ca, ca_file & ca_ref must be configured");
    if (several(tls.cert, tls.cert_file, tls.cert_ref))
      return problem("at most one of cert, cert_file & cert_ref must be configured");
    if (several(tls.key.reveal(), tls.key_file, tls.key_ref))
      return problem("at most one of key and key_file must be configured");
    const usesCert = tls.cert !== "" || tls.cert_file !== "" || tls.cert_ref !== "";
    const usesKey = tls.key.reveal() !== "" || tls.key_file !== "" || tls.key_ref !== "";
    if (usesCert && !usesKey)
      return problem(
        "exactly one of key or key_file must be configured when a client certificate is configured",
      );
    if (usesKey && !usesCert)
      return problem(
        "exactly one of cert or cert_file must be configured when a client key is configured",
      );
    return tls;
  },
);
export type TlsConfig = Struct<{ tls: typeof tlsConfig }>["tls"];

const proxyFields = {
  proxy_url: url,
  no_proxy: text(),
  proxy_from_environment: bool(),
  proxy_connect_header: map(list(secret)),
} as const satisfies Fields;

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const oauth2 = struct("config.plain", {
  client_id: text(),
  client_secret: secret,
  client_secret_file: path,
  client_secret_ref: text(),
  client_certificate_key_id: text(),
  client_certificate_key: secret,
  client_certificate_key_file: path,
  client_certificate_key_ref: text(),
  grant_type: text(),
  signature_algorithm: text(),
  iss: text(),
  audience: text(),
  claims: map(text()),
  scopes: list(text()),
  token_url: text(),
  endpoint_params: map(text()),
  tls_config: tlsConfig,
  ...proxyFields,
});
export type Oauth2Config = Struct<{ oauth2: typeof oauth2 }>["oauth2"];

/** Headers that change the connection, are set by us, or have keys of their own. */
const RESERVED_HEADERS = new Set([
  "authorization",
  "host",
  "content-encoding",
  "content-length",
  "content-type",
  "user-agent",
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "www-authenticate",
  "accept-encoding",
  "x-prometheus-remote-write-version",
  "x-prometheus-remote-read-version",
  "x-prometheus-scrape-timeout-seconds",
  "x-amz-date",
  "x-amz-security-token",
  "x-amz-content-sha256",
]);

/** `accept-encoding` as Go prints header names: `Accept-Encoding`. */
function canonical(name: string): string {
  return name.toLowerCase().replaceAll(/(^|-)([a-z])/g, (all) => all.toUpperCase());
}

const headers: Kind<ReadonlyMap<string, HeaderValues>> = {
  initial: () => new Map(),
  read(reader, node) {
    const read = map(
      struct("config.Header", { values: list(text()), secrets: list(secret), files: list(path) }),
    ).read(reader, node);
    for (const name of read.keys())
      if (RESERVED_HEADERS.has(name.toLowerCase()))
        return reader.fail(
          node,
          `setting header ${JSON.stringify(canonical(name))} is not allowed`,
        );
    return read;
  },
};
export interface HeaderValues {
  readonly values: readonly string[];
  readonly secrets: readonly Secret[];
  readonly files: readonly string[];
}

/** Header names of remote storage and tracing; `authorization` says which keys there are instead. */
export function plainHeaders(authorization: string): Kind<ReadonlyMap<string, string>> {
  return {
    initial: () => new Map(),
    read(reader, node) {
      const read = map(text()).read(reader, node);
      for (const name of read.keys()) {
        const lower = name.toLowerCase();
        if (lower === "authorization") return reader.fail(node, authorization);
        if (RESERVED_HEADERS.has(lower) && lower !== "x-prometheus-scrape-timeout-seconds")
          return reader.fail(node, `${name} is a reserved header. It must not be changed`);
      }
      return read;
    },
  };
}

export const httpClientFields = {
  basic_auth: maybe(
    struct("config.BasicAuth", {
      username: text(),
      username_file: path,
      username_ref: text(),
      password: secret,
      password_file: path,
      password_ref: text(),
    }),
  ),
  authorization: maybe(
    struct("config.Authorization", {
      type: text(),
      credentials: secret,
      credentials_file: path,
      credentials_ref: text(),
    }),
  ),
  oauth2: maybe(oauth2),
  bearer_token: secret,
  bearer_token_file: path,
  tls_config: tlsConfig,
  follow_redirects: bool(true),
  enable_http2: bool(true),
  ...proxyFields,
  http_headers: headers,
} as const satisfies Fields;

export type HttpClientConfig = Struct<typeof httpClientFields>;

/** What nothing but defaults is. */
export const httpClientKeys: readonly string[] = Object.keys(httpClientFields);

/** Checks what the keys are together, and turns a bearer token into an authorization. Throws a `Problem`. */
export function checkHttpClient<T extends HttpClientConfig>(client: T): T {
  const token = client.bearer_token.reveal();
  const tokenFile = client.bearer_token_file;
  if (token !== "" && tokenFile !== "")
    return problem("at most one of bearer_token & bearer_token_file must be configured");
  const hasToken = token !== "" || tokenFile !== "";
  if ((client.basic_auth !== undefined || client.oauth2 !== undefined) && hasToken)
    return problem(
      "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
    );
  checkBasicAuth(client.basic_auth);
  checkOauth2(client);
  checkProxy(client);
  return { ...client, authorization: authorizationOf(client, hasToken) };
}

function more(...given: readonly (string | boolean)[]): boolean {
  return given.filter((one) => one !== "" && one !== false).length > 1;
}

function checkBasicAuth(basic: HttpClientConfig["basic_auth"]): void {
  if (basic === undefined) return;
  if (more(basic.username, basic.username_file, basic.username_ref))
    problem("at most one of basic_auth username, username_file & username_ref must be configured");
  if (more(basic.password.reveal(), basic.password_file, basic.password_ref))
    problem("at most one of basic_auth password, password_file & password_ref must be configured");
}

function authorizationOf(
  client: HttpClientConfig,
  hasToken: boolean,
): HttpClientConfig["authorization"] {
  const { authorization } = client;
  if (authorization === undefined) {
    if (!hasToken) return undefined;
    return {
      type: "Bearer",
      credentials: client.bearer_token,
      credentials_file: client.bearer_token_file,
      credentials_ref: "",
    };
  }
  if (hasToken)
    return problem("authorization is not compatible with bearer_token & bearer_token_file");
  const { credentials, credentials_file, credentials_ref } = authorization;
  if (more(credentials.reveal(), credentials_file, credentials_ref))
    return problem(
      "at most one of authorization credentials & credentials_file must be configured",
    );
  const type = authorization.type.trim() || "Bearer";
  if (type.toLowerCase() === "basic")
    return problem(`authorization type cannot be set to "basic", use "basic_auth" instead`);
  if (client.basic_auth !== undefined || client.oauth2 !== undefined)
    return problem("at most one of basic_auth, oauth2 & authorization must be configured");
  return { ...authorization, type };
}

function checkOauth2({ oauth2: given, basic_auth }: HttpClientConfig): void {
  if (given === undefined) return;
  if (basic_auth !== undefined)
    problem("at most one of basic_auth, oauth2 & authorization must be configured");
  if (given.client_id === "") problem("oauth2 client_id must be configured");
  if (given.token_url === "") problem("oauth2 token_url must be configured");
  if (given.grant_type === JWT_BEARER) {
    const { client_certificate_key: key, signature_algorithm: algorithm } = given;
    if (more(key.reveal(), given.client_certificate_key_file, given.client_certificate_key_ref))
      problem(
        `at most one of oauth2 client_certificate_key, client_certificate_key_file & client_certificate_key_ref must be configured using grant-type=${JWT_BEARER}`,
      );
    if (!["", "RS256", "RS384", "RS512"].includes(algorithm))
      problem("valid signature algorithms are RS256, RS384 and RS512");
  } else if (more(given.client_secret.reveal(), given.client_secret_file, given.client_secret_ref))
    problem(
      "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured using grant-type=client_credentials",
    );
}

function checkProxy(client: HttpClientConfig): void {
  const { proxy_url, proxy_from_environment: fromEnvironment, no_proxy } = client;
  if (client.proxy_connect_header.size > 0 && !fromEnvironment && proxy_url === "")
    problem(
      "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
    );
  if (fromEnvironment && proxy_url !== "")
    problem("if proxy_from_environment is configured, proxy_url must not be configured");
  if (fromEnvironment && no_proxy !== "")
    problem("if proxy_from_environment is configured, no_proxy must not be configured");
  if (proxy_url === "" && no_proxy !== "")
    problem("if no_proxy is configured, proxy_url must also be configured");
}

/** A struct with the keys of an HTTP client and others, checked together. */
export function httpStruct<F extends Fields & typeof httpClientFields>(
  type: string,
  fields: F,
  check?: (value: Struct<F>, context: { readonly given: ReadonlySet<string> }) => void,
): Kind<Struct<F>> {
  return struct(type, fields, (value, context) => {
    check?.(value, context);
    return checkHttpClient(value as Struct<F> & HttpClientConfig);
  });
}

const plainHttpClient = struct("config.plain", httpClientFields);

/** The client that nothing is said about. */
export function defaultHttpClient(): HttpClientConfig {
  const reader = createYamlReader("", "defaults", "/");
  return plainHttpClient.read(reader, reader.root);
}
