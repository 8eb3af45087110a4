import type { TargetsAnswer } from "@triptych/contract";
import { createSimClock } from "@triptych/testkit";
import { expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import { newState } from "../../receivers/scrape/loop.ts";
import type { PoolView } from "../../receivers/scrape/manager.ts";
import { discoveredLabels, populate } from "../../receivers/scrape/target.ts";
import { configOf } from "../../http-client/testing.ts";
import { registerOwnTargets } from "./targets.ts";

const [config] = configOf(`scrape_configs:
  - job_name: node
    scrape_interval: 15s
    static_configs: [{ targets: [a] }]
`).scrape_configs;

function loopOf(address: string, lastError: string): PoolView["active"][number] {
  if (config === undefined) throw new Error("no job");
  const group = { source: "s", labels: new Map(), targets: [] };
  const discovered = discoveredLabels(config, group, new Map([["__address__", address]]));
  const populated = populate(config, () => true, discovered);
  if (populated.kind !== "target") throw new Error("no target");
  const state = newState();
  return {
    target: populated.target,
    view: () => ({
      health: lastError === "" ? "up" : "down",
      lastError,
      lastScrapeMs: 1_700_000_000_000,
      lastSeconds: 0.25,
    }),
    state: () => state,
    start: () => {},
    stop: async () => {},
    end: () => {},
  };
}

function pools(): PoolView[] {
  if (config === undefined) return [];
  const problem = { discovery: "dns_sd_configs", message: "no such host" };
  return [
    {
      name: "node",
      config,
      active: [loopOf("a:9100", ""), loopOf("b:9100", "connection refused"), loopOf("c:9100", "")],
      dropped: [{ discovered: new Map([["__address__", "gone:1"]]) }],
      droppedCount: 7,
      problems: [problem],
    },
    { name: "empty", config, active: [], dropped: [], droppedCount: 0, problems: [] },
  ];
}

const app = createHttpServer({ report: (error) => expect.fail(error.message) });
registerOwnTargets(app, { clock: createSimClock(), prefix: "/api", pools });
const get = async (query: string): Promise<TargetsAnswer> =>
  (await app.inject({ url: `/api/targets${query}` })).json() as TargetsAnswer;

test("those that are down first, pools whole, what was dropped", async () => {
  const answer = await get("");
  expect(answer.targets.map(({ url, health }) => [url, health])).toEqual([
    ["http://b:9100/metrics", "down"],
    ["http://a:9100/metrics", "up"],
    ["http://c:9100/metrics", "up"],
  ]);
  expect(answer.targets[0]).toMatchObject({
    pool: "node",
    lastError: "connection refused",
    lastSeconds: 0.25,
    intervalSeconds: 15,
    labels: { instance: "b:9100", job: "node" },
  });
  expect(answer.targets[0]?.discovered).toHaveProperty("__address__", "b:9100");
  expect(answer.pools[0]).toEqual({
    ...{ name: "node", up: 2, down: 1, unknown: 0, dropped: 7, intervalSeconds: 15 },
    problems: [{ discovery: "dns_sd_configs", message: "no such host" }],
  });
  expect(answer.dropped).toEqual([{ pool: "node", discovered: { __address__: "gone:1" } }]);
  expect(new Set(answer.targets.map(({ id }) => id)).size).toBe(3);
});

const check = (query: string, ...want: readonly (readonly string[])[]) =>
  test(query, async () => {
    const { targets, dropped } = await get(query);
    expect([
      targets.map(({ labels }) => labels["instance"]),
      dropped.map(({ pool }) => pool),
    ]).toEqual(want);
  });
check("?health=down", ["b:9100"], ["node"]);
check("?pool=empty", [], []);
check("?search=C:91", ["c:9100"], []);
check("?search=REFUSED", ["b:9100"], []);
check("?search=gone", [], ["node"]);
check("?search=none-such", [], []);

test("the count goes beyond the limit", async () =>
  expect(await get("?limit=1")).toMatchObject({ total: 3, targets: [{ health: "down" }] }));
test("a health that there is not", async () =>
  expect((await app.inject({ url: "/api/targets?health=fine" })).statusCode).toBe(400));
