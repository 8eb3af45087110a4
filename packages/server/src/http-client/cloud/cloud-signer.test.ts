/** Who asks, for clouds: where keys and tokens come from, against servers that answer as the clouds' do. */
import { execFileSync } from "node:child_process";
import { createVerify, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimClock } from "@triptych/testkit";
import { describe, expect, test } from "vitest";
import { createHttpClient } from "../client.ts";
import { configOf, fakeTarget } from "../testing.ts";
import type { AskCloud, CloudDeps, RequestSigner } from "./ask.ts";
import { createAwsSigner } from "./aws-signer.ts";
import { createAzureSigner } from "./azure-signer.ts";
import { createGoogleSigner } from "./google-signer.ts";

type Asked = Parameters<AskCloud>[0];
interface World {
  readonly env?: { readonly [name: string]: string };
  readonly files?: { readonly [name: string]: string };
  /** Answers by the beginning of the address. */
  readonly answers?: { readonly [url: string]: string };
}

function signerOf(yaml: string, { env = {}, files = {}, answers = {} }: World) {
  const asked: Asked[] = [];
  const deps: CloudDeps = {
    clock: createSimClock(),
    env,
    readText: async (file) => {
      const text = files[file];
      if (text === undefined) throw new Error(`open ${file}: no such file or directory`);
      return text;
    },
    ask: async (request) => {
      asked.push(request);
      const url = Object.keys(answers)
        .sort((a, b) => b.length - a.length)
        .find((one) => request.url.startsWith(one));
      if (url === undefined) throw new Error("no route to host");
      return { status: 200, body: answers[url] ?? "" };
    },
  };
  const [config] = configOf(`remote_write: [{ url: "http://x/", ${yaml} }]`).remote_write;
  const { sigv4, azuread, google_iam } = config ?? {};
  let signer: RequestSigner | undefined;
  if (sigv4 !== undefined) signer = createAwsSigner(sigv4, deps);
  if (azuread !== undefined) signer = createAzureSigner(azuread, deps);
  if (google_iam !== undefined) signer = createGoogleSigner(google_iam, deps);
  const headers = async () =>
    (await signer?.headers({
      method: "POST",
      url: new URL("https://aps/w"),
      headers: {},
      body: "b",
    })) ?? {};
  return { headers, asked, forget: () => signer?.forget() };
}

