/** Unchanged clients, `jaeger-client` and `zipkin`, deliver to our ports and their spans are found whole. */
import { createRequire } from "node:module";
import { defaultLimits, type SpanBatch, type TriptychError } from "@triptych/model";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createHttpServer } from "../http-server.ts";
import { createRecordingNext, realClock, type RecordingNext } from "../otlp/recording-next.ts";
import { registerZipkin } from "../zipkin/http.ts";
import { registerJaegerHttp } from "./http.ts";
import { createJaegerUdp } from "./udp.ts";

// Both are CommonJS; of their types only what is called here is written down.
const require = createRequire(import.meta.url);
interface JaegerSpanApi {
  setTag(key: string, value: unknown): void;
  log(fields: Readonly<Record<string, unknown>>): void;
  finish(): void;
}
interface JaegerTracer {
  startSpan(name: string, options?: { childOf: JaegerSpanApi }): JaegerSpanApi;
  close(done: () => void): void;
}
const jaeger = require("jaeger-client") as { initTracer(config: object): JaegerTracer };
interface ZipkinTracer {
  local(name: string, run: () => void): void;
  recordBinary(key: string, value: string): void;
  recordMessage(text: string): void;
}
interface ZipkinModule {
  readonly Tracer: new (options: object) => ZipkinTracer;
  readonly BatchRecorder: new (options: object) => object;
  readonly ExplicitContext: new () => object;
  readonly jsonEncoder: Readonly<Record<string, object>>;
}
const zipkin = require("zipkin") as ZipkinModule;
const { HttpLogger } = require("zipkin-transport-http") as {
  HttpLogger: new (options: object) => object;
};

const HOST = "127.0.0.1";
const bugs: TriptychError[] = [];
const report = (error: TriptychError) => void bugs.push(error);
let next: RecordingNext;
const forward = new Proxy({} as RecordingNext, { get: (_, key) => Reflect.get(next, key) });
const deps = { next: forward, limits: defaultLimits, clock: realClock, report };
const app = createHttpServer({ report });
const udp = createJaegerUdp({ ...deps, protocol: "binary" });
let url = "";
let udpPort = 0;
beforeAll(async () => {
  registerZipkin(app, { ...deps, prefixes: [""] });
  registerJaegerHttp(app, { ...deps, prefixes: [""] });
  url = await app.listen({ host: HOST, port: 0 });
  udpPort = await udp.listen(HOST, 0);
});
afterAll(async () => {
  app.server.closeAllConnections();
  await Promise.all([app.close(), udp.close()]);
  expect(bugs).toEqual([]);
});
beforeEach(() => {
  next = createRecordingNext(64 * 1024 * 1024);
});

/** What a test looks at of every span: service, name, tags with their values. */
function found(): string[] {
  const out: string[] = [];
  for (const batch of next.batches as SpanBatch[])
    for (let row = 0; row < batch.rows; row++) {
      const { strings, keys, attributes, resources } = batch;
      const tags: string[] = [];
      for (let i = attributes.offsets[row] ?? 0; i < (attributes.offsets[row + 1] ?? 0); i++)
        tags.push(`${keys.text(attributes.keys[i] ?? 0)}=${attributes.values.text(i)}`);
      const service = strings.text(resources.serviceName[batch.resource[row] ?? 0] ?? 0);
      const own = tags.filter((tag) => !tag.startsWith("sampler."));
      out.push(`${service} ${strings.text(batch.name[row] ?? 0)} ${own.join(" ")}`.trim());
    }
  return out.sort();
}

describe("jaeger-client", () => {
  const check = (name: string, reporter: () => object) =>
    test(name, async () => {
      const tracer = jaeger.initTracer({
        serviceName: "shop",
        sampler: { type: "const", param: 1 },
        reporter: { flushIntervalMs: 20, ...reporter() },
      });
      const parent = tracer.startSpan("parent");
      parent.setTag("ratio", 2.5);
      parent.setTag("error", true);
      parent.log({ event: "retry", attempt: 1 });
      tracer.startSpan("child", { childOf: parent }).finish();
      parent.finish();
      await new Promise<void>((resolve) => tracer.close(resolve));
      await expect.poll(found).toEqual(["shop child", "shop parent ratio=2.5"]);
    });
  check("over HTTP", () => ({ collectorEndpoint: `${url}/api/traces` }));
  check("over UDP", () => ({ agentHost: HOST, agentPort: udpPort }));
});

describe("zipkin", () => {
  const check = (version: 1 | 2) =>
    test(`JSON of version ${version}`, async () => {
      const { Tracer, BatchRecorder, ExplicitContext, jsonEncoder } = zipkin;
      const logger = new HttpLogger({
        endpoint: `${url}/api/v${version}/spans`,
        jsonEncoder: jsonEncoder[`JSON_V${version}`],
        httpInterval: 20,
      });
      const tracer = new Tracer({
        ctxImpl: new ExplicitContext(),
        recorder: new BatchRecorder({ logger }),
        localServiceName: "shop",
      });
      tracer.local("compute", () => {
        tracer.recordBinary("basket", "full");
        tracer.recordMessage("hello");
      });
      await expect.poll(found).toEqual(["shop compute basket=full"]);
      const [batch] = next.batches as SpanBatch[];
      expect(batch?.strings.text(batch.events.name[0] ?? 0)).toBe("hello");
    });
  check(1);
  check(2);
});
