/** The client against servers on loopback that behave as those it is made for. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimClock } from "@triptych/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { createHttpClient, type HttpClient } from "./client.ts";
import { proxyOf } from "./proxy.ts";
import { configOf, type FakeTarget, fakeTarget } from "./testing.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0)) await one();
});
const clock = createSimClock();

function clientOf(yaml: string, env: { [name: string]: string } = {}): HttpClient {
  const [job] = configOf(`scrape_configs:\n  - job_name: j\n${indented(yaml)}`).scrape_configs;
  if (job === undefined) throw new Error("no job");
  const client = createHttpClient(job, { clock, env, userAgent: "test" });
  cleanup.push(() => client.close());
  return client;
}

const indented = (yaml: string): string =>
  yaml
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");

async function server(answer: FakeTarget["answer"]): Promise<FakeTarget> {
  const target = await fakeTarget(answer);
  cleanup.push(() => target.close());
  return target;
}

const get = async (client: HttpClient, url: string): Promise<string> => {
  const answer = await client.fetch({ url, timeoutMs: 0 }, { bytesMax: 1000 });
  return `${answer.status} ${Buffer.from(answer.body).toString()}`;
};

const ok: FakeTarget["answer"] = (_, response) => response.end("ok");

describe("who asks", () => {
  const check = (title: string, yaml: string, name: string, want: string) =>
    test(title, async () => {
      const target = await server(ok);
      expect(await get(clientOf(yaml), `http://${target.address}/`)).toBe("200 ok");
      expect(target.requests[0]?.headers[name]).toBe(want);
    });
  check("basic", "basic_auth: { username: u, password: p }", "authorization", "Basic dTpw");
  check("bearer", "bearer_token: t", "authorization", "Bearer t");
  check(
    "another scheme",
    "authorization: { type: Token, credentials: t }",
    "authorization",
    "Token t",
  );
  check("headers", "http_headers: { x-a: { values: [1], secrets: [s] } }", "x-a", "1, s");

  test("credentials of a file are read each time", async () => {
    const directory = mkdtempSync(join(tmpdir(), "triptych-auth-"));
    cleanup.push(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "token");
    const target = await server(ok);
    const client = clientOf(`authorization: { credentials_file: ${file} }`);
    for (const token of ["one", "two"]) {
      writeFileSync(file, `${token}\n`);
      await get(client, `http://${target.address}/`);
    }
    expect(target.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer one",
      "Bearer two",
    ]);
  });

  test("OAuth2: one token for many requests, the secret where the server wants it", async () => {
    const forms: string[] = [];
    const tokens = await server((request, response) => {
      let form = "";
      request.on("data", (part) => {
        form += String(part);
      });
      request.on("end", () => {
        forms.push(form);
        if (!form.includes("client_secret=s")) return response.writeHead(401).end("{}");
        return response.end(
          JSON.stringify({ access_token: "abc", token_type: "bearer", expires_in: 60 }),
        );
      });
    });
    const target = await server(ok);
    const client = clientOf(`oauth2:
  client_id: me
  client_secret: s
  token_url: http://${tokens.address}/token
  scopes: [a, b]
  endpoint_params: { audience: x }`);
    await get(client, `http://${target.address}/`);
    await get(client, `http://${target.address}/`);
    expect(target.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer abc",
      "Bearer abc",
    ]);
    expect(forms).toEqual([
      "grant_type=client_credentials&scope=a+b&audience=x",
      "grant_type=client_credentials&scope=a+b&audience=x&client_id=me&client_secret=s",
    ]);
    await clock.advance(61_000);
    await get(client, `http://${target.address}/`);
    expect(forms).toHaveLength(3);
  });
});

describe("redirects", () => {
  test("are followed, and another host is not told who asks", async () => {
    const other = await server(ok);
    const first = await server((_, response) =>
      response.writeHead(302, { location: `http://${other.address}/x` }).end(),
    );
    const client = clientOf("bearer_token: t");
    expect(await get(client, `http://${first.address}/`)).toBe("200 ok");
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
    expect(other.requests[0]?.url).toBe("/x");
  });
  test("are not followed when they should not be, or lead elsewhere", async () => {
    const first = await server((_, response) =>
      response.writeHead(302, { location: "file:///etc/passwd" }).end("no"),
    );
    expect(await get(clientOf(""), `http://${first.address}/`)).toBe("302 no");
    expect(await get(clientOf("follow_redirects: false"), `http://${first.address}/`)).toBe(
      "302 no",
    );
  });
  test("end at ten", async () => {
    const round = await server((_, response) => response.writeHead(302, { location: "/" }).end());
    await expect(get(clientOf(""), `http://${round.address}/`)).rejects.toThrow(
      "stopped after 10 redirects",
    );
  });
});

describe("proxies", () => {
  test("HTTP goes through with the whole address", async () => {
    const proxy = await server((request, response) => response.end(`for ${request.url}`));
    const client = clientOf(`proxy_url: http://u:p@${proxy.address}`);
    expect(await get(client, "http://target.example/metrics?a=1")).toBe(
      "200 for http://target.example/metrics?a=1",
    );
    expect(proxy.requests[0]?.headers["proxy-authorization"]).toBe("Basic dTpw");
    expect(proxy.requests[0]?.headers.host).toBe("target.example");
  });
  const exempt = (list: string, url: string, want: boolean) =>
    test(`${list} ${url}`, () => {
      const [job] = configOf(
        `scrape_configs: [{ job_name: j, proxy_url: "http://p:1", no_proxy: "${list}" }]`,
      ).scrape_configs;
      expect(job && proxyOf(job, {})(new URL(url)) === undefined).toBe(want);
    });
  exempt("example.com", "http://a.example.com/", true);
  exempt("example.com", "http://notexample.com/", false);
  exempt(".example.com", "http://example.com/", false);
  exempt("10.0.0.0/8,x", "http://10.1.2.3:9100/", true);
  exempt("a:81", "http://a/", false);
  exempt("*", "http://a/", true);
  exempt("b", "http://localhost:1/", true);
});

/** A certificate for `localhost`, made by the system's openssl; undefined where there is none. */
function certificate(): { cert: string; key: string; directory: string } | undefined {
  const directory = mkdtempSync(join(tmpdir(), "triptych-tls-"));
  cleanup.push(() => rmSync(directory, { recursive: true }));
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  try {
    execFileSync(
      "openssl",
      ["req", ...options, "-keyout", key, "-out", cert, "-days", "2", ...subject],
      {
        stdio: "ignore",
      },
    );
  } catch {
    return undefined;
  }
  return { cert, key, directory };
}

