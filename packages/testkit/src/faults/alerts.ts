/** F12: the clock is set, drifts, and senders' clocks are wrong. F13: the state of alerts outlives kills. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureProgram } from "../ensure-program.ts";
import { type RunningServer, startServer } from "../start-server.ts";
import { ask, ownMetric, send, string, withParams } from "./ask.ts";
import { expectThat, type FaultCase, pause, percentile, Skipped } from "./case.ts";

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

const LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/** What the server's clock is set to, one after the other: offsets in seconds, or a speed. */
const settings: readonly (readonly [name: string, offset: string, seconds: number])[] = [
  ["an hour forward", "+3600", 3_600],
  ["back again", "+0", 0],
  ["an hour back", "-3600", -3_600],
  ["right again", "+0", 0],
  ["a day back", "-86400", -86_400],
  ["right once more", "+0", 0],
  ["half an hour, as a zone set wrongly", "+1800", 1_800],
  ["ten seconds a minute too fast", "+1800 x1.1667", 1_800],
  ["right after that", "+0", 0],
  // Fourteen years: beyond 2038.
  ["after 2038", "+441504000", 441_504_000],
];

async function counterAt(server: RunningServer, seconds: number, value: number): Promise<void> {
  const timeUnixNano = `${Date.now() + seconds * 1_000}000000`;
  const point = { timeUnixNano, startTimeUnixNano: "1", asDouble: value };
  const sum = { aggregationTemporality: 2, isMonotonic: true, dataPoints: [point] };
  const resource = { attributes: [string("service.name", "clock")] };
  const metrics = [{ name: "clock_total", sum }];
  await send(server, "/v1/metrics", {
    resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }],
  });
}

/** A span and a line of a sender whose clock is off; how many of the two were refused. */
async function sendWrong(server: RunningServer, seconds: number): Promise<number> {
  const time = `${Date.now() + seconds * 1_000}000000`;
  const resource = { attributes: [string("service.name", "wrong")] };
  const traceId = "5".repeat(32);
  const span = {
    traceId,
    spanId: "5".repeat(16),
    name: "wrong",
    startTimeUnixNano: time,
    endTimeUnixNano: time,
  };
  const record = { timeUnixNano: time, body: { stringValue: "wrong" } };
  let refused = 0;
  for (const [path, body] of [
    ["/v1/traces", { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }],
    ["/v1/logs", { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] }],
  ] as const) {
    const answer = await ask(`${server.url}${path}`, 10_000, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expectThat(answer.status === 200, `${path} answered ${answer.status} ${answer.text}`);
    if (/"rejected(Spans|LogRecords)":\s*"?1/.test(answer.text)) refused++;
  }
  return refused;
}

const clocks: FaultCase = {
  name: "F12",
  isSlow: true,
  title: "the clock is set forward and back, drifts, passes 2038; senders' clocks are days off",
  async run({ directory, short, log }) {
    if ((await ensureProgram("faketime")) === undefined || !existsSync(LIBRARY))
      throw new Skipped("needs Debian's package faketime");
    const clock = join(directory, "clock");
    const setClock = (text: string): void => {
      writeFileSync(`${clock}.new`, text);
      renameSync(`${clock}.new`, clock);
    };
    setClock("+0");
    const config = rules(directory, 0);
    const server = await startServer({
      dataDir: join(directory, "data"),
      args: [config],
      env: {
        LD_PRELOAD: LIBRARY,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: "1",
        DONT_FAKE_MONOTONIC: "1",
      },
    });
    try {
      const names = ["at_once", "later", "soon"];
      const deadline = performance.now() + 30_000;
      for (;;) {
        const now = await alertsOf(server);
        if (now.get("soon")?.state === "firing" && now.has("later")) break;
        expectThat(performance.now() < deadline, `alerts: ${JSON.stringify([...now])}`);
        await pause(100);
      }
      let value = 0;
      let refusedBefore = 0;
      for (const [name, offset, seconds] of settings) {
        setClock(offset);
        for (let i = 0; i < (short ? 3 : 8); i++) {
          await pause(1_000);
          value += 10;
          await counterAt(server, seconds, value);
          const alerts = await alertsOf(server);
          const states = [...alerts].map(([alert, { state }]) => `${alert}=${state}`).join(" ");
          expectThat(
            names.every((one) => alerts.has(one)),
            `${name}: ${states}`,
          );
          const good =
            alerts.get("at_once")?.state === "firing" &&
            alerts.get("soon")?.state === "firing" &&
            alerts.get("later")?.state === "pending";
          expectThat(good, `${name}: ${states}`);
        }
        // Visible in the time that the server now believes; what is older than before comes from the store.
        const path = withParams("/api/v1/query", { query: "clock_total" });
        const seenBy = performance.now() + 3_000;
        for (;;) {
          const seen = await ask(`${server.url}${path}`, 10_000);
          if (seen.text.includes(`"${value}"`)) break;
          expectThat(
            performance.now() < seenBy,
            `${name}: the counter is ${seen.text}, not ${value}`,
          );
          await pause(100);
        }
        const rates = await ask(
          `${server.url}${withParams("/api/v1/query", { query: "min_over_time(rate(clock_total[1m])[10m:5s]) < 0" })}`,
          10_000,
        );
        expectThat(
          rates.text.includes('"result":[]'),
          `${name}: a rate is negative: ${rates.text}`,
        );
        expectThat(
          (await sendWrong(server, seconds + 172_800)) === 2,
          `${name}: two days in the future are taken`,
        );
        expectThat(
          (await sendWrong(server, seconds - 172_800)) === 0,
          `${name}: two days ago is refused`,
        );
        const refused = (await ownMetric(server, 'triptych_discarded_total{reason="future"}')) ?? 0;
        expectThat(refused === refusedBefore + 2, `${name}: ${refused} are counted as future`);
        refusedBefore = refused;
        log(name);
      }
      const exit = await server.stop();
      expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
      return { settings: settings.length, refused: refusedBefore };
    } finally {
      await server.kill();
    }
  },
};

export const alertCases: readonly FaultCase[] = [clocks, restarts];
