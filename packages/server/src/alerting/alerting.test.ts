import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { createSimClock } from "@triptych/testkit";
import { describe, expect, test } from "vitest";
import { parsePrometheusConfig } from "../config/prometheus/load.ts";
import { createHttpClient } from "../http-client/client.ts";
import type { AlertMessage } from "../rules/sample.ts";
import { systemClock } from "../self/clock.ts";
import { createMetrics } from "../self/metrics.ts";
import { type Alert, createAlerts } from "./alerts.ts";
import { createAlertmanagers } from "./alertmanagers.ts";
import { type PostJson, postJsonWith } from "./http-post.ts";

const START = 1_700_000_000_000;

const message = (name: string, more: Partial<AlertMessage> = {}): AlertMessage => ({
  labels: [["alertname", name]],
  annotations: [["s", "t"]],
  startsAtMs: START,
  endsAtMs: START + 240_000,
  resolved: false,
  generatorPath: "/graph?g0.expr=up&g0.tab=1",
  ...more,
});

function setUp(post: PostJson) {
  const clock = createSimClock(START);
  const metrics = createMetrics();
  const alertmanagers = createAlertmanagers({ clock, metrics, log: () => {} });
  const alerts = createAlerts({
    clock,
    externalLabels: [
      ["cluster", "c"],
      ["alertname", "never"],
    ],
    externalUrl: "http://here",
    receivers: [alertmanagers],
  });
  const count = (name: string): number =>
    Number(
      new RegExp(`^triptych_notifications_${name}(?:\\{[^}]*\\})? (\\d+)`, "m").exec(
        metrics.render(),
      )?.[1] ?? 0,
    );
  const use = () => alertmanagers.set([{ url: "http://am/api/v2/alerts", post }]);
  return { clock, alertmanagers, alerts, count, use };
}

const namesIn = (body: string): string[] =>
  (JSON.parse(body) as { labels: { alertname: string } }[]).map(({ labels }) => labels.alertname);

describe("alerts", () => {
  test("get the labels of the installation, are relabelled and listed until they are over", () => {
    const clock = createSimClock(START);
    const sent: Alert[] = [];
    const alerts = createAlerts({
      clock,
      externalLabels: [
        ["cluster", "c"],
        ["alertname", "never"],
      ],
      externalUrl: "http://here",
      relabel: (labels) => labels.delete("secret") || labels.get("alertname") !== "drop",
      receivers: [{ send: (some) => void sent.push(...some) }],
    });
    alerts.notify([
      message("a", {
        labels: [
          ["alertname", "a"],
          ["secret", "x"],
        ],
      }),
      message("drop"),
    ]);
    expect(sent).toMatchObject([
      {
        labels: [
          ["alertname", "a"],
          ["cluster", "c"],
        ],
        generatorUrl: "http://here/graph?g0.expr=up&g0.tab=1",
      },
    ]);
    expect(alerts.list()).toHaveLength(1);
    alerts.notify([
      message("a", {
        labels: [
          ["alertname", "a"],
          ["secret", "x"],
        ],
        resolved: true,
      }),
    ]);
    expect(alerts.list()).toEqual([]);
    alerts.notify([message("b")]);
    void clock.advance(300_000);
    clock.stepWall(300_000);
    expect(alerts.list()).toEqual([]);
  });
});

