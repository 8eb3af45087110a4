/** F13: the state of alerts outlives kills. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RunningServer, startServer } from "../start-server.ts";
import { ask } from "./ask.ts";
import { expectThat, type FaultCase, pause, percentile } from "./case.ts";

interface Alert {
  readonly state: string;
  readonly activeAt: string;
}

/** `kept` is true only for the first seconds, and is then kept firing. */
function rules(directory: string, keptUntil: number): string {
  const config = join(directory, "prometheus");
  mkdirSync(config, { recursive: true });
  writeFileSync(
    join(config, "rules.yml"),
    `groups:
- name: restarts
  interval: 1s
  rules:
  - { alert: at_once, expr: vector(1) }
  - { alert: soon, expr: vector(1), for: 6s }
  - { alert: later, expr: vector(1), for: 2h }
  - { alert: kept, expr: vector(time()) < ${keptUntil}, keep_firing_for: 2h }
  - { alert: each, expr: 'label_replace(vector(1), "i", "1", "", "") or label_replace(vector(1), "i", "2", "", "")', for: 3s }
`,
  );
  writeFileSync(
    join(config, "prometheus.yml"),
    "global: { evaluation_interval: 1s }\nrule_files: [rules.yml]\n",
  );
  return config;
}

async function alertsOf(server: RunningServer): Promise<Map<string, Alert>> {
  const { status, text } = await ask(`${server.url}/api/v1/alerts`, 10_000);
  expectThat(status === 200, `alerts answered ${status} ${text.slice(0, 300)}`);
  const { data } = JSON.parse(text) as {
    data: { alerts: (Alert & { labels: Record<string, string> })[] };
  };
  return new Map(
    data.alerts.map(({ labels, state, activeAt }) => [
      `${labels["alertname"]} ${labels["i"] ?? ""}`.trim(),
      { state, activeAt },
    ]),
  );
}

/** Waits until all that were known are there again; how long that took. */
async function backAgain(server: RunningServer, before: ReadonlyMap<string, Alert>) {
  const started = performance.now();
  for (;;) {
    const now = await alertsOf(server);
    if ([...before.keys()].every((name) => now.has(name)))
      return { now, ms: performance.now() - started };
    const missing = [...before.keys()].filter((name) => !now.has(name));
    if (performance.now() - started > 10_000)
      throw new Error(`${missing.join(", ")} did not come back\n${server.logs().slice(-2_000)}`);
    await pause(20);
  }
}

const restarts: FaultCase = {
  name: "F13",
  title: "kill -9 while alerts are pending, firing and kept firing",
  async run({ directory, short, rng, log }) {
    const kills = short ? 8 : 100;
    const dataDir = join(directory, "data");
    const config = rules(directory, Math.floor(Date.now() / 1000) + 12);
    const args = [config];
    let server = await startServer({ dataDir, args });
    const back: number[] = [];
    let known = new Map<string, Alert>();
    try {
      // Firing cannot be lost before it was seen.
      const deadline = performance.now() + 30_000;
      while (!(known.has("kept") && known.get("at_once")?.state === "firing")) {
        expectThat(performance.now() < deadline, `alerts: ${JSON.stringify([...known])}`);
        await pause(100);
        known = await alertsOf(server);
      }
      for (let kill = 1; kill <= kills; kill++) {
        await pause(rng.below(2_500));
        known = await alertsOf(server);
        await server.kill();
        server = await startServer({ dataDir, args });
        const { now, ms } = await backAgain(server, known);
        back.push(ms);
        for (const [name, { state, activeAt }] of known) {
          const after = now.get(name);
          const shown = `kill ${kill}: ${name} was ${state} since ${activeAt}, then ${after?.state} since ${after?.activeAt}`;
          expectThat(after?.activeAt === activeAt, shown);
          expectThat(state !== "firing" || after?.state === "firing", shown);
        }
        if (kill % 20 === 0) log(`${kill} kills`);
      }
      const states = [...(await alertsOf(server))].map(([name, { state }]) => `${name}=${state}`);
      const kept = (await alertsOf(server)).get("kept")?.state;
      expectThat(kept === "firing", `at the end: ${states.join(" ")}`);
      const exit = await server.stop();
      expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
      return {
        kills,
        alerts: known.size,
        backMsP50: percentile(back, 0.5),
        backMsMax: percentile(back, 1),
      };
    } finally {
      await server.kill();
    }
  },
};

export const alertCases: readonly FaultCase[] = [restarts];