describe("AWS keys", () => {
  const check = (what: string, yaml: string, world: World, want: string) =>
    test(what, async () => {
      const { headers } = signerOf(`sigv4: {${yaml}}`, world);
      const told = await headers().then(
        (found) => `${found["authorization"]} ${found["x-amz-security-token"] ?? ""}`,
        (error: Error) => error.message,
      );
      expect(told).toContain(want);
    });
  const region = { AWS_REGION: "eu-west-1" };
  check("configured", "region: r, access_key: K, secret_key: s", {}, "Credential=K/20");
  check(
    "environment",
    "",
    {
      env: {
        ...region,
        AWS_ACCESS_KEY_ID: "E",
        AWS_SECRET_ACCESS_KEY: "s",
        AWS_SESSION_TOKEN: "t",
      },
    },
    "/eu-west-1/aps/aws4_request",
  );
  const files = {
    "/h/.aws/credentials":
      "[default]\naws_access_key_id = D\n[p]\naws_access_key_id=P\naws_secret_access_key=s\n",
    "/h/.aws/config": "# c\n[profile p]\nregion = us-west-2\n",
  };
  check("a profile", "profile: p", { env: { HOME: "/h" }, files }, "Credential=P/20");
  check("its region", "profile: p", { env: { HOME: "/h" }, files }, "/us-west-2/aps/");
  check("the default profile", "region: r", { env: { HOME: "/h" }, files }, "Credential=D/");
  check(
    "a profile that is not there",
    "profile: q, region: r",
    { env: { HOME: "/h" }, files },
    'the profile "q" has no access key',
  );
  check("no region", "access_key: K, secret_key: s", {}, "region not configured");
  const lent = JSON.stringify({
    AccessKeyId: "M",
    SecretAccessKey: "s",
    Token: "tok",
    Expiration: "2099-01-01T00:00:00Z",
  });
  const meta = "http://169.254.169.254/latest/";
  check(
    "an instance",
    "region: r",
    {
      answers: {
        [`${meta}api/token`]: "T",
        [`${meta}meta-data/iam/security-credentials/`]: "role\n",
        [`${meta}meta-data/iam/security-credentials/role`]: lent,
      },
    },
    "Credential=M/",
  );
  check(
    "a container",
    "region: r",
    {
      env: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/x" },
      answers: { "http://169.254.170.2/v2/x": lent },
    },
    " tok",
  );
  check("none at all", "region: r", {}, "no credentials in the configuration");
  const sts =
    "<R><AccessKeyId>S</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>st</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></R>";
  check(
    "a role",
    "region: r, access_key: K, secret_key: s, role_arn: 'arn:x'",
    { answers: { "https://sts.r.amazonaws.com/": sts } },
    "Credential=S/",
  );
  check(
    "a web identity",
    "region: r",
    {
      env: { ...region, AWS_WEB_IDENTITY_TOKEN_FILE: "/t", AWS_ROLE_ARN: "arn:x" },
      files: { "/t": "jwt\n" },
      answers: { "https://sts.eu-west-1.amazonaws.com/": sts },
    },
    "Credential=S/",
  );
  test("a role's keys are asked for once, and again when they were refused", async () => {
    const yaml = "sigv4: { region: r, access_key: K, secret_key: s, role_arn: x, external_id: e }";
    const { headers, asked, forget } = signerOf(yaml, {
      answers: { "https://sts.r.amazonaws.com/": sts },
    });
    await Promise.all([headers(), headers()]);
    await headers();
    expect(asked).toHaveLength(1);
    expect(asked[0]?.body).toContain("ExternalId=e");
    expect(asked[0]?.headers?.["authorization"]).toContain("/r/sts/aws4_request");
    forget();
    await headers();
    expect(asked).toHaveLength(2);
  });
});

const TOKEN = '{"access_token":"tok","expires_in":"3600"}';

describe("Azure tokens", () => {
  const check = (what: string, yaml: string, world: World, wantUrl: string, wantBody: string) =>
    test(what, async () => {
      const { headers, asked } = signerOf(`azuread: {${yaml}}`, world);
      expect(await headers()).toEqual({ authorization: "Bearer tok" });
      expect(asked[0]?.url).toBe(wantUrl);
      expect(decodeURIComponent(asked[0]?.body ?? "")).toContain(wantBody);
    });
  const id = "00000000-0000-0000-0000-000000000001";
  const all = { http: TOKEN };
  const login = `https://login.microsoftonline.com/${id}/oauth2/v2.0/token`;
  check(
    "a client's secret",
    `oauth: { client_id: ${id}, client_secret: s, tenant_id: ${id} }`,
    { answers: all },
    login,
    `scope=https://monitor.azure.com//.default&client_id=${id}&client_secret=s`,
  );
  check(
    "another cloud",
    `cloud: AzureChina, oauth: { client_id: ${id}, client_secret: s, tenant_id: ${id} }`,
    { answers: all },
    `https://login.chinacloudapi.cn/${id}/oauth2/v2.0/token`,
    "scope=https://monitor.azure.cn//.default",
  );
  check(
    "a workload",
    `workload_identity: { client_id: ${id}, tenant_id: ${id}, token_file_path: /t }`,
    { answers: all, files: { "/t": "jwt\n" } },
    login,
    "client_assertion=jwt",
  );
  const machine = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01";
  const resource = `&resource=${encodeURIComponent("https://monitor.azure.com/")}`;
  check(
    "a machine",
    `managed_identity: { client_id: ${id} }`,
    { answers: all },
    `${machine}${resource}&client_id=${id}`,
    "",
  );
  check(
    "an App Service",
    `managed_identity: { client_id: ${id} }`,
    { answers: all, env: { IDENTITY_ENDPOINT: "http://l/t", IDENTITY_HEADER: "h" } },
    `http://l/t?api-version=2019-08-01${resource}&client_id=${id}`,
    "",
  );
  check("the SDK's order", `sdk: { tenant_id: ${id} }`, { answers: all }, machine + resource, "");
  check(
    "the SDK's environment",
    `sdk: { tenant_id: ${id} }`,
    { answers: all, env: { AZURE_CLIENT_ID: "c", AZURE_CLIENT_SECRET: "s" } },
    login,
    "client_id=c&client_secret=s",
  );
  test("a certificate", async () => {
    const dir = mkdtempSync(join(tmpdir(), "triptych-azure-"));
    const [key, pem] = [join(dir, "k"), join(dir, "c")];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a"],
        ...["-keyout", key, "-out", pem],
      ],
      { stdio: "ignore" },
    );
    const files = { "/c": readFileSync(pem, "utf8"), "/k": readFileSync(key, "utf8") };
    rmSync(dir, { recursive: true });
    const yaml = `azuread: { certificate: { client_id: ${id}, tenant_id: ${id}, certificate_path: /c, certificate_key_path: /k } }`;
    const { headers, asked } = signerOf(yaml, { files, answers: all });
    await headers();
    const jwt = new URLSearchParams(asked[0]?.body).get("client_assertion") ?? "";
    expect(isSigned(jwt, new X509Certificate(files["/c"]).publicKey)).toBe(true);
  });
});

