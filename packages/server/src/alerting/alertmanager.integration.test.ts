/** Alerts of ours in a real Alertmanager, installed from Debian: it shows them firing, then over. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureProgram, freePort } from "@triptych/testkit";
import { afterAll, expect, test } from "vitest";
import { defaultHttpClient } from "../config/prometheus/http-client.ts";
import { createHttpClient } from "../http-client/client.ts";
import { systemClock as clock } from "../self/clock.ts";
import { createMetrics } from "../self/metrics.ts";
import { createAlerts } from "./alerts.ts";
import { createAlertmanagers } from "./alertmanagers.ts";
import { postJsonWith } from "./http-post.ts";

const dir = mkdtempSync(join(tmpdir(), "triptych-alertmanager-"));
let child: ChildProcess | undefined;
afterAll(async () => {
  if (child !== undefined && child.exitCode === null) {
    const gone = once(child, "exit");
    child.kill();
    await gone;
  }
  rmSync(dir, { recursive: true, force: true });
});

interface Shown {
  readonly labels: Readonly<Record<string, string>>;
  readonly generatorURL: string;
}

async function eventually(
  url: string,
  good: (shown: readonly Shown[]) => boolean,
): Promise<readonly Shown[]> {
  for (let left = 150; ; left--) {
    const shown = await fetch(url).then(
      async (answer) => (await answer.json()) as Shown[],
      () => undefined,
    );
    if (shown !== undefined && good(shown)) return shown;
    if (left === 0) throw new Error(`${url} still answers ${JSON.stringify(shown)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("a real Alertmanager takes our alerts", { timeout: 180_000 }, async ({ skip }) => {
  if ((await ensureProgram("prometheus-alertmanager")) === undefined)
    skip("prometheus-alertmanager is not installed and cannot be");
  const port = await freePort();
  const config = join(dir, "alertmanager.yml");
  writeFileSync(config, "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
  child = spawn(
    "prometheus-alertmanager",
    [
      `--config.file=${config}`,
      `--storage.path=${dir}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address=",
    ],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}/api/v2/alerts`;
  const alertmanagers = createAlertmanagers({ clock, log: () => {}, metrics: createMetrics() });
  const client = createHttpClient(defaultHttpClient(), { clock, env: {}, userAgent: "triptych" });
  await alertmanagers.set([{ url, post: postJsonWith(client) }]);
  const alerts = createAlerts({
    clock,
    externalLabels: [["cluster", "c"]],
    externalUrl: "http://here",
    receivers: [alertmanagers],
  });
  const nowMs = clock.nowMs();
  const message = {
    labels: [["alertname", "Down"]],
    annotations: [["summary", "it is down"]],
    startsAtMs: nowMs - 60_000,
    endsAtMs: nowMs + 240_000,
    resolved: false,
    generatorPath: "/graph?g0.expr=up&g0.tab=1",
  } as const;
  // It may not listen yet: then the queue tries again.
  alerts.notify([message]);
  expect(await eventually(url, (shown) => shown.length === 1)).toMatchObject([
    {
      labels: { alertname: "Down", cluster: "c" },
      generatorURL: "http://here/graph?g0.expr=up&g0.tab=1",
    },
  ]);
  alerts.notify([{ ...message, endsAtMs: nowMs, resolved: true }]);
  await eventually(url, (shown) => shown.length === 0);
  await alertmanagers.close();
});
