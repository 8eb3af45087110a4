/** The built server from outside: stock clients in, standard APIs out. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type RunningServer, repositoryRoot, startServer } from "@triptych/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const fixture = (name: string): string =>
  fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const conformance = join(repositoryRoot, "../shared/conformance");

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

/** Asks until the answer satisfies `good`: acknowledged data is visible within a second, and two are allowed. */
async function eventually<T>(path: string, good: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 2_000;
  for (;;) {
    const answer = await fetch(server.url + path);
    const body = (await answer.json()) as T;
    if (answer.ok && good(body)) return body;
    if (Date.now() > deadline)
      throw new Error(`${path} still answers ${JSON.stringify(body).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface JaegerTag {
  readonly key: string;
  readonly type: string;
  readonly value: unknown;
}
interface JaegerTrace {
  readonly data: readonly {
    readonly spans: readonly {
      readonly operationName: string;
      readonly tags: readonly JaegerTag[];
      readonly logs: readonly unknown[];
      readonly references: readonly unknown[];
    }[];
  }[];
}

const checkNode = (protocol: string, endpoint: () => string) =>
  test(`@opentelemetry/sdk-node over ${protocol}: span, log and metric arrive whole`, async () => {
    const service = `checkout-${protocol.replace("/", "-")}`;
    const { stdout: traceId } = await run(process.execPath, [fixture("sdk-node-app.mjs")], {
      env: {
        ...process.env,
        OTEL_SERVICE_NAME: service,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint(),
        OTEL_TRACES_EXPORTER: "otlp",
        OTEL_METRICS_EXPORTER: "otlp",
        OTEL_LOGS_EXPORTER: "otlp",
        OTEL_NODE_RESOURCE_DETECTORS: "env",
      },
    });
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    const { data } = await eventually<JaegerTrace>(
      `/jaeger/api/traces/${traceId}`,
      (answer) => answer.data?.[0]?.spans.length === 2,
    );
    const root = data[0]?.spans.find((span) => span.operationName === "GET /cart");
    expect(root?.tags).toEqual(
      expect.arrayContaining([
        { key: "cart.items", type: "int64", value: 2 },
        { key: "cart.total", type: "float64", value: 12.5 },
        { key: "cart.gift", type: "bool", value: true },
        { key: "cart.tags", type: "string", value: '["a","b"]' },
      ]),
    );
    expect(root?.logs).toHaveLength(1);
    const query = encodeURIComponent(`{service_name="${service}"} |= "slow"`);
    const logs = await eventually<{
      data: { result: { stream: Record<string, string>; values: [string, string][] }[] };
    }>(`/loki/api/v1/query_range?query=${query}`, (answer) => answer.data.result.length === 1);
    expect(logs.data.result[0]?.values[0]?.[1]).toBe("cart is slow");
    expect(JSON.stringify(logs.data.result)).toContain(traceId);
    const selector = encodeURIComponent(`carts_total{job="${service}"}`);
    const metric = await eventually<{
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    }>(`/api/v1/query?query=${selector}`, (answer) => answer.data.result.length === 1);
    expect(metric.data.result[0]?.value[1]).toBe("3");
    expect(metric.data.result[0]?.metric["kind"]).toBe("new");
  });

describe("stock clients", () => {
  checkNode("grpc", () => server.otlpGrpcUrl);
  checkNode("http/protobuf", () => server.otlpHttpUrl);
  checkNode("http/json", () => server.otlpHttpUrl);

  test("Python's opentelemetry-sdk over http/protobuf", async (context) => {
    const python = await pythonWithSdk();
    if (python === undefined) return context.skip("no Python, or its packages cannot be installed");
    const { stdout: traceId } = await run(python, [fixture("sdk_app.py")], {
      env: {
        ...process.env,
        OTEL_SERVICE_NAME: "python-shop",
        OTEL_EXPORTER_OTLP_ENDPOINT: server.otlpHttpUrl,
      },
    });
    const { data } = await eventually<JaegerTrace>(
      `/jaeger/api/traces/${traceId}`,
      (answer) => answer.data?.[0]?.spans.length === 1,
    );
    expect(data[0]?.spans[0]?.operationName).toBe("GET /cart");
  });

  test("the specification's example files, to both HTTP ports", async (context) => {
    const examples = join(conformance, "opentelemetry-proto/examples");
    if (!existsSync(examples)) return context.skip("../shared/conformance is not there");
    for (const [file, signal] of [
      ["trace", "traces"],
      ["metrics", "metrics"],
      ["logs", "logs"],
      ["events", "logs"],
    ] as const) {
      for (const base of [server.url, server.otlpHttpUrl]) {
        const answer = await fetch(`${base}/v1/${signal}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: readFileSync(join(examples, `${file}.json`)),
        });
        expect([answer.status, await answer.text()], `${file} to ${base}`).toEqual([200, "{}"]);
      }
    }
    await eventually<JaegerTrace>(
      "/jaeger/api/traces/5B8EFFF798038103D269B633813FC60C",
      (answer) => answer.data?.[0]?.spans.length === 1,
    );
  });
});

