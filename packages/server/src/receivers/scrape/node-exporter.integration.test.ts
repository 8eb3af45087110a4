/** Debian's prometheus-node-exporter, discovered by a file and scraped: a real target with thousands of samples. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SampleBatch } from "@triptych/model";
import { ensureProgram, freePort } from "@triptych/testkit";
import { afterEach, expect, test } from "vitest";
import { createRecordingNext, realClock } from "../otlp/recording-next.ts";
import { createScrape } from "./manager.ts";
import { configOf } from "../../http-client/testing.ts";
import { linesOf, managerDeps } from "./testing.ts";

const PROGRAM = "prometheus-node-exporter";
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0)) await one();
});

/** Polls until `read` gives something. */
async function eventually<T>(read: () => T | undefined, msMax = 30_000): Promise<T> {
  const deadline = Date.now() + msMax;
  for (;;) {
    const found = read();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error("nothing came");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("a real exporter", { timeout: 120_000 }, async (context) => {
  const program = await ensureProgram(PROGRAM);
  if (program === undefined) return context.skip("no node exporter, and it cannot be installed");
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const exporter: ChildProcess = spawn(program, [`--web.listen-address=${address}`], {
    stdio: "ignore",
  });
  const exited = new Promise((resolve) => exporter.once("close", resolve));
  const directory = mkdtempSync(join(tmpdir(), "triptych-node-"));
  writeFileSync(
    join(directory, "nodes.yml"),
    `- targets: ["${address}"]\n  labels: { rack: r1 }\n`,
  );
  const next = createRecordingNext(2 ** 30);
  const manager = createScrape(managerDeps(realClock, next));
  cleanup.push(
    () => manager.close(),
    () => exporter.kill("SIGTERM"),
    () => exited,
    () => rmSync(directory, { recursive: true }),
  );
  await manager.apply(
    configOf(`global: { scrape_interval: 1s }
scrape_configs:
  - job_name: node
    file_sd_configs: [{ files: ["${directory}/*.yml"] }]
    metric_relabel_configs: [{ source_labels: [__name__], regex: "go_.*", action: drop }]
`),
  );
  manager.start();
  const isUp = (batch: SampleBatch): boolean =>
    linesOf(batch).some((line) => line.startsWith("up{") && line.endsWith(" 1"));
  const batches = (): SampleBatch[] =>
    next.batches.filter((batch): batch is SampleBatch => batch.signal === "samples");
  const first = await eventually(() => batches().find(isUp));
  const lines = linesOf(first);
  const labels = `instance="${address}",job="node",rack="r1"`;
  expect(lines.length).toBeGreaterThan(100);
  expect(lines.some((line) => line.startsWith("node_memory_MemTotal_bytes{"))).toBe(true);
  expect(lines.some((line) => line.startsWith("go_"))).toBe(false);
  expect(lines.every((line) => line.includes(labels) || line.includes('rack="r1"'))).toBe(true);
  expect(first.metadata.find(({ family }) => family === "node_cpu_seconds_total")?.type).toBe(
    "counter",
  );
  expect(manager.view()[0]?.active[0]?.view()).toMatchObject({ health: "up", lastError: "" });
  // Gone: its series end.
  exporter.kill("SIGTERM");
  await exited;
  const down = await eventually(() =>
    batches().find((batch) => linesOf(batch).some((line) => /^up\{.* 0$/.test(line))),
  );
  expect(linesOf(down).filter((line) => line.endsWith(" stale")).length).toBeGreaterThan(100);
  expect(manager.view()[0]?.active[0]?.view().lastError).toContain("connection refused");
});
