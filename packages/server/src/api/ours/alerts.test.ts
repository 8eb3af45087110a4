/** Alerts, their rules and when they fired, over HTTP: rules that are really evaluated on samples in memory. */
import type { AlertsAnswer, AlertTimelineAnswer, RulesAnswer } from "@triptych/contract";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseRuleFile } from "../../config/rules/rule-file.ts";
import { createHttpServer } from "../../receivers/http-server.ts";
import type { Rules } from "../../rules/rules.ts";
import { createWorld, type World } from "../../rules/rules-for-tests.ts";
import { registerOwnAlerts } from "./alerts.ts";
import { registerOwnRules } from "./rules.ts";

const START = 1_700_000_000_000;
const MINUTE = 60_000;
let world: World;
let rules: Rules;
let app: FastifyInstance;
const alertmanager = {
  url: "http://am:9093/api/v2/alerts",
  sent: 2,
  failed: 1,
  waiting: 0,
  lastError: "",
  lastSentMs: START,
};

beforeAll(async () => {
  world = createWorld(START);
  const { groups, problems } = parseRuleFile(
    `groups:
  - name: shop
    interval: 1m
    rules:
      - record: job:errors
        expr: sum by (service) (errors)
      - alert: Failing
        expr: errors > 5
        labels: { severity: page }
        annotations: { summary: "{{ $labels.service }} fails", runbook_url: https://run.example/failing }
      - alert: Slow
        expr: latency > 1
        for: 10m
      - alert: Broken
        expr: errors * on (nothing) group_left errors
`,
    "shop.yml",
  );
  expect(problems).toEqual([]);
  rules = world.rules();
  await rules.load(groups);
  rules.start();
  for (let minute = 0; minute < 3; minute++) {
    for (const service of ["cart", "pay"])
      world.put(
        [
          ["__name__", "errors"],
          ["service", service],
        ],
        service === "pay" ? 9 : 1,
      );
    world.put(
      [
        ["__name__", "latency"],
        ["service", "pay"],
      ],
      2,
    );
    await world.clock.advance(MINUTE);
  }
  app = createHttpServer({ report: (error) => expect.fail(error.message) });
  const deps = { clock: world.clock, prefix: "/api", groups: () => rules.view() };
  registerOwnAlerts(app, {
    ...deps,
    alertmanagers: () => [alertmanager],
    source: world.deps.source,
  });
  registerOwnRules(app, {
    ...deps,
    source: {
      metricNames: async () => [{ metric: "errors", series: 2 }],
      metadata: async () => [],
    },
  });
});
afterAll(async () => {
  await app?.close();
  await rules?.close();
});

const get = async <T>(url: string): Promise<T> =>
  (await app.inject({ url: `/api${url}` })).json() as T;

describe("alerts", () => {
  test("firing first, with value, labels, texts and the rule behind", async () => {
    const answer = await get<AlertsAnswer>("/alerts");
    expect(answer.counts).toEqual({ firing: 1, pending: 1, resolved: 0 });
    expect(answer.alerts.map(({ name, state }) => [name, state])).toEqual([
      ["Failing", "firing"],
      ["Slow", "pending"],
    ]);
    const [failing] = answer.alerts;
    expect(failing).toMatchObject({
      labels: { alertname: "Failing", severity: "page", service: "pay" },
      annotations: { summary: "pay fails", runbook_url: "https://run.example/failing" },
      value: 9,
      valueText: "9",
    });
    const rule = answer.rules.find(({ id }) => id === failing?.rule);
    expect(rule).toMatchObject({ name: "Failing", query: "errors > 5", firing: 1, health: "ok" });
    expect(answer.ruleCounts).toEqual({ alerting: 3, recording: 1, failing: 1 });
    expect(answer.alertmanagers).toEqual([alertmanager]);
  });
  test("what is left out is said", async () => {
    const answer = await get<AlertsAnswer>("/alerts?limit=1");
    expect(answer.alerts).toHaveLength(1);
    expect(answer.counts).toMatchObject({ firing: 1, pending: 1 });
    expect(answer.marks).toEqual(["Only 1 of 2 alerts are listed, firing first."]);
  });
});

describe("when they fired", () => {
  const range = `from=${START}&to=${START + 3 * MINUTE}`;
  const names = ({ rows }: AlertTimelineAnswer) => rows.map(({ name }) => name);
  test("from the series that rules write", async () => {
    const answer = await get<AlertTimelineAnswer>(`/alerts/timeline?${range}`);
    expect(names(answer)).toEqual(["Failing", "Slow"]);
    expect(answer.rows[0]?.labels).toEqual({ severity: "page", service: "pay" });
    expect(answer.rows[0]?.pieces.at(-1)?.to).toBe(START + 3 * MINUTE);
    expect(answer.rows[1]?.pieces.map(({ state }) => state)).toEqual(["pending"]);
  });
  test("of one name", async () =>
    expect(names(await get(`/alerts/timeline?${range}&name=Slow`))).toEqual(["Slow"]));
  test("a name is a text, not a query", async () =>
    expect(
      names(await get(`/alerts/timeline?${range}&name=${encodeURIComponent('"} or up')}`)),
    ).toEqual([]));
  test("counted beyond the limit", async () =>
    expect(await get<AlertTimelineAnswer>(`/alerts/timeline?${range}&limit=1`)).toMatchObject({
      total: 2,
    }));
});

describe("rules", () => {
  test("with what failed and what a reader would say", async () => {
    const { groups } = await get<RulesAnswer>("/rules");
    expect(groups.map(({ name, file, intervalSeconds }) => [name, file, intervalSeconds])).toEqual([
      ["shop", "shop.yml", 60],
    ]);
    const of = (name: string) => groups[0]?.rules.find((rule) => rule.name === name);
    expect(of("job:errors")).toMatchObject({ kind: "record", health: "ok", lints: [] });
    expect(of("Failing")?.lints.map(({ name }) => name)).toEqual(["alert-without-for"]);
    expect(of("Slow")?.lints.map(({ name }) => name)).toEqual([
      "unknown-metric",
      "missing-runbook",
    ]);
    expect(of("Broken")?.health).toBe("err");
    expect(of("Broken")?.lastError).toMatch(/many-to-many|duplicate/);
  });
});