describe("TLS", () => {
  test("its own authority, client certificates, and through a proxy", async (context) => {
    const made = certificate();
    if (made === undefined) return context.skip("there is no openssl");
    const { cert, key } = made;
    const secure = createSecureServer(
      {
        cert: readFileSync(cert),
        key: readFileSync(key),
        ca: readFileSync(cert),
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) =>
        response.end(String((request.socket as unknown as { authorized: boolean }).authorized)),
    );
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    cleanup.push(() => {
      secure.closeAllConnections();
      secure.close();
    });
    const { port } = secure.address() as AddressInfo;
    const url = `https://127.0.0.1:${port}/`;
    await expect(get(clientOf(""), url)).rejects.toThrow("self-signed certificate");
    expect(await get(clientOf("tls_config: { insecure_skip_verify: true }"), url)).toBe(
      "200 false",
    );
    const trusting = `tls_config: { ca_file: ${cert}, cert_file: ${cert}, key_file: ${key}, server_name: localhost, min_version: TLS12 }`;
    expect(await get(clientOf(trusting), url)).toBe("200 true");

    const tunnels: string[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, socket, head) => {
      tunnels.push(String(request.url));
      const upstream = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on("error", () => socket.destroy());
      socket.on("error", () => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    cleanup.push(() => proxy.close());
    const through = `${trusting}\nproxy_url: http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    expect(await get(clientOf(through), "https://far.example/")).toBe("200 true");
    expect(tunnels).toEqual(["far.example:443"]);
  });
});

test("errors name what was asked, without its password", async () => {
  await expect(get(clientOf(""), "http://u:secret@127.0.0.1:1/x")).rejects.toThrow(
    'Get "http://u:xxxxx@127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
  );
});