describe("an Alertmanager", () => {
  test("gets the documented body", async () => {
    const bodies: string[] = [];
    const { alerts, alertmanagers, use, count } = setUp(async (_url, body) => {
      bodies.push(body);
      return { status: 200, text: "" };
    });
    await use();
    alerts.notify([message("a")]);
    await alertmanagers.close();
    expect(JSON.parse(bodies[0] ?? "")).toEqual([
      {
        labels: { alertname: "a", cluster: "c" },
        annotations: { s: "t" },
        startsAt: "2023-11-14T22:13:20.000Z",
        endsAt: "2023-11-14T22:17:20.000Z",
        generatorURL: "http://here/graph?g0.expr=up&g0.tab=1",
      },
    ]);
    expect(count("sent_total")).toBe(1);
  });

  test("that is away gets everything later, in batches, each alert once and newest", async () => {
    let away = true;
    const bodies: string[] = [];
    const { clock, alerts, alertmanagers, use, count } = setUp(async (_url, body) => {
      if (away) throw new Error("refused");
      bodies.push(body);
      return { status: 200, text: "" };
    });
    await use();
    for (let i = 0; i < 600; i++) alerts.notify([message(`a${i}`)]);
    for (let i = 0; i < 600; i++) alerts.notify([message(`a${i}`, { resolved: true })]);
    await clock.advance(20_000);
    expect(count("queue_length")).toBe(600);
    expect(count("errors_total")).toBeGreaterThan(2);
    away = false;
    await clock.advance(40_000);
    expect(bodies.map((body) => namesIn(body).length)).toEqual([256, 256, 88]);
    expect(new Set(bodies.flatMap(namesIn)).size).toBe(600);
    expect(count("queue_length")).toBe(0);
    await alertmanagers.close();
    expect(clock.timers).toBe(0);
  });

  test("the queue is bounded, the oldest go and are counted", async () => {
    const { alerts, alertmanagers, use, count } = setUp(() => new Promise(() => {}));
    await use();
    alerts.notify(Array.from({ length: 10_500 }, (_, i) => message(`a${i}`)));
    expect(count("queue_length")).toBeLessThanOrEqual(10_000);
    expect(count("dropped_total")).toBe(500);
    void alertmanagers.close();
  });

  test("what it refuses is not sent again, what it cannot take now is", async () => {
    const statuses = [400, 503, 429, 200];
    let asked = 0;
    const { clock, alerts, alertmanagers, use, count } = setUp(async () => ({
      status: statuses[asked++] ?? 200,
      text: "no",
    }));
    await use();
    alerts.notify([message("bad")]);
    await clock.advance(0);
    alerts.notify([message("good")]);
    await clock.advance(60_000);
    expect(asked).toBe(4);
    expect(count("sent_total")).toBe(1);
    expect(count("dropped_total")).toBe(1);
    await alertmanagers.close();
  });

  test("an alert whose time is over is not sent: it would be taken for one that ended", async () => {
    let away = true;
    const bodies: string[] = [];
    const { clock, alerts, alertmanagers, use } = setUp(async (_url, body) => {
      if (away) return { status: 500, text: "" };
      bodies.push(body);
      return { status: 200, text: "" };
    });
    await use();
    alerts.notify([message("old"), message("over", { resolved: true })]);
    await clock.advance(10 * 60_000);
    away = false;
    await clock.advance(60_000);
    expect(bodies.flatMap(namesIn)).toEqual(["over"]);
    await alertmanagers.close();
  });
});

test("posting: credentials, an answer that is too long, a time limit", async () => {
  const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, reply) => {
    let body = "";
    request.on("data", (part) => {
      body += String(part);
    });
    request.on("end", () => {
      seen.push({ headers: request.headers, body });
      if (request.url === "/hang") return;
      reply.end("x".repeat(request.url === "/long" ? 100_000 : 10));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const files = { readText: () => "", glob: () => [], env: () => undefined };
  const text =
    "alerting: { alertmanagers: [{ basic_auth: { username: u, password: p }, static_configs: [] }] }";
  const [config] = parsePrometheusConfig(text, "prometheus.yml", { files }).alerting.alertmanagers;
  if (config === undefined) throw new Error("no Alertmanager was read");
  const client = createHttpClient(config, { clock: systemClock, env: {}, userAgent: "triptych" });
  const post = postJsonWith(client);
  const answer = await post(`${base}/`, "[]", 5_000);
  expect([answer.status, answer.text]).toEqual([200, "xxxxxxxxxx"]);
  expect(seen[0]?.headers).toMatchObject({
    authorization: `Basic ${btoa("u:p")}`,
    "content-type": "application/json",
  });
  await expect(post(`${base}/long`, "[]", 5_000)).rejects.toThrow("limit");
  await expect(post(`${base}/hang`, "[]", 50)).rejects.toThrow("deadline");
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
