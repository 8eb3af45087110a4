/** The HTTP servers: paths, errors and headers, one line of data a case. */
import { type AddressInfo, connect } from "node:net";
import { TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttpServer, isSafePath, withoutPrefix } from "./http-server.ts";

describe("paths", () => {
  const check = (url: string, want: boolean) =>
    test(JSON.stringify(url), () => expect(isSafePath(url)).toBe(want));
  for (const url of [
    "/",
    "/v1/traces",
    "/a/b.js",
    "/.well-known/x",
    "/a..b",
    "/a/...",
    "/%41",
    "/a%20b",
    "/a?x=//..%2f",
    "/api/v1/label/a.b/values",
    "/%25",
    "/%C3%B6",
  ])
    check(url, true);
  for (const url of ["", "a", "//", "/a//b", "/a/", "//a"].filter((url) => url !== "/a/"))
    check(url, false);
  for (const url of [
    "/..",
    "/../a",
    "/a/..",
    "/a/../b",
    "/./a",
    "/a/.",
    "/%2e%2e/a",
    "/%2E./a",
    "/a/.%2e",
    "/%252e%252e/a",
    "/%2e",
  ])
    check(url, false);
  for (const url of [
    "/a%2fb",
    "/a%2Fb",
    "/a%252fb",
    "/a%25252Fb",
    "/a%5cb",
    "/a\\b",
    "/a%00",
    "/a\0b",
    "/a%2500",
    "/..%2f..%2f",
  ])
    check(url, false);
  check("http://x/a", false);
});

describe("a prefix that a proxy keeps", () => {
  const check = (url: string, prefix: string, want: string) =>
    test(`${url} ${prefix}`, () => expect(withoutPrefix(url, prefix)).toBe(want));
  check("/a", "", "/a");
  check("/p/a?b=/p/", "/p", "/a?b=/p/");
  check("/p", "/p", "/");
  check("/p?a=b", "/p", "/?a=b");
  check("/pq/a", "/p", "/pq/a");
  check("/a/p", "/p", "/a/p");
  test("is taken off", async () => {
    const app = createHttpServer({ report: () => {}, pathPrefix: "/p" });
    app.get("/a", async () => "it");
    const answers = await Promise.all(["/a", "/p/a", "/p/p/a"].map((url) => app.inject({ url })));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 404]);
    await app.close();
  });
});

describe("answers", () => {
  let app: FastifyInstance;
  const bugs: TriptychError[] = [];
  beforeAll(async () => {
    app = createHttpServer({ report: (error) => void bugs.push(error), bodyBytesMax: 100 });
    app.get("/ok", async () => ({ ok: true }));
    app.get("/page", (_request, reply) => reply.type("text/html").send("<p>"));
    app.get("/full", async () => {
      throw new TriptychError("query_queue_full", "busy", { retryAfterSeconds: 1.5 });
    });
    app.get("/wrong", async () => {
      throw new TriptychError("query_invalid", "unexpected )", { offset: 12 });
    });
    app.get("/bug", async () => {
      throw new RangeError("secret");
    });
    app.get("/p/:name", async () => ({}));
    app.post("/body", async () => ({}));
    await app.ready();
  });
  afterAll(() => app.close());

  const check = (
    name: string,
    request: {
      method?: "GET" | "POST";
      url: string;
      payload?: string;
      headers?: Record<string, string>;
    },
    want: { status: number; body?: object; headers?: Record<string, string | undefined> },
  ) =>
    test(name, async () => {
      const answer = await app.inject({ method: "GET", ...request });
      expect(answer.statusCode).toBe(want.status);
      if (want.body !== undefined) expect(answer.json()).toMatchObject(want.body);
      for (const [header, value] of Object.entries(want.headers ?? {}))
        expect(answer.headers[header]).toBe(value);
      expect(answer.headers["x-content-type-options"]).toBe("nosniff");
      expect(answer.headers["x-powered-by"]).toBeUndefined();
    });
  const error = (code: string, rest: object = {}) => ({ error: { code, ...rest } });
  const json = { "content-type": "application/json" };
  check(
    "a route",
    { url: "/ok" },
    { status: 200, body: { ok: true }, headers: { "content-security-policy": undefined } },
  );
  check(
    "a page",
    { url: "/page" },
    {
      status: 200,
      headers: {
        "content-security-policy":
          "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
      },
    },
  );
  check(
    "nothing there",
    { url: "/none?x=1" },
    { status: 404, body: error("not_found", { message: "Nothing answers GET /none." }) },
  );
  check(
    "another method",
    { method: "POST", url: "/ok" },
    { status: 404, body: error("not_found") },
  );
  check(
    "an error with a position",
    { url: "/wrong" },
    { status: 400, body: error("query_invalid", { message: "unexpected )", offset: 12 }) },
  );
  check(
    "an error to retry",
    { url: "/full" },
    { status: 503, body: error("query_queue_full"), headers: { "retry-after": "2" } },
  );
  check("a doubled slash", { url: "//ok" }, { status: 400 });
  check("an escaped slash", { url: "/p/a%2fb" }, { status: 400, body: error("query_invalid") });
  check(
    "dots where nothing is",
    { url: "/x/../y%2f" },
    { status: 400, body: error("query_invalid") },
  );
  check("a broken escape", { url: "/p/%zz" }, { status: 400, body: error("query_invalid") });
  check(
    "a long parameter",
    { url: `/p/${"x".repeat(3000)}` },
    { status: 400, body: error("query_invalid") },
  );
  check(
    "a body over the limit",
    { method: "POST", url: "/body", headers: json, payload: JSON.stringify("x".repeat(200)) },
    { status: 413, body: error("wire_too_large") },
  );
  check(
    "a body that is not json",
    { method: "POST", url: "/body", headers: json, payload: "{" },
    { status: 400, body: error("query_invalid") },
  );
  check(
    "a body of another type",
    { method: "POST", url: "/body", headers: { "content-type": "text/xml" }, payload: "<a>" },
    { status: 415, body: error("media_type_unsupported") },
  );
  check(
    "a bug",
    { url: "/bug" },
    {
      status: 500,
      body: error("internal", { message: "The request met a bug; the server's log says which." }),
    },
  );
  test("bugs are reported", () => expect(bugs.map((bug) => bug.message)).toEqual(["secret"]));
});

test("the bounds are set on the server", async () => {
  const app = createHttpServer({ report: () => {} });
  expect(app.server).toMatchObject({
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 60_000,
    maxConnections: 4_096,
    timeout: 120_000,
  });
  await app.close();
});

test("a client that stalls in its headers is answered and let go", async () => {
  const app = createHttpServer({ report: () => {}, headersMs: 50, requestMs: 100 });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const answer = await new Promise<string>((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: x\r\n"));
    socket.on("data", (part) => {
      text += part.toString();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
  await app.close();
});
