/** `google_iam` of remote write: tokens for a service account's key, a user's login, or the machine's account. */
import { createSign } from "node:crypto";
import { join } from "node:path";
import type { GoogleIamConfig } from "../../config/prometheus/remote-config.ts";
import { bearerOf, type CloudDeps, fieldsOf, type RequestSigner, textField } from "./ask.ts";
import { createTokenCache, type Lent } from "./token-cache.ts";

const SCOPE = "https://www.googleapis.com/auth/monitoring.write";
const TOKEN_URL = "https://oauth2.googleapis.com/token";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const JWT_SECONDS = 3600;
const WHAT = "google_iam: cannot fetch token";

export function createGoogleSigner(config: GoogleIamConfig, deps: CloudDeps): RequestSigner {
  const cache = createTokenCache(deps.clock, () => fetchToken(config, deps));
  return {
    forget: () => cache.forget(),
    headers: async () => ({ authorization: `Bearer ${await cache.get()}` }),
  };
}

async function fetchToken(config: GoogleIamConfig, deps: CloudDeps): Promise<Lent<string>> {
  const text = await credentialsText(config, deps);
  if (text === undefined) return ofMachine(deps);
  const what = "google_iam: the credentials file";
  const fields = fieldsOf(what, { status: 200, body: text });
  const form =
    fields["type"] === "authorized_user"
      ? {
          grant_type: "refresh_token",
          client_id: textField(what, fields, "client_id"),
          client_secret: textField(what, fields, "client_secret"),
          refresh_token: textField(what, fields, "refresh_token"),
        }
      : { grant_type: JWT_BEARER, assertion: assertion(what, fields, deps.clock.nowMs()) };
  const url = typeof fields["token_uri"] === "string" ? fields["token_uri"] : TOKEN_URL;
  const answer = await deps.ask({
    url,
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  });
  return bearerOf(WHAT, answer, deps.clock.nowMs());
}

/** A file that is named must be there; the one of `gcloud` may. */
async function credentialsText(
  { credentials_file }: GoogleIamConfig,
  { env, readText }: CloudDeps,
): Promise<string | undefined> {
  const named = credentials_file || env["GOOGLE_APPLICATION_CREDENTIALS"] || "";
  if (named !== "") return readText(named);
  const home = join(env["HOME"] ?? "/", ".config/gcloud");
  const usual = join(env["CLOUDSDK_CONFIG"] || home, "application_default_credentials.json");
  return readText(usual).catch(() => undefined);
}

function assertion(
  what: string,
  fields: { readonly [name: string]: unknown },
  nowMs: number,
): string {
  if (fields["type"] !== "service_account")
    throw new Error(
      `${what} is of type ${JSON.stringify(fields["type"])}: service_account and authorized_user are taken`,
    );
  const now = Math.floor(nowMs / 1000);
  const url = typeof fields["token_uri"] === "string" ? fields["token_uri"] : TOKEN_URL;
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = { alg: "RS256", typ: "JWT", kid: fields["private_key_id"] };
  const claims = {
    iss: textField(what, fields, "client_email"),
    scope: SCOPE,
    aud: url,
    iat: now,
    exp: now + JWT_SECONDS,
  };
  const text = `${part(head)}.${part(claims)}`;
  const signature = createSign("RSA-SHA256")
    .update(text)
    .sign(textField(what, fields, "private_key"));
  return `${text}.${signature.toString("base64url")}`;
}

async function ofMachine({ env, ask, clock }: CloudDeps): Promise<Lent<string>> {
  const host = env["GCE_METADATA_HOST"] || "169.254.169.254";
  const path = "/computeMetadata/v1/instance/service-accounts/default/token";
  const answer = await ask({
    url: `http://${host}${path}?scopes=${encodeURIComponent(SCOPE)}`,
    method: "GET",
    headers: { "metadata-flavor": "Google" },
  }).catch((error: unknown) => {
    const why = "no credentials_file, no application default credentials, and no metadata server";
    throw new Error(`google_iam: ${why}`, { cause: error });
  });
  return bearerOf(WHAT, answer, clock.nowMs());
}
