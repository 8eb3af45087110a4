/**
 * Prometheus' own description of its HTTP API, path by path: each method of each path is asked, and its answer compared
 * with the schema it is described with. Where we differ on purpose stands in `corpus/api/prometheus-openapi.json`; what
 * no longer differs must leave that list.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultLimits } from "@triptych/model";
import { encodeSnappy } from "@triptych/wire";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { createHttpServer } from "../../receivers/http-server.ts";
import { registerOtlpHttp } from "../../receivers/otlp/http.ts";
import { createRecordingNext, realClock } from "../../receivers/otlp/recording-next.ts";
import { createOtlpReceiver } from "../../receivers/otlp/receiver.ts";
import { registerRemoteWrite } from "../../receivers/remote-write/http.ts";
import { compileRegex } from "../../regex/compile.ts";
import { createTestClock, openTestStore, type TestStore } from "../../store/store-for-tests.ts";
import { registerPrometheusApi } from "./api.ts";
import { readRequest, richBatch } from "./data-for-tests.ts";
import { differences, type Schema } from "./json-schema-for-tests.ts";
import { createRulesView } from "./rules.ts";
import { ruleGroupsForTests } from "./rule-groups-for-tests.ts";
import { poolsForTests } from "./pools-for-tests.ts";
import {
  relabelStepsAnswer,
  scrapePoolConfigAnswer,
  scrapePoolsAnswer,
  targetMetadataAnswer,
  targetsAnswer,
} from "./targets.ts";

const root = fileURLToPath(new URL("../../../../..", import.meta.url));
const file = join(
  root,
  "../shared/conformance/prometheus-api/web/api/v1/testdata/openapi_3.2_golden.yaml",
);
const exceptions = JSON.parse(
  readFileSync(join(root, "corpus/api/prometheus-openapi.json"), "utf8"),
) as Readonly<Record<string, { readonly reason: string; readonly differs: readonly string[] }>>;

const T = 1_700_000_000_000;
const clock = createTestClock(T + 10_000);

interface Asked {
  readonly params?: string;
  readonly body?: Uint8Array;
  readonly type?: string;
}
const range = `start=${T / 1000 - 60}&end=${T / 1000 + 5}`;
const form = (params: string): Asked => ({ params });
const asked: Readonly<Record<string, readonly Asked[]>> = {
  "/query": [
    form(`query=hits_total&time=${T / 1000}&stats=all`),
    form(`query=h&time=${T / 1000}`),
    form(`query=hits_total[1m]&time=${T / 1000}`),
    form(`query=1`),
    form(`query="a"`),
  ],
  "/query_range": [form(`query={__name__=~"h|hits_total"}&${range}&step=5`)],
  "/query_exemplars": [form(`query=hits_total&${range}`)],
  "/format_query": [form("query=up")],
  "/parse_query": [form("query=sum(rate(up[5m]))")],
  "/labels": [form("")],
  "/label/{name}/values": [form("")],
  "/search/metric_names": [form(`search[]=hi&include_metadata=1&include_score=1&${range}`)],
  "/search/label_names": [form(`search[]=job&${range}`)],
  "/search/label_values": [form(`label=job&${range}`)],
  "/series": [form("match[]=hits_total")],
  "/scrape_pools/config": [form("scrapePool=node")],
  "/targets/relabel_steps": [form(`scrapePool=node&labels={"__address__":"a:1"}`)],
  "/admin/tsdb/delete_series": [form("match[]=none")],
  "/read": [
    {
      body: readRequest({ fromMs: T, toMs: T }, [[0, "job", "a"]], []),
      type: "application/x-protobuf",
    },
  ],
  "/write": [{ body: encodeSnappy(new Uint8Array()), type: "application/x-protobuf" }],
  "/otlp/v1/metrics": [{ body: new Uint8Array(), type: "application/x-protobuf" }],
};

describe.skipIf(!existsSync(file))("OpenAPI (skipped without ../shared/conformance)", () => {
  const document = existsSync(file) ? (parse(readFileSync(file, "utf8")) as Schema) : {};
  let store: TestStore;
  let app: FastifyInstance;
  let url = "";
  beforeAll(async () => {
    store = await openTestStore(clock);
    await store.put(richBatch(T, "0af7651916cd43dd8448eb211c80319c"));
    app = createHttpServer({ report: (error) => expect.fail(error.message) });
    register(app, store);
    url = `${await app.listen({ host: "127.0.0.1", port: 0 })}/api/v1`;
  });
  afterAll(async () => {
    app.server.closeAllConnections();
    await app.close();
    await store.close();
  });

  const seen = new Set<string>();
  const paths = Object.entries((document["paths"] ?? {}) as Readonly<Record<string, Schema>>);
  for (const [path, methods] of paths)
    for (const [method, operation] of Object.entries(methods)) {
      if (method === "parameters") continue;
      for (const [at, one] of (asked[path] ?? [{}]).entries()) {
        const id = `${method.toUpperCase()} ${path}${at === 0 ? "" : ` ${at + 1}`}`;
        test(id, async () => {
          seen.add(id);
          const { responses } = operation as { responses: Schema };
          const got = await compare(await ask(url, { path, method, one }), responses, document);
          expect(got).toEqual(exceptions[id]?.differs ?? []);
        });
      }
    }
  test("every exception is of a path that is there", () => {
    expect(Object.keys(exceptions).filter((id) => !seen.has(id))).toEqual([]);
  });
});

function ask(
  url: string,
  { path, method, one }: { path: string; method: string; one: Asked },
): Promise<Response> {
  const address = url + path.replace("{name}", "job");
  const params = new URLSearchParams(one.params ?? "");
  const verb = method.toUpperCase();
  if (one.body !== undefined)
    return fetch(address, {
      method: verb,
      body: Buffer.from(one.body),
      headers: { "content-type": one.type ?? "" },
    });
  return verb === "POST"
    ? fetch(address, { method: verb, body: params })
    : fetch(`${address}?${params}`, { method: verb });
}

async function compare(answer: Response, responses: Schema, document: Schema): Promise<string[]> {
  const described = responses[answer.status] as
    | {
        readonly content?: Readonly<
          Record<string, { readonly schema?: Schema; readonly itemSchema?: Schema }>
        >;
      }
    | undefined;
  if (described === undefined) {
    await answer.body?.cancel();
    return [`status ${answer.status}`];
  }
  const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const content = described.content?.[type];
  if (described.content === undefined) return [];
  if (content === undefined) return [`content type ${type}`];
  if (type === "text/event-stream") {
    const event = await firstEvent(answer);
    const name = "#/components/schemas/Notification";
    return [...differences(JSON.parse(event.replace(/^data: /, "")), { $ref: name }, document)];
  }
  const text = await answer.text();
  const value: unknown = type === "application/json" ? JSON.parse(text) : text;
  return [...differences(value, content.schema ?? {}, document)];
}

async function firstEvent(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  let text = "";
  while (!text.includes("\n\n")) {
    const piece = await reader?.read();
    text += Buffer.from(piece?.value ?? []).toString();
  }
  await reader?.cancel();
  return text.split("\n\n")[0] ?? "";
}

function register(app: FastifyInstance, { engine }: TestStore): void {
  const next = createRecordingNext(1e8);
  const limits = defaultLimits;
  const report = (): void => {};
  const pools = poolsForTests();
  registerRemoteWrite(app, { next, limits, clock: realClock, report, prefixes: ["/api/v1"] });
  const receiver = createOtlpReceiver({ next, limits, clock });
  const metricsUrls = ["/api/v1/otlp/v1/metrics"];
  registerOtlpHttp(app, { receiver, next, limits, report, cors: false, metricsUrls });
  registerPrometheusApi(app, {
    engine,
    clock,
    prefixes: ["/api/v1"],
    admin: { enabled: true },
    rules: createRulesView({
      groups: ruleGroupsForTests,
      alertmanagers: () => ["http://a/api/v2/alerts"],
    }),
    targets: {
      targets: (params) => targetsAnswer(pools, params),
      metadata: (params) => targetMetadataAnswer(pools, params, compileRegex),
      scrapePools: () => scrapePoolsAnswer(pools),
      scrapePoolConfig: (params) => scrapePoolConfigAnswer(pools, params),
      relabelSteps: (params) => relabelStepsAnswer(pools, params, compileRegex),
    },
    notifications: {
      list: () => [{ text: "Reload failed.", date: "2026-01-02T16:14:50Z", active: true }],
      subscribe: () => () => {},
    },
    status: {
      configText: () => "global: {}\n",
      flags: () => ({}),
      startedMs: T,
      reload: () => ({ ok: true, atMs: T }),
      retention: () => "15d",
      memoryBytesMax: 1e9,
      metrics: () => "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n",
    },
  });
}