function isSigned(jwt: string, key: Parameters<ReturnType<typeof createVerify>["verify"]>[0]) {
  const at = jwt.lastIndexOf(".");
  const verify = createVerify("RSA-SHA256").update(jwt.slice(0, at));
  return verify.verify(key, Buffer.from(jwt.slice(at + 1), "base64url"));
}

describe("Google tokens", () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const account = JSON.stringify({
    type: "service_account",
    client_email: "a@b",
    private_key_id: "k",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    token_uri: "https://oauth2.googleapis.com/token",
  });
  const google = { "https://oauth2.googleapis.com/token": TOKEN };
  test("a service account", async () => {
    const env = { GOOGLE_APPLICATION_CREDENTIALS: "/g" };
    const { headers, asked } = signerOf("google_iam: {}", {
      env,
      files: { "/g": account },
      answers: google,
    });
    expect(await headers()).toEqual({ authorization: "Bearer tok" });
    const jwt = new URLSearchParams(asked[0]?.body).get("assertion") ?? "";
    expect(isSigned(jwt, publicKey)).toBe(true);
    const claims = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString());
    expect(claims).toMatchObject({
      iss: "a@b",
      scope: "https://www.googleapis.com/auth/monitoring.write",
      aud: "https://oauth2.googleapis.com/token",
    });
  });
  test("a user's login", async () => {
    const user =
      '{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}';
    const { headers, asked } = signerOf("google_iam: {}", {
      env: { HOME: "/h" },
      files: { "/h/.config/gcloud/application_default_credentials.json": user },
      answers: google,
    });
    await headers();
    expect(asked[0]?.body).toBe(
      "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=r",
    );
  });
  test("the machine's account", async () => {
    const { headers, asked } = signerOf("google_iam: {}", { answers: { "http://169": TOKEN } });
    await headers();
    expect(asked[0]?.headers).toEqual({ "metadata-flavor": "Google" });
  });
  test("none", async () => {
    await expect(signerOf("google_iam: {}", {}).headers()).rejects.toThrow("no metadata server");
    const other = {
      files: { "/g": '{"type":"x"}' },
      env: { GOOGLE_APPLICATION_CREDENTIALS: "/g" },
    };
    await expect(signerOf("google_iam: {}", other).headers()).rejects.toThrow('type "x"');
  });
});

test("a request is signed on its way", async () => {
  const target = await fakeTarget((_, response) => response.end("ok"));
  const [config] = configOf(
    `remote_write: [{ url: "http://x/", sigv4: { region: r, access_key: K, secret_key: s } }]`,
  ).remote_write;
  if (config === undefined) throw new Error("no remote write");
  const client = createHttpClient(config, { clock: createSimClock(), env: {}, userAgent: "t" });
  await client.fetch(
    { url: `http://${target.address}/w`, method: "POST", body: "b", timeoutMs: 0 },
    { bytesMax: 100 },
  );
  const { authorization } = target.requests[0]?.headers ?? {};
  expect(authorization).toContain("AWS4-HMAC-SHA256 Credential=K/");
  client.close();
  await target.close();
});
