/**
 * Rules under load: 200 recording and alerting rules in 20 groups over 10,000 counters that are written every 15 s, each
 * group evaluated every 15 s. Tells whether evaluations were on time and what they cost.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../start-server.ts";
import { metricsBodies } from "./metrics-payload.ts";
import type { Row } from "./table.ts";

const SERIES = 10_000;
const STEP_MS = 15_000;
const GROUPS = 20;
const HISTORY_MS = 10 * 60_000;

/** Ten rules a group: sums, rates and quantiles over all series or a tenth of them, and alerts. */
function rulesOf(group: number): string {
  const k = group % 10;
  const records = [
    "sum by (k) (rate(m_total[5m]))",
    `sum by (instance) (rate(m_total{k="${k}"}[5m]))`,
    `max by (instance) (increase(m_total{k="${k}"}[2m]))`,
    `count by (k) (m_total{k="${k}"})`,
    `quantile by (k) (0.9, rate(m_total{k="${k}"}[1m]))`,
    `topk(5, rate(m_total{k="${k}"}[5m]))`,
    `avg_over_time(m_total{k="${k}", instance="host-${k}:9100"}[5m])`,
  ].map((expr, i) => `      - { record: "r:${group}:${i}", expr: ${JSON.stringify(expr)} }`);
  const alerts = [
    `rate(m_total{k="${k}"}[5m]) < 0`,
    `sum by (instance) (rate(m_total{k="${k}"}[5m])) > 0`,
    `absent(m_total{k="${k}"})`,
  ].map(
    (expr, i) => `      - { alert: "A${group}x${i}", expr: ${JSON.stringify(expr)}, for: 30s }`,
  );
  return `  - name: g${group}\n    interval: ${STEP_MS / 1000}s\n    rules:\n${[...records, ...alerts].join("\n")}`;
}

interface Answer {
  readonly data: { readonly groups: readonly { readonly evaluationTime: number }[] };
}

async function send(url: string, range: { fromMs: number; toMs: number }): Promise<void> {
  const load = { series: SERIES, stepMs: STEP_MS, perRequest: 2_500, ...range };
  const headers = { "content-encoding": "snappy", "content-type": "application/x-protobuf" };
  for (const { body } of metricsBodies(load)) {
    const answer = await fetch(`${url}/api/v1/write`, {
      method: "POST",
      headers,
      body: Buffer.from(body),
    });
    if (answer.status >= 300) throw new Error(`remote write answered ${answer.status}`);
  }
}

export async function benchRules(seconds: number, nodeArgs: readonly string[]): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), "triptych-bench-"));
  writeFileSync(join(dir, "prometheus.yml"), "rule_files: [rules.yml]\n");
  const groups = Array.from({ length: GROUPS }, (_, group) => rulesOf(group));
  writeFileSync(join(dir, "rules.yml"), `groups:\n${groups.join("\n")}\n`);
  const server = await startServer({ dataDir: join(dir, "data"), args: [dir], nodeArgs });
  try {
    const startMs = Math.floor(Date.now() / STEP_MS) * STEP_MS;
    await send(server.url, { fromMs: startMs - HISTORY_MS, toMs: startMs });
    const cpuBefore = server.cpuSeconds();
    const began = Date.now();
    let slowest = 0;
    let sum = 0;
    for (let at = startMs + STEP_MS; Date.now() - began < seconds * 1000; at += STEP_MS) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
      await send(server.url, { fromMs: at, toMs: at });
      const answer = (await (await fetch(`${server.url}/api/v1/rules`)).json()) as Answer;
      const times = answer.data.groups.map(({ evaluationTime }) => evaluationTime);
      slowest = Math.max(slowest, ...times);
      sum = times.reduce((all, one) => all + one, 0);
    }
    const cores = (server.cpuSeconds() - cpuBefore) / ((Date.now() - began) / 1000);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const total = (name: string): number =>
      [...metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))].reduce(
        (all, [, value]) => all + Number(value),
        0,
      );
    return [
      { name: "groups evaluated", value: total("triptych_rule_group_iterations_total"), unit: "" },
      {
        name: "evaluations that did not begin in time",
        value: total("triptych_rule_group_iterations_missed_total"),
        unit: "",
        budget: 0,
        better: "less",
      },
      {
        name: "rules that failed",
        value: total("triptych_rule_evaluation_failures_total"),
        unit: "",
        budget: 0,
        better: "less",
      },
      { name: "slowest group", value: slowest * 1000, unit: "ms" },
      { name: "all groups, one after the other", value: sum * 1000, unit: "ms" },
      { name: "processor, writing included", value: cores, unit: "cores" },
    ];
  } finally {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
