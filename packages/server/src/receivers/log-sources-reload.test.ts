/** Reloading: what is the same goes on, what changed begins again where it was, no line twice and none lost. */
import { appendFileSync, renameSync } from "node:fs";
import { connect } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createSourcesForTests,
  type SourcesForTests,
} from "./promtail-network/sources-for-tests.ts";

let made: SourcesForTests;
let config: { promtail: { files: string[] }; files?: unknown[] };
beforeEach(() => {
  made = createSourcesForTests((directory) => {
    config = { promtail: { files: [`${directory}/promtail.yml`] } };
    return config;
  });
});
afterEach(() => made.close());

const tail = (labels: string, path = "*.log"): string => `
  - job_name: tail
    static_configs: [{ labels: { ${labels}, __path__: ${made.directory}/${path} } }]`;
const syslog = `
  - job_name: sys
    syslog: { listen_address: "127.0.0.1:0", idle_timeout: 24h, labels: { job: sys } }`;

const promtail = (jobs: string): string => made.write("promtail.yml", `scrape_configs:${jobs}\n`);
const texts = (): string[] =>
  made.journal.lines.map(({ line, labels }) => `${labels["v"]} ${line}`);

test("labels change while lines come; another job's connection stays", async () => {
  promtail(tail("v: 1") + syslog);
  made.write("a.log", "one\n");
  await made.start();
  await made.until(() => texts().length === 1);
  const port = made.port("sys");
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));

  for (let i = 2; i < 12; i++) {
    appendFileSync(`${made.directory}/a.log`, `line ${i}\n`);
    if (i % 2 === 0) await made.until(() => texts().length === i);
    promtail(tail(`v: ${i}`) + syslog);
    await made.reload(config);
  }
  await made.until(() => texts().length === 11);
  expect(texts().map((text) => text.replace(/^\d+ /, ""))).toEqual([
    "one",
    ...Array.from({ length: 10 }, (_, i) => `line ${i + 2}`),
  ]);
  expect(texts()[2]).toBe("3 line 3");
  socket.end("<13>still here\n");
  await made.until(() => texts().length === 12);
  expect(made.port("sys")).toBe(port);
  expect(socket.destroyed).toBe(true);
});

test("a rotation between two configurations loses nothing", async () => {
  promtail(tail("v: 1", "a.log*"));
  made.write("a.log", "one\n");
  await made.start();
  await made.until(() => texts().length === 1);
  appendFileSync(`${made.directory}/a.log`, "two\n");
  renameSync(`${made.directory}/a.log`, `${made.directory}/a.log.1`);
  made.write("a.log", "three\n");
  promtail(tail("v: 2", "a.log*"));
  await made.reload(config);
  await made.until(() => texts().length === 3);
  expect(texts().sort()).toEqual(["1 one", "2 three", "2 two"]);
});

test("a wrong file changes nothing and says why", async () => {
  promtail(tail("v: 1"));
  made.write("a.log", "one\n");
  await made.start();
  await made.until(() => texts().length === 1);
  promtail(`${tail("v: 2")}\n    pipeline_stages: [{ nope: {} }]`);
  await expect(made.reload(config)).rejects.toThrow(/unknown stage type: nope.*promtail\.yml:4/);
  expect(made.problems().map(({ message }) => message)).toEqual([
    expect.stringMatching(/go on as they were: .*nope/),
  ]);
  appendFileSync(`${made.directory}/a.log`, "two\n");
  await made.until(() => texts().length === 2);
  expect(texts()).toEqual(["1 one", "1 two"]);
  promtail(tail("v: 3"));
  await made.reload(config);
  expect(made.problems()).toEqual([]);
});

test("sources come and go", async () => {
  promtail(tail("v: 1"));
  made.write("a.log", "one\n");
  made.write("b.txt", "two\n");
  await made.start();
  await made.until(() => texts().length === 1);
  const files = [{ paths: [`${made.directory}/b.txt`], labels: { v: "own" } }];
  await made.reload({ files });
  await made.until(() => texts().length === 2);
  appendFileSync(`${made.directory}/a.log`, "not read\n");
  await made.reload(config);
  await made.until(() => texts().length === 3);
  expect(texts()).toEqual(["1 one", "own two", "1 not read"]);
});
