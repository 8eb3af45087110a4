/** Who signs requests for `sigv4`, `azuread` and `google_iam`; nobody where none of them is configured. */
import { readFile } from "node:fs/promises";
import type { Clock } from "@triptych/model";
import type { HttpClientConfig } from "../../config/prometheus/http-client.ts";
import type {
  AzureadConfig,
  GoogleIamConfig,
  Sigv4Config,
} from "../../config/prometheus/remote-config.ts";
import type { AskCloud, CloudDeps, RequestSigner } from "./ask.ts";
import { createAwsSigner } from "./aws-signer.ts";
import { createAzureSigner } from "./azure-signer.ts";
import { createGoogleSigner } from "./google-signer.ts";

export interface CloudAuthConfig {
  readonly sigv4?: Sigv4Config | undefined;
  readonly azuread?: AzureadConfig | undefined;
  readonly google_iam?: GoogleIamConfig | undefined;
}

export function createCloudSigner(
  config: CloudAuthConfig,
  given: { readonly clock: Clock; readonly env: CloudDeps["env"]; readonly ask: AskCloud },
): RequestSigner | undefined {
  const deps: CloudDeps = { ...given, readText: (file) => readFile(file, "utf8") };
  if (config.sigv4 !== undefined) return createAwsSigner(config.sigv4, deps);
  if (config.azuread !== undefined) return createAzureSigner(config.azuread, deps);
  return config.google_iam === undefined ? undefined : createGoogleSigner(config.google_iam, deps);
}

/** The client's settings without what says who asks: tokens are asked for with them; `direct`: without a proxy. */
export function cloudConfig(
  config: HttpClientConfig & CloudAuthConfig,
  { direct }: { readonly direct: boolean },
): HttpClientConfig & CloudAuthConfig {
  return {
    ...config,
    sigv4: undefined,
    azuread: undefined,
    google_iam: undefined,
    basic_auth: undefined,
    authorization: undefined,
    oauth2: undefined,
    http_headers: new Map(),
    ...(direct ? { proxy_url: "", proxy_from_environment: false } : {}),
  };
}
