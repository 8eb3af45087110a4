/** How full a service is, asked over HTTP of a store with metrics and spans. */
import type { SaturationAnswer } from "@triptych/contract";
import { defaultLimits } from "@triptych/model";
import { decodeOtlpTraces, drain } from "@triptych/wire";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import { otlpOf } from "../../store/clickhouse/select/testing.ts";
import {
  createTestClock,
  openTestStore,
  samplesOf,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { registerDependencies } from "./dependencies.ts";

const toMs = 1_700_000_040_000;
const fromMs = toMs - 40_000;
const clock = createTestClock(toMs);
let store: TestStore;
let app: FastifyInstance;

const series = (
  name: string,
  labels: { readonly [name: string]: string },
  values: readonly number[],
) => ({
  labels: { __name__: name, ...labels },
  samples: values.map((value, i) => [fromMs - 5_000 + i * 10_000, value] as const),
});

beforeAll(async () => {
  store = await openTestStore(clock);
  const a = { pod: "api-1", container: "main" };
  const b = { pod: "api-2", container: "main" };
  await store.put(
    samplesOf([
      series("container_cpu_usage_seconds_total", { ...a, cpu: "total" }, [0, 5, 10, 15, 20]),
      series("container_cpu_usage_seconds_total", { ...b, cpu: "total" }, [9, 10, 11, 2, 3]),
      series("container_spec_cpu_quota", a, [100_000]),
      series("container_spec_cpu_quota", b, [50_000]),
      series("container_spec_cpu_period", a, [100_000]),
      series("container_spec_cpu_period", b, [100_000]),
      series("container_memory_working_set_bytes", a, [7, 7, 7, 7, 7]),
      series("container_spec_memory_limit_bytes", a, [0, 0, 0, 0, 0]),
      series("http_server_active_requests", { job: "shop/api" }, [1, 2, 3, 4, 5]),
      series("process_open_fds", { job: "other" }, [1, 1, 1, 1, 1]),
      series("process_max_fds", { job: "other" }, [10, 10, 10, 10, 10]),
    ]),
  );
  const spans = ["api-1", "api-2"].map((pod, i) => ({
    ...{ trace: i + 1, id: 1, service: "api", startMs: fromMs + 1, durationMs: 1 },
    resource: { "k8s.pod.name": pod },
  }));
  const text = JSON.stringify(otlpOf(spans));
  const bytes = new TextEncoder().encode(text);
  await store.put(drain(decodeOtlpTraces(bytes, "json", { limits: defaultLimits })).batch);
  app = createHttpServer({
    report: (error) => {
      throw error;
    },
  });
  registerDependencies(app, { engine: store.engine, clock, prefix: "/api/triptych" });
});
afterAll(async () => {
  await app.close();
  await store.close();
});

async function ask(service: string): Promise<SaturationAnswer> {
  const query = `service=${encodeURIComponent(service)}&from=${fromMs}&to=${toMs}&stepMs=10000`;
  const answer = await app.inject({ url: `/api/triptych/saturation?${query}` });
  expect(answer.json()).not.toHaveProperty("error");
  return answer.json() as SaturationAnswer;
}

test("use beside its limit, of the fullest instance", async () => {
  const { measures, missing } = await ask("api");
  const [cpu, memory, requests] = measures;
  // 0.5 of one core and 0.1 of half a core; the second counter began again in the third step.
  expect(cpu).toMatchObject({ title: "CPU of its limit", unit: "share", instances: 2 });
  expect(cpu?.values).toEqual([0.5, 0.5, 0.5, 0.5]);
  expect(cpu?.by).toEqual(['pod="api-1"', 'pod="api-2"']);
  expect(cpu?.metrics).toEqual([
    "container_cpu_usage_seconds_total",
    "container_spec_cpu_quota",
    "container_spec_cpu_period",
  ]);
  // A limit of 0 is none.
  expect(memory).toMatchObject({ title: "Memory", unit: "bytes", values: [7, 7, 7, 7] });
  expect(requests).toMatchObject({ resource: "in-flight", values: [2, 3, 4, 5] });
  expect(requests?.by).toEqual(['job="shop/api"']);
  expect(missing.map(({ resource }) => resource)).toEqual(["files", "runtime"]);
  expect(missing[0]?.metrics).toEqual(["process_open_fds"]);
});

test("a service without metrics is told what is missing", async () => {
  const { measures, missing } = await ask("it's; DROP TABLE series");
  expect(measures).toEqual([]);
  expect(missing).toHaveLength(5);
});

test("the service must be named", async () => {
  const answer = await app.inject({ url: "/api/triptych/saturation" });
  expect(answer.statusCode).toBe(400);
});
