/** `azuread` of remote write: tokens of Microsoft Entra ID for a client, a workload's or a machine's identity. */
import { createHash, createPrivateKey, createSign, randomUUID, X509Certificate } from "node:crypto";
import type { AzureadConfig } from "../../config/prometheus/remote-config.ts";
import { bearerOf, type CloudDeps, type RequestSigner } from "./ask.ts";
import { createTokenCache, type Lent } from "./token-cache.ts";

const clouds: {
  readonly [cloud: string]: { readonly authority: string; readonly scope: string } | undefined;
} = {
  AzurePublic: {
    authority: "https://login.microsoftonline.com",
    scope: "https://monitor.azure.com//.default",
  },
  AzureChina: {
    authority: "https://login.chinacloudapi.cn",
    scope: "https://monitor.azure.cn//.default",
  },
  AzureGovernment: {
    authority: "https://login.microsoftonline.us",
    scope: "https://monitor.azure.us//.default",
  },
};
const METADATA = "http://169.254.169.254/metadata/identity/oauth2/token";
const TOKEN_FILE = "/var/run/secrets/azure/tokens/azure-identity-token";
const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ASSERTION_SECONDS = 600;
const WHAT = "azuread: cannot fetch token";

export function createAzureSigner(config: AzureadConfig, deps: CloudDeps): RequestSigner {
  const cache = createTokenCache(deps.clock, () => new AzureTokens(config, deps).fetch());
  return {
    forget: () => cache.forget(),
    headers: async () => ({ authorization: `Bearer ${await cache.get()}` }),
  };
}

class AzureTokens {
  private readonly config: AzureadConfig;
  private readonly deps: CloudDeps;
  private readonly scope: string;
  private readonly authority: string;

  constructor(config: AzureadConfig, deps: CloudDeps) {
    this.config = config;
    this.deps = deps;
    const cloud = clouds[config.cloud];
    this.scope = config.scope || (cloud?.scope ?? "");
    this.authority = deps.env["AZURE_AUTHORITY_HOST"] || (cloud?.authority ?? "");
  }

  async fetch(): Promise<Lent<string>> {
    const { managed_identity, workload_identity, oauth, certificate } = this.config;
    if (oauth !== undefined)
      return this.ofTenant(oauth.tenant_id, {
        client_id: oauth.client_id,
        client_secret: oauth.client_secret.reveal(),
      });
    if (workload_identity !== undefined)
      return this.ofWorkload({ ...workload_identity, file: workload_identity.token_file_path });
    if (certificate !== undefined) return this.ofCertificate(certificate);
    if (managed_identity !== undefined) return this.ofMachine(managed_identity.client_id);
    return this.ofEnvironment();
  }

  /** `sdk`: a client's secret or a workload's token where the environment has one, else the machine's identity. */
  private async ofEnvironment(): Promise<Lent<string>> {
    const { env } = this.deps;
    const client_id = env["AZURE_CLIENT_ID"] ?? "";
    const tenant_id = this.config.sdk?.tenant_id || (env["AZURE_TENANT_ID"] ?? "");
    const client_secret = env["AZURE_CLIENT_SECRET"] ?? "";
    if (client_secret !== "") return this.ofTenant(tenant_id, { client_id, client_secret });
    const file = env["AZURE_FEDERATED_TOKEN_FILE"] ?? "";
    if (file !== "") return this.ofWorkload({ client_id, tenant_id, file });
    return this.ofMachine(client_id);
  }

  private async ofWorkload(given: {
    readonly client_id: string;
    readonly tenant_id: string;
    readonly file: string;
  }): Promise<Lent<string>> {
    const text = await this.deps.readText(given.file || TOKEN_FILE);
    return this.ofTenant(given.tenant_id, {
      client_id: given.client_id,
      client_assertion_type: ASSERTION,
      client_assertion: text.trim(),
    });
  }

  private async ofCertificate(
    given: NonNullable<AzureadConfig["certificate"]>,
  ): Promise<Lent<string>> {
    const { client_id, tenant_id } = given;
    const pem = await this.deps.readText(given.certificate_path);
    const keyPem =
      given.certificate_key_path === ""
        ? pem
        : await this.deps.readText(given.certificate_key_path);
    const password = given.certificate_password.reveal();
    const key = createPrivateKey({
      key: keyPem,
      format: "pem",
      ...(password === "" ? {} : { passphrase: password }),
    });
    const certificate = new X509Certificate(pem);
    const now = Math.floor(this.deps.clock.nowMs() / 1000);
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString("base64url");
    const head = {
      alg: "RS256",
      typ: "JWT",
      x5t: createHash("sha1").update(certificate.raw).digest("base64url"),
      ...(given.send_certificate_chain ? { x5c: [certificate.raw.toString("base64")] } : {}),
    };
    const claims = {
      aud: this.tokenUrl(tenant_id),
      iss: client_id,
      sub: client_id,
      jti: randomUUID(),
      nbf: now,
      exp: now + ASSERTION_SECONDS,
    };
    const text = `${part(head)}.${part(claims)}`;
    const signature = createSign("RSA-SHA256").update(text).sign(key).toString("base64url");
    return this.ofTenant(tenant_id, {
      client_id,
      client_assertion_type: ASSERTION,
      client_assertion: `${text}.${signature}`,
    });
  }

  private tokenUrl(tenant: string): string {
    return `${this.authority.replace(/\/$/, "")}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`;
  }

  private async ofTenant(
    tenant: string,
    form: { readonly [name: string]: string },
  ): Promise<Lent<string>> {
    const { ask, clock } = this.deps;
    const all = { grant_type: "client_credentials", scope: this.scope, ...form };
    const answer = await ask({
      url: this.tokenUrl(tenant),
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(all).toString(),
    });
    return bearerOf(WHAT, answer, clock.nowMs());
  }

  /** Of a virtual machine, or of an App Service, which names its own endpoint. */
  private async ofMachine(clientId: string): Promise<Lent<string>> {
    const { env, ask, clock } = this.deps;
    const endpoint = env["IDENTITY_ENDPOINT"] ?? "";
    const secret = env["IDENTITY_HEADER"] ?? "";
    const isService = endpoint !== "" && secret !== "";
    const url = new URL(isService ? endpoint : METADATA);
    url.searchParams.set("api-version", isService ? "2019-08-01" : "2018-02-01");
    url.searchParams.set("resource", this.scope.replace(/\/\.default$/, ""));
    if (clientId !== "") url.searchParams.set("client_id", clientId);
    const headers: { [name: string]: string } = isService
      ? { "x-identity-header": secret }
      : { metadata: "true" };
    const answer = await ask({ url: url.href, method: "GET", headers });
    return bearerOf(WHAT, answer, clock.nowMs());
  }
}
