/** Runs the README's programs as they stand, in plain Node processes, against the built package. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type CaughtSpan, createOtlpCatcher, type OtlpCatcher } from "./otlp-catcher.ts";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..", "..");
// Inside node_modules, so that the programs find express and the rest as an application would.
const folder = join(root, "node_modules", ".cache", `telemetry-readme-${process.pid}`);
let catcher: OtlpCatcher;
let child: ChildProcess | undefined;

beforeAll(async () => {
  const installed = join(folder, "node_modules", "@triptych", "telemetry");
  mkdirSync(installed, { recursive: true });
  cpSync(join(here, "..", "package.json"), join(installed, "package.json"));
  await build({
    entryPoints: [join(here, "index.ts"), join(here, "register.ts")],
    outdir: join(installed, "dist"),
    ...{ bundle: true, splitting: true, format: "esm", platform: "node", target: "node20" },
    packages: "external",
    logLevel: "warning",
  });
  const readme = readFileSync(join(here, "..", "README.md"), "utf8");
  for (const [, name, text] of readme.matchAll(/```js\n\/\/ file: (\S+)\n([\s\S]*?)```/g)) {
    writeFileSync(join(folder, name ?? ""), text ?? "");
  }
  catcher = await createOtlpCatcher();
});
afterEach(() => {
  child?.kill("SIGKILL");
});
afterAll(async () => {
  await catcher.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const port = await freePort();
  const started = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      PATH: process.env["PATH"],
      PORT: String(port),
      OTEL_EXPORTER_OTLP_ENDPOINT: catcher.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      ...env,
    },
  });
  child = started;
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (started.exitCode !== null) throw new Error(`${args.join(" ")} ended: ${started.exitCode}`);
    if (await fetch(url).then(Boolean, () => false)) return url;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}

/** Asks politely and reports how the process ended. */
function stop(): Promise<string | number | null> {
  return new Promise((resolve) => {
    child?.once("exit", (code, signal) => resolve(code ?? signal));
    child?.kill("SIGTERM");
  });
}

function spansOf(service: string, path: string): CaughtSpan[] {
  const root = catcher.spans.find(
    (span) => span.service === service && span.attributes["url.path"] === path,
  );
  return catcher.spans.filter((span) => span.traceId === root?.traceId);
}

test("preloaded: express in an ES module without a line of telemetry", async () => {
  const args = ["--import", "@triptych/telemetry/register", "shop.mjs"];
  const url = await start(args, { OTEL_SERVICE_NAME: "shop" });
  const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await (await fetch(`${url}/products/7`, { headers: { traceparent: parent } })).text();
  expect(await stop()).toBe("SIGTERM");
  const spans = spansOf("shop", "/products/7");
  const server = spans.find((span) => span.kind === 2);
  expect(server).toMatchObject({
    name: "GET /products/:id",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    parentSpanId: "b7ad6b7169203331",
  });
  expect(spans.map((span) => span.scope)).toContain("@opentelemetry/instrumentation-express");
});

test("configured first: fastify in an ES module, spans, metrics and logs of the application", async () => {
  const url = await start(["payments.mjs"]);
  expect((await fetch(`${url}/pay/20`)).status).toBe(200);
  expect((await fetch(`${url}/pay/2000`)).status).toBe(500);
  await (await fetch(`${url}/health`)).text();
  expect(await stop()).toBe(0);
  const good = spansOf("payments", "/pay/20");
  const charge = good.find((span) => span.name === "charge card");
  expect(good.map((span) => span.scope)).toContain("@fastify/otel");
  expect(good.find((span) => span.kind === 2)?.name).toBe("GET /pay/:amount");
  expect(charge?.attributes).toEqual({ "payment.amount": 20, "card.issuer": "acme" });
  const bad = spansOf("payments", "/pay/2000").find((span) => span.name === "charge card");
  expect(bad?.status.code).toBe(2);
  const log = catcher.logs.find((record) => record.body === "card charged");
  expect(log).toMatchObject({ traceId: charge?.traceId, spanId: charge?.spanId });
  const error = catcher.logs.find((record) => record.body === "payment failed");
  expect(error?.attributes["exception.type"]).toBe("RangeError");
  const metrics = new Map(catcher.metrics.map((metric) => [metric.name, metric]));
  expect(metrics.get("payment_latency_seconds")?.points[0]?.count).toBe(2);
  expect(metrics.get("payment_failures_total")?.points[0]?.value).toBe(1);
  expect(metrics.has("http.server.request.duration")).toBe(true);
  expect(spansOf("payments", "/health")).toEqual([]);
});

test("CommonJS: express", async () => {
  const url = await start(["stock.cjs"]);
  await (await fetch(`${url}/stock/9`)).text();
  expect(await stop()).toBe("SIGTERM");
  const spans = spansOf("stock", "/stock/9");
  expect(spans.find((span) => span.kind === 2)?.name).toBe("GET /stock/:id");
  expect(spans.map((span) => span.scope)).toContain("@opentelemetry/instrumentation-express");
});

test("http by name, https by default, fetch and undici of an ES module are traced as clients", async () => {
  writeFileSync(
    join(folder, "clients.mjs"),
    `import "./telemetry.mjs";
     import { createServer, get } from "node:http";
     import http from "node:http";
     import { request } from "undici";
     const target = createServer((_, response) => response.end("ok")).listen(0, "127.0.0.1", async () => {
       const url = "http://127.0.0.1:" + target.address().port;
       const read = (send, path) => new Promise((done) => send(url + path, (r) => r.resume().on("end", done)));
       await read(get, "/named");
       await read(http.get, "/default");
       await (await fetch(url + "/fetch")).text();
       await (await request(url + "/undici")).body.text();
       target.close();
       target.closeAllConnections();
     });`,
  );
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: catcher.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  };
  child = spawn(process.execPath, ["clients.mjs"], { cwd: folder, stdio: "inherit", env });
  // Nobody stops it: what it holds is flushed when its event loop runs dry.
  const code = await new Promise((resolve) => child?.once("exit", resolve));
  expect(code).toBe(0);
  for (const path of ["/named", "/default", "/fetch", "/undici"]) {
    const [client, server] = [3, 2].map((kind) =>
      catcher.spans.find(
        (span) =>
          span.kind === kind &&
          String(span.attributes["url.full"] ?? span.attributes["url.path"]).endsWith(path),
      ),
    );
    expect(client, path).toBeDefined();
    expect(server?.parentSpanId, path).toBe(client?.spanId);
  }
});