/** A virtual environment under node_modules, made once. */
async function pythonWithSdk(): Promise<string | undefined> {
  const directory = join(repositoryRoot, "node_modules/.cache/triptych-python");
  const python = join(directory, "bin/python");
  const packages = ["opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"];
  try {
    if (existsSync(join(directory, "complete"))) return python;
    mkdirSync(directory, { recursive: true });
    await run("python3", ["-m", "venv", directory]);
    await run(python, ["-m", "pip", "install", "-q", "--disable-pip-version-check", ...packages]);
    mkdirSync(join(directory, "complete"));
    return python;
  } catch (error) {
    if (process.env["CI"] !== undefined && (await hasPython())) throw error;
    return undefined;
  }
}

const hasPython = (): Promise<boolean> =>
  run("python3", ["--version"]).then(
    () => true,
    () => false,
  );

describe("answers", () => {
  const check = (
    name: string,
    ask: () => Promise<Response>,
    want: { status: number; text?: string | RegExp },
  ) =>
    test(name, async () => {
      const answer = await ask();
      const text = await answer.text();
      expect(answer.status, text).toBe(want.status);
      if (want.text !== undefined) expect(text).toMatch(want.text);
    });
  const post = (path: string, type: string, body: string) =>
    fetch(server.url + path, { method: "POST", headers: { "content-type": type }, body });
  check("healthz", () => fetch(`${server.url}/healthz`), { status: 200, text: "ok" });
  check("readyz", () => fetch(`${server.url}/readyz`), { status: 200, text: "ready" });
  check("metrics for a scraper", () => fetch(`${server.url}/metrics`), {
    status: 200,
    text: /triptych_journal_records_total \d+/,
  });
  check(
    "metrics for a person",
    () => fetch(`${server.url}/metrics`, { headers: { accept: "text/html" } }),
    {
      status: 200,
      text: /<html/,
    },
  );
  check(
    "a page of the interface",
    () => fetch(`${server.url}/traces`, { headers: { accept: "text/html" } }),
    {
      status: 200,
      text: /<html/,
    },
  );
  check(
    "a mistyped API address",
    () => fetch(`${server.url}/api/v1/qurey`, { headers: { accept: "text/html" } }),
    {
      status: 404,
      text: /not_found/,
    },
  );
  check("malformed JSON", () => post("/v1/traces", "application/json", '{"resourceSpans":[{'), {
    status: 400,
    text: /byte/,
  });
  check("the wrong type", () => post("/v1/traces", "text/plain", "hello"), { status: 415 });
  check("an empty protobuf request", () => post("/v1/logs", "application/x-protobuf", ""), {
    status: 200,
  });
  check("a trace nobody sent", () => fetch(`${server.url}/jaeger/api/traces/1`), {
    status: 404,
    text: /trace not found/,
  });
  check("a query with a mistake", () => fetch(`${server.url}/api/v1/query?query=up%7B`), {
    status: 400,
    text: /bad_data/,
  });
  check("a path that climbs", () => fetch(`${server.url}/..%2f..%2fetc/passwd`), { status: 400 });
});

describe("names that mean something to JavaScript are data", () => {
  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];
  const attributes = names.map((name) => ({
    key: name,
    value: { stringValue: `value of ${name}` },
  }));
  const now = BigInt(Date.now()) * 1_000_000n;
  const resource = {
    attributes: [{ key: "service.name", value: { stringValue: "__proto__" } }, ...attributes],
  };
  const post = (signal: string, body: object) =>
    fetch(`${server.otlpHttpUrl}/v1/${signal}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  test("as attributes of spans", async () => {
    const traceId = "abcdefabcdefabcdefabcdefabcdef01";
    const span = {
      traceId,
      spanId: "abcdefabcdefabcd",
      name: "constructor",
      startTimeUnixNano: String(now),
      endTimeUnixNano: String(now),
      attributes,
    };
    expect(
      (await post("traces", { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }))
        .status,
    ).toBe(200);
    const { data } = await eventually<JaegerTrace>(
      `/jaeger/api/traces/${traceId}`,
      (answer) => answer.data?.[0]?.spans.length === 1,
    );
    const tags = data[0]?.spans[0]?.tags.filter((tag) => names.includes(tag.key)) ?? [];
    expect(tags.map((tag) => `${tag.key}=${tag.value}`).sort()).toEqual(
      names.map((name) => `${name}=value of ${name}`).sort(),
    );
  });
  test("as labels of series", async () => {
    const point = { asInt: "7", timeUnixNano: String(now), attributes };
    const metric = { name: "polluted", gauge: { dataPoints: [point] } };
    expect(
      (
        await post("metrics", {
          resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [metric] }] }],
        })
      ).status,
    ).toBe(200);
    const { data } = await eventually<{
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    }>("/api/v1/query?query=polluted", (answer) => answer.data.result.length === 1);
    const labels = new Map(Object.entries(data.result[0]?.metric ?? {}));
    for (const name of names.slice(1)) expect(labels.get(name), name).toBe(`value of ${name}`);
    expect([...labels.values()]).toContain("value of __proto__");
  });
});
