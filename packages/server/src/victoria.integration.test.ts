/**
 * Agents of VictoriaMetrics with the built server in Prometheus's place: vmagent scrapes a target and writes to us,
 * vmalert evaluates rules on our API and writes what they give back to us.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureProgram, freePort, type RunningServer, startServer } from "@triptych/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "triptych-victoria-"));
const children: ChildProcess[] = [];
let server: RunningServer;
let target: Server;

beforeAll(async () => {
  server = await startServer({ dataDir: join(directory, "data") });
  let count = 0;
  target = createServer((_request, response) => {
    count += 5;
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(
      `# TYPE jobs_total counter\njobs_total{queue="mail"} ${count}\n# TYPE depth gauge\ndepth 7\n`,
    );
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  for (const child of children) child.kill();
  target.close();
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

function start(program: string, args: readonly string[]): void {
  children.push(spawn(program, [...args, "-loggerLevel=ERROR"], { stdio: "ignore" }));
}

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

async function eventually(query: string, good: (result: readonly Result[]) => boolean) {
  let last = "";
  for (let left = 300; left > 0; left--) {
    const answer = await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(query)}`);
    last = await answer.text();
    const { data } = JSON.parse(last) as { data?: { result: readonly Result[] } };
    if (data !== undefined && good(data.result)) return data.result;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${query} still answers ${last.slice(0, 500)}`);
}

test("vmagent writes what it scrapes", async ({ skip }) => {
  const program = await ensureProgram("vmagent", "victoria-metrics");
  if (program === undefined) return skip("no vmagent, and it cannot be installed");
  const { port } = target.address() as AddressInfo;
  const file = join(directory, "scrape.yml");
  writeFileSync(
    file,
    `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: jobs\n    static_configs: [{ targets: ["127.0.0.1:${port}"] }]\n`,
  );
  start(program, [
    `-promscrape.config=${file}`,
    `-remoteWrite.url=${server.url}/api/v1/write`,
    `-remoteWrite.tmpDataPath=${join(directory, "vmagent")}`,
    "-remoteWrite.flushInterval=200ms",
    `-httpListenAddr=127.0.0.1:${await freePort()}`,
  ]);
  const found = await eventually("jobs_total", (result) => result.length === 1);
  expect(found[0]?.metric).toMatchObject({ job: "jobs", queue: "mail" });
  await eventually("up", (result) => result.some(({ value }) => value[1] === "1"));
  // Five more with each scrape of a second.
  await eventually("rate(jobs_total[10s])", ([one]) => Number(one?.value[1]) > 3);
});

test("vmalert evaluates on our API and writes to us", async ({ skip }) => {
  const program = await ensureProgram("vmalert", "victoria-metrics");
  if (program === undefined) return skip("no vmalert, and it cannot be installed");
  const file = join(directory, "rules.yml");
  writeFileSync(
    file,
    `groups:
  - name: depth
    interval: 1s
    rules:
      - record: job:depth:sum
        expr: sum by (job) (depth)
      - alert: Deep
        expr: depth > 5
        labels: { severity: page }
`,
  );
  start(program, [
    `-rule=${file}`,
    `-datasource.url=${server.url}`,
    `-remoteWrite.url=${server.url}`,
    `-remoteRead.url=${server.url}`,
    // Alerts may go anywhere that answers.
    `-notifier.url=http://127.0.0.1:${(target.address() as AddressInfo).port}`,
    "-remoteWrite.flushInterval=200ms",
    `-httpListenAddr=127.0.0.1:${await freePort()}`,
  ]);
  const recorded = await eventually("job:depth:sum", (result) => result.length === 1);
  expect(recorded[0]?.metric).toMatchObject({ job: "jobs" });
  expect(recorded[0]?.value[1]).toBe("7");
  const alerts = await eventually('ALERTS{alertstate="firing"}', (result) => result.length === 1);
  expect(alerts[0]?.metric).toMatchObject({ alertname: "Deep", severity: "page" });
});
