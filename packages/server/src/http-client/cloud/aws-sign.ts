/**
 * AWS Signature Version 4 of one request, in its headers.
 * Source: "Create a signed AWS API request" of the AWS IAM User Guide.
 */
import { createHash, createHmac } from "node:crypto";
import type { SignedRequest } from "./ask.ts";

export interface AwsCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  /** "" for keys that are not temporary. */
  readonly sessionToken: string;
}

export interface AwsScope {
  readonly region: string;
  readonly service: string;
  readonly nowMs: number;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/** The headers to add: `x-amz-date`, `x-amz-security-token` where there is one, and `authorization`. */
export function awsHeaders(
  request: SignedRequest,
  credentials: AwsCredentials,
  { region, service, nowMs }: AwsScope,
): { readonly [name: string]: string } {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const added = {
    "x-amz-date": time,
    ...(credentials.sessionToken === ""
      ? {}
      : { "x-amz-security-token": credentials.sessionToken }),
  };
  const signed = signedHeaders(request, added);
  const names = signed.map(([name]) => name).join(";");
  const canonical = [
    request.method,
    canonicalPath(request.url),
    canonicalQuery(request.url),
    ...signed.map(([name, value]) => `${name}:${value}`),
    "",
    names,
    sha256(request.body ?? ""),
  ].join("\n");
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const key = [region, service, "aws4_request"].reduce<Uint8Array>(
    (last, part) => hmac(last, part),
    hmac(`AWS4${credentials.secretKey}`, day),
  );
  const text = [ALGORITHM, time, scope, sha256(canonical)].join("\n");
  const signature = Buffer.from(hmac(key, text)).toString("hex");
  const who = `Credential=${credentials.accessKey}/${scope}`;
  return {
    ...added,
    authorization: `${ALGORITHM} ${who}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

/** The host, the content type and AWS' own: what proxies on the way leave alone. */
function signedHeaders(
  { url, headers }: SignedRequest,
  added: { readonly [name: string]: string },
): [name: string, value: string][] {
  const all = { host: url.host, ...headers, ...added };
  return Object.entries(all)
    .map(([name, value]): [string, string] => [
      name.toLowerCase(),
      [value].flat().join(",").trim().replaceAll(/ +/g, " "),
    ])
    .filter(([name]) => name === "host" || name === "content-type" || name.startsWith("x-amz-"))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The path as it is sent, encoded once more: all services but S3 want it so. */
function canonicalPath({ pathname }: URL): string {
  return pathname.split("/").map(encoded).join("/");
}

function canonicalQuery({ searchParams }: URL): string {
  return [...searchParams]
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** Everything but letters, digits and `-._~`. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const sha256 = (data: string | Uint8Array): string =>
  createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Uint8Array, text: string): Uint8Array =>
  createHmac("sha256", key).update(text).digest();
