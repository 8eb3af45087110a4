/**
 * Where AWS credentials come from, in the order AWS' own tools look: what the configuration says, the environment, a web
 * identity, a profile of the shared files, a container's endpoint, the metadata of an EC2 instance.
 */
import { join } from "node:path";
import { type CloudDeps, fieldsOf, textField } from "./ask.ts";
import type { AwsCredentials } from "./aws-sign.ts";
import type { Lent } from "./token-cache.ts";

export interface AwsSource {
  readonly accessKey: string;
  readonly secretKey: string;
  /** A profile of the shared files; "" for none in particular. */
  readonly profile: string;
}

/** Keys of files and the environment may change there: they are read again this often. */
const FILES_EVERY_MS = 10 * 60_000;
const METADATA = "http://169.254.169.254";
const CONTAINERS = "http://169.254.170.2";

export async function awsCredentials(
  source: AwsSource,
  deps: CloudDeps,
): Promise<Lent<AwsCredentials>> {
  const lasting = (value: AwsCredentials): Lent<AwsCredentials> => ({
    value,
    untilMs: deps.clock.nowMs() + FILES_EVERY_MS,
  });
  if (source.accessKey !== "")
    return lasting({
      accessKey: source.accessKey,
      secretKey: source.secretKey,
      sessionToken: "",
    });
  const { env } = deps;
  const key = env["AWS_ACCESS_KEY_ID"] ?? "";
  if (source.profile === "" && key !== "")
    return lasting({
      accessKey: key,
      secretKey: env["AWS_SECRET_ACCESS_KEY"] ?? "",
      sessionToken: env["AWS_SESSION_TOKEN"] ?? "",
    });
  const tokenFile = env["AWS_WEB_IDENTITY_TOKEN_FILE"] ?? "";
  if (source.profile === "" && tokenFile !== "") return webIdentity(tokenFile, deps);
  const profile = await profileOf(source.profile, deps);
  const profileKey = profile.get("aws_access_key_id") ?? "";
  if (profileKey !== "")
    return lasting({
      accessKey: profileKey,
      secretKey: profile.get("aws_secret_access_key") ?? "",
      sessionToken: profile.get("aws_session_token") ?? "",
    });
  if (source.profile !== "")
    throw new Error(`sigv4: the profile ${JSON.stringify(source.profile)} has no access key`);
  return hasContainer(deps) ? ofContainer(deps) : ofInstance(deps);
}

/** The region of the environment or the profile; "" when neither says one. */
export async function awsRegion(profile: string, deps: CloudDeps): Promise<string> {
  const { env } = deps;
  const named = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "";
  return named !== "" ? named : ((await profileOf(profile, deps)).get("region") ?? "");
}

/** Both shared files; in `config` other profiles than the default one begin with a word. */
async function profileOf(wanted: string, deps: CloudDeps): Promise<ReadonlyMap<string, string>> {
  const { env } = deps;
  const name = wanted || env["AWS_PROFILE"] || "default";
  const home = join(env["HOME"] ?? "/", ".aws");
  const read = (file: string): Promise<string> => deps.readText(file).catch(() => "");
  const config = await read(env["AWS_CONFIG_FILE"] || join(home, "config"));
  const credentials = await read(env["AWS_SHARED_CREDENTIALS_FILE"] || join(home, "credentials"));
  const section = name === "default" ? name : `profile ${name}`;
  return new Map([...sectionOf(config, section), ...sectionOf(credentials, name)]);
}

function sectionOf(text: string, wanted: string): Map<string, string> {
  const out = new Map<string, string>();
  let current = "";
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed.startsWith("#") || trimmed.startsWith(";")) continue;
    if (trimmed.startsWith("[") && trimmed.endsWith("]")) current = trimmed.slice(1, -1).trim();
    const at = trimmed.indexOf("=");
    if (current === wanted && at > 0)
      out.set(trimmed.slice(0, at).trim().toLowerCase(), trimmed.slice(at + 1).trim());
  }
  return out;
}

