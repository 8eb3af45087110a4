/** `sigv4` of remote write and Alertmanagers: signs each request, with the keys of a role where one is named. */
import type { Sigv4Config } from "../../config/prometheus/remote-config.ts";
import type { CloudDeps, RequestSigner } from "./ask.ts";
import { awsCredentials, awsRegion, stsCredentials, stsUrl } from "./aws-credentials.ts";
import { type AwsCredentials, awsHeaders } from "./aws-sign.ts";
import { createTokenCache, type Lent } from "./token-cache.ts";

/** Amazon Managed Service for Prometheus. */
const SERVICE = "aps";

export function createAwsSigner(config: Sigv4Config, deps: CloudDeps): RequestSigner {
  const source = {
    accessKey: config.access_key,
    secretKey: config.secret_key.reveal(),
    profile: config.profile,
  };
  const region = async (): Promise<string> => {
    const found = config.region || (await awsRegion(config.profile, deps));
    if (found !== "") return found;
    throw new Error("sigv4: region not configured, neither in sigv4 nor in the environment");
  };
  const assumed = async (): Promise<Lent<AwsCredentials>> => {
    const own = await awsCredentials(source, deps);
    if (config.role_arn === "") return own;
    const place = await region();
    const url = new URL(stsUrl(place, config.use_fips_sts_endpoint));
    const body = new URLSearchParams({
      Action: "AssumeRole",
      Version: "2011-06-15",
      RoleArn: config.role_arn,
      RoleSessionName: "triptych",
      ...(config.external_id === "" ? {} : { ExternalId: config.external_id }),
    }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const scope = { region: place, service: "sts", nowMs: deps.clock.nowMs() };
    const signed = awsHeaders({ method: "POST", url, headers, body }, own.value, scope);
    const all = { ...headers, ...signed };
    return stsCredentials(await deps.ask({ url: url.href, method: "POST", headers: all, body }));
  };
  const keys = createTokenCache(deps.clock, assumed);
  return {
    forget: () => keys.forget(),
    async headers(request) {
      const service = config.service_name || SERVICE;
      const scope = { region: await region(), service, nowMs: deps.clock.nowMs() };
      return awsHeaders(request, await keys.get(), scope);
    },
  };
}
