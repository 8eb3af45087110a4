/** `/api/v1/metadata`: what targets say before what is kept. */
import { createSimClock } from "@triptych/testkit";
import { expect, test } from "vitest";
import type { MetricsSource } from "../../query/metrics/source.ts";
import { createHttpServer } from "../../receivers/http-server.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { registerPrometheusApi } from "./api.ts";

test("metadata is all that targets say, then what is kept", async () => {
  const other = createHttpServer({ report: () => {} });
  const kept = [
    { family: "hits_total", type: "counter", help: "Hits.", unit: "" },
    { family: "up", type: "gauge", help: "Old.", unit: "" },
  ];
  const said = [
    { target: { job: "a" }, metric: "up", type: "gauge", help: "One.", unit: "" },
    { target: { job: "b" }, metric: "up", type: "gauge", help: "Two.", unit: "" },
    { target: { job: "c" }, metric: "up", type: "gauge", help: "One.", unit: "" },
    { target: { job: "c" }, metric: "only_here", type: "counter", help: "", unit: "" },
  ];
  registerPrometheusApi(other, {
    engine: {} as Engine,
    source: { metadata: async () => kept } as unknown as MetricsSource,
    clock: createSimClock(),
    prefixes: ["/api/v1"],
    targets: { targets: () => ({}), scrapePools: () => ({}), metadata: () => said },
  });
  const ask = async (query: string) =>
    (await other.inject({ url: `/api/v1/metadata?${query}` })).json().data;
  const up = ["One.", "Two."].map((help) => ({ type: "gauge", help, unit: "" }));
  expect(await ask("")).toEqual({
    hits_total: [{ type: "counter", help: "Hits.", unit: "" }],
    only_here: [{ type: "counter", help: "", unit: "" }],
    up,
  });
  expect((await ask("limit_per_metric=1")).up).toEqual(up.slice(0, 1));
  expect((await ask("limit_per_metric=0")).up).toEqual(up);
  await other.close();
});
