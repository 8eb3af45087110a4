/** promtail's file as people write it, and our own sections, from configuration to lines. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimClock } from "@triptych/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { logSourceFields } from "../config/log-sources-schema.ts";
import { compileRegex } from "../regex/compile.ts";
import { createTestJournal, type KeptLine, testDeps } from "./log-lines/testing.ts";
import { createLogSources } from "./log-sources.ts";
import { createHttpClient } from "../http-client/client.ts";

let dir: string;
const open: (() => Promise<void>)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sources-"));
  mkdirSync(join(dir, "data"));
  mkdirSync(join(dir, "log"));
});
afterEach(async () => {
  for (const close of open.splice(0)) await close();
  rmSync(dir, { recursive: true, force: true });
});

const schema = z.strictObject(logSourceFields);

async function run(config: unknown, want: number): Promise<{ lines: KeptLine[]; metrics: string }> {
  const clock = createSimClock();
  const journal = createTestJournal();
  const sources = createLogSources({
    ...testDeps(clock, journal),
    config: schema.parse(config),
    dataDirectory: join(dir, "data"),
    random: () => 0,
    env: { LOGS: join(dir, "log") },
    hostname: "here",
    compileRegex,
    createClient: (client) => createHttpClient(client, { clock, env: {}, userAgent: "test" }),
  });
  open.push(() => sources.close());
  await sources.start();
  for (let i = 0; i < 50_000 && journal.lines.length < want; i++) {
    await clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(journal.lines.length).toBe(want);
  return { lines: journal.lines, metrics: sources.renderMetrics() };
}

const file = (name: string): string => join(dir, name);

test("a promtail file: static targets, relabelling, stages, another host's target, positions", async () => {
  writeFileSync(file("log/syslog.log"), "sent before\nlevel=warn msg=hi\n");
  writeFileSync(file("log/other.txt"), "not ours\n");
  writeFileSync(
    file("log/container.txt"),
    '2019-01-01T01:00:00Z stderr F {"trace_id":"0af7651916cd43dd8448eb211c80319c"}\n',
  );
  writeFileSync(file("positions.yaml"), `positions:\n  ${file("log/syslog.log")}: "12"\n`);
  writeFileSync(
    file("promtail.yml"),
    `
server: { http_listen_port: 9080 }
positions: { filename: ${file("positions.yaml")} }
clients: [{ url: "http://loki:3100/loki/api/v1/push", external_labels: { cluster: c } }]
scrape_configs:
  - job_name: system
    pipeline_stages:
      - logfmt: { mapping: { level: } }
      - labels: { level: }
      - metrics: { lines_total: { type: counter, config: { match_all: true, action: inc } } }
    static_configs:
      - targets: [localhost]
        labels: { job: varlogs, __path__: "\${LOGS}/*.log" }
      - targets: [localhost]
        labels: { job: elsewhere, __host__: there, __path__: "\${LOGS}/other.txt" }
  - job_name: containers
    pipeline_stages: [{ cri: {} }]
    static_configs: [{ labels: { __path__: "\${LOGS}/container.txt", __meta_x: pod-1 } }]
    relabel_configs: [{ source_labels: [__meta_x], target_label: pod }]
`,
  );
  const { lines, metrics } = await run(
    { promtail: { files: [file("promtail.yml")], expandEnv: true } },
    2,
  );
  const [container, syslog] = [...lines].sort((a, b) => (a.timeNs < b.timeNs ? -1 : 1));
  expect(syslog).toMatchObject({
    line: "level=warn msg=hi",
    level: "warn",
    labels: { job: "varlogs", level: "warn", cluster: "c", filename: file("log/syslog.log") },
  });
  expect(container).toMatchObject({
    labels: { pod: "pod-1", stream: "stderr" },
    traceId: "0af7651916cd43dd8448eb211c80319c",
    timeNs: BigInt(Date.parse("2019-01-01T01:00:00Z")) * 1_000_000n,
  });
  expect(metrics).toContain("promtail_custom_lines_total{");
});

test("files of our own section: formats, joined lines, stages", async () => {
  writeFileSync(file("log/app.log"), "[1] a\n at b\n[2] c\n");
  writeFileSync(
    file("log/x-json.log"),
    `${JSON.stringify({ log: "from docker\n", stream: "stdout", time: "2026-01-01T00:00:00Z" })}\n`,
  );
  const { lines } = await run(
    {
      files: [
        {
          paths: [file("log/app.log")],
          multiline: "^\\[",
          labels: { app: "a" },
          stages: [{ static_labels: { tier: "web" } }],
        },
        { paths: [file("log/*-json.log")], format: "docker" },
      ],
    },
    3,
  );
  expect(lines.map(({ line }) => line).sort()).toEqual(["[1] a\n at b", "[2] c", "from docker"]);
  expect(lines.find(({ line }) => line === "[2] c")?.labels).toMatchObject({
    app: "a",
    tier: "web",
  });
});

test("a wrong file or stage is told before anything is opened", async () => {
  writeFileSync(
    file("promtail.yml"),
    "scrape_configs:\n  - job_name: j\n    pipeline_stages:\n      - regex: { expression: '(' }\n",
  );
  await expect(run({ promtail: { files: [file("promtail.yml")] } }, 0)).rejects.toThrow(
    /invalid regex stage config.*promtail\.yml:4:9/s,
  );
  await expect(run({ files: [{ paths: ["/x"], stages: [{ nope: {} }] }] }, 0)).rejects.toThrow(
    /files\.0\.stages/,
  );
});