async function webIdentity(tokenFile: string, deps: CloudDeps): Promise<Lent<AwsCredentials>> {
  const { env } = deps;
  const body = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: env["AWS_ROLE_ARN"] ?? "",
    RoleSessionName: env["AWS_ROLE_SESSION_NAME"] || "triptych",
    WebIdentityToken: (await deps.readText(tokenFile)).trim(),
  });
  const region = await awsRegion("", deps);
  const url = stsUrl(region, false);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return stsCredentials(await deps.ask({ url, method: "POST", headers, body: body.toString() }));
}

export function stsUrl(region: string, fips: boolean): string {
  if (region === "") return "https://sts.amazonaws.com/";
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return `https://sts${fips ? "-fips" : ""}.${region}.${domain}/`;
}

/** The answer of the security token service, which is XML. */
export function stsCredentials(answer: {
  readonly status: number;
  readonly body: string;
}): Lent<AwsCredentials> {
  const field = (name: string): string => {
    const from = answer.body.indexOf(`<${name}>`);
    const to = answer.body.indexOf(`</${name}>`, from);
    return from < 0 || to < 0 ? "" : answer.body.slice(from + name.length + 2, to).trim();
  };
  if (answer.status >= 300 || field("AccessKeyId") === "")
    throw new Error(`sigv4: cannot assume the role: status ${answer.status}: ${field("Message")}`);
  return {
    value: {
      accessKey: field("AccessKeyId"),
      secretKey: field("SecretAccessKey"),
      sessionToken: field("SessionToken"),
    },
    untilMs: Date.parse(field("Expiration")),
  };
}

const hasContainer = ({ env }: CloudDeps): boolean =>
  (env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] ?? "") !== "" ||
  (env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] ?? "") !== "";

async function ofContainer(deps: CloudDeps): Promise<Lent<AwsCredentials>> {
  const { env } = deps;
  const relative = env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] ?? "";
  const url =
    relative === "" ? (env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] ?? "") : CONTAINERS + relative;
  const file = env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] ?? "";
  const token =
    file === ""
      ? (env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] ?? "")
      : (await deps.readText(file)).trim();
  const headers: { [name: string]: string } = token === "" ? {} : { authorization: token };
  return lentOf("sigv4: container credentials", await deps.ask({ url, method: "GET", headers }));
}

/** IMDSv2: a token first, then the role's name, then its keys. */
async function ofInstance(deps: CloudDeps): Promise<Lent<AwsCredentials>> {
  const what =
    "sigv4: no credentials in the configuration, the environment or a profile, and instance metadata";
  if ((deps.env["AWS_EC2_METADATA_DISABLED"] ?? "").toLowerCase() === "true")
    throw new Error(`${what} is switched off`);
  const roles = `${METADATA}/latest/meta-data/iam/security-credentials/`;
  const token = await deps
    .ask({
      url: `${METADATA}/latest/api/token`,
      method: "PUT",
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": "300" },
    })
    .catch((error: unknown) => {
      throw new Error(`${what} does not answer`, { cause: error });
    });
  const headers = { "x-aws-ec2-metadata-token": token.body.trim() };
  const role = await deps.ask({ url: roles, method: "GET", headers });
  const name = role.body.split("\n")[0]?.trim() ?? "";
  if (role.status >= 300 || name === "") throw new Error(`${what} has no role`);
  return lentOf(what, await deps.ask({ url: roles + name, method: "GET", headers }));
}

function lentOf(
  what: string,
  answer: { readonly status: number; readonly body: string },
): Lent<AwsCredentials> {
  const fields = fieldsOf(what, answer);
  return {
    value: {
      accessKey: textField(what, fields, "AccessKeyId"),
      secretKey: textField(what, fields, "SecretAccessKey"),
      sessionToken: textField(what, fields, "Token"),
    },
    untilMs: Date.parse(textField(what, fields, "Expiration")),
  };
}
