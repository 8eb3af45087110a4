/** Files on disk that grow, are rotated, truncated, deleted and compressed; a clock that is stepped. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { createSimClock, type SimClock } from "@triptych/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openPositions } from "../log-lines/positions.ts";
import { busy, createTestJournal, type TestJournal, testDeps } from "../log-lines/testing.ts";
import { createFileCounters } from "./counters.ts";
import { createFileTailer, type FileTailer } from "./tailer.ts";
import type { TailerOptions } from "./tailer-options.ts";

let dir: string;
let clock: SimClock;
let journal: TestJournal;
let open: FileTailer[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tail-"));
  clock = createSimClock();
  journal = createTestJournal();
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  rmSync(dir, { recursive: true, force: true });
  open = [];
});

const defaults: TailerOptions = {
  job: "j",
  stage: undefined,
  encoding: "",
  compression: undefined,
  compressionDelayMs: 0,
  ignoreOlderMs: 0,
  startAt: "beginning",
  lineBytes: { max: 0, cut: false },
  scanMs: 5000,
  inherited: new Map(),
};

interface Running {
  readonly tailer: FileTailer;
  /** Looks again, as if time had passed. */
  step(ms?: number): Promise<void>;
  metrics(): string;
}

async function tail(pattern: string, options: Partial<TailerOptions> = {}): Promise<Running> {
  const deps = testDeps(clock, journal);
  const positions = await openPositions(join(dir, "positions.json"), (text) => {
    throw new Error(text);
  });
  const tailer = createFileTailer(
    { ...defaults, ...options },
    { ...deps, positions, counters: createFileCounters(deps.metrics) },
  );
  tailer.setTargets([
    {
      path: join(dir, pattern),
      exclude: [join(dir, "**/*.skip")],
      labels: new Map([["job", "v"]]),
    },
  ]);
  open.push(tailer);
  await tailer.tick();
  return {
    tailer,
    async step(ms = 6000) {
      await clock.advance(ms);
      await tailer.tick();
    },
    metrics: () => deps.metrics.render(),
  };
}

const file = (name: string): string => join(dir, name);
const texts = (): string[] => journal.lines.map(({ line }) => line);

test("lines that are there and lines that follow, with job and file as labels", async () => {
  writeFileSync(file("a.log"), "one\ntwo\r\npart");
  const { step, metrics } = await tail("*.log");
  expect(texts()).toEqual(["one", "two"]);
  expect(journal.lines[0]?.labels).toMatchObject({ job: "v", filename: file("a.log") });
  appendFileSync(file("a.log"), "ial\n\nlast\n");
  writeFileSync(file("b.log"), "other\n");
  writeFileSync(file("c.skip"), "no\n");
  await step();
  expect(texts()).toEqual(["one", "two", "partial", "", "last", "other"]);
  expect(metrics()).toContain(`triptych_files_read_lines_total{path="${file("a.log")}"} 5`);
  expect(metrics()).toContain("triptych_files_lag_bytes 0");
  const times = journal.lines.map(({ timeNs }) => timeNs);
  expect([...times].sort((a, b) => (a < b ? -1 : 1))).toEqual(times);
});

test("a JSON line is kept under the service that it names", async () => {
  const trace = "5f8a3b2c1d4e5f6a7b8c9d0e1f2a3b4c";
  writeFileSync(
    file("a.log"),
    `{"level":"ERROR","service":"users","message":"x"}\nplain [trace:${trace}]\n`,
  );
  await tail("a.log");
  const labels = journal.lines.map((line) => [line.labels["job"], line.labels["service"]]);
  expect(labels).toEqual([
    ["v", "users"],
    ["v", undefined],
  ]);
  expect(journal.lines.map(({ traceId }) => traceId.replace(/^0+$/, ""))).toEqual(["", trace]);
});

test("rotation by renaming: the rest of the old file, then the new one", async () => {
  writeFileSync(file("a.log"), "1\n");
  const { step } = await tail("a.log");
  appendFileSync(file("a.log"), "2\n");
  renameSync(file("a.log"), file("a.log.1"));
  appendFileSync(file("a.log.1"), "3\n");
  writeFileSync(file("a.log"), "4\n");
  await step();
  await step(300);
  expect(texts().sort()).toEqual(["1", "2", "3", "4"]);
  appendFileSync(file("a.log.1"), "late\nunended");
  await step();
  expect(texts()).toContain("late");
  // Left alone for long enough it ends, with what stands behind its last line end.
  await step(120_000);
  await step();
  expect(texts()).toContain("unended");
  expect(new Set(journal.lines.map(({ labels }) => labels["filename"]))).toEqual(
    new Set([file("a.log")]),
  );
});

test("a pattern that finds the rotated file too does not read it twice", async () => {
  writeFileSync(file("a.log"), "1\n2\n");
  const { step } = await tail("a.log*");
  renameSync(file("a.log"), file("a.log.1"));
  writeFileSync(file("a.log"), "3\n");
  await step();
  await step();
  expect(texts()).toEqual(["1", "2", "3"]);
});

test("copytruncate, also when the file has grown beyond its old size meanwhile", async () => {
  writeFileSync(file("a.log"), "old 1\nold 2\n");
  const { step, metrics } = await tail("a.log");
  copyFileSync(file("a.log"), file("a.log.1"));
  truncateSync(file("a.log"));
  appendFileSync(file("a.log"), "x\n");
  await step();
  expect(texts()).toEqual(["old 1", "old 2", "x"]);
  truncateSync(file("a.log"));
  appendFileSync(file("a.log"), "new and longer than what was there before\n");
  await step();
  expect(texts().at(-1)).toBe("new and longer than what was there before");
  // The same text after a truncation is a new line, not one that was sent before.
  truncateSync(file("a.log"));
  await step();
  appendFileSync(file("a.log"), "new and longer than what was there before\n");
  await step();
  expect(texts().length).toBe(5);
  expect(metrics()).toContain("triptych_files_truncated_total 3");
});

test("a deleted file is read to its end", async () => {
  writeFileSync(file("a.log"), "1\n");
  const { step } = await tail("a.log");
  appendFileSync(file("a.log"), "2\n3");
  unlinkSync(file("a.log"));
  await step();
  await step(120_000);
  await step();
  expect(texts()).toEqual(["1", "2", "3"]);
});

describe("restarts", () => {
  test("go on where they were; what was rotated meanwhile is read to its end", async () => {
    writeFileSync(file("a.log"), "1\n2\n");
    const first = await tail("a.log");
    await first.tailer.close();
    appendFileSync(file("a.log"), "3\n");
    renameSync(file("a.log"), file("a.log.1"));
    writeFileSync(file("a.log"), "4\n");
    const { step } = await tail("a.log");
    await step();
    expect(texts().sort()).toEqual(["1", "2", "3", "4"]);
  });

  test("a crash after the journal took lines and before the position moved doubles nothing", async () => {
    writeFileSync(file("a.log"), "1\n2\n");
    const first = await tail("a.log");
    appendFileSync(file("a.log"), "3\n");
    await first.step();
    // What a crash leaves: the intent is on disk, the acknowledgement is not.
    copyFileSync(file("positions.json"), file("kept"));
    const kept = JSON.parse(execFileSync("cat", [file("kept")], { encoding: "utf8" })) as {
      positions: { [key: string]: { offset: number; pendingTo: number } };
    };
    for (const position of Object.values(kept.positions))
      Object.assign(position, { offset: 4, pendingTo: 6 });
    await first.tailer.close();
    writeFileSync(file("positions.json"), JSON.stringify(kept));
    appendFileSync(file("a.log"), "4\n5\n");
    const { step } = await tail("a.log");
    await step();
    expect(texts()).toEqual(["1", "2", "3", "4", "5"]);
    expect(journal.duplicates()).toBe(1);
  });

  test("another file with the same inode is read from its beginning", async () => {
    writeFileSync(file("a.log"), "aaaa\nbbbb\n");
    const first = await tail("a.log");
    await first.tailer.close();
    writeFileSync(file("a.log"), "cccc\ndddd\neeee\n");
    await tail("a.log");
    expect(texts()).toEqual(["aaaa", "bbbb", "cccc", "dddd", "eeee"]);
  });
});

test("while lines cannot be stored the position stays, and they come once that is over", async () => {
  writeFileSync(file("a.log"), "1\n");
  journal.fail = busy();
  const started = tail("a.log");
  for (let i = 0; i < 50_000 && clock.timers === 0; i++)
    await new Promise((resolve) => setImmediate(resolve));
  expect(texts()).toEqual([]);
  journal.fail = undefined;
  await clock.advance(1000);
  await started;
  expect(texts()).toEqual(["1"]);
});

test("long lines are cut and marked, and the rest of them is no line", async () => {
  const long = "x".repeat(1_000_000);
  const longer = "y".repeat(3_500_000);
  writeFileSync(file("a.log"), `${long}\nnext\n${longer}\nlast\n`);
  await tail("a.log");
  expect(journal.lines.map(({ line }) => line.length)).toEqual([262_144, 4, 262_144, 4]);
  expect(journal.lines[0]?.metadata).toEqual({ "triptych.truncated": "true" });
  expect(texts()[3]).toBe("last");
});

test("odd bytes: NUL stays, invalid UTF-8 is replaced, a byte order mark goes", async () => {
  writeFileSync(
    file("a.log"),
    Buffer.concat([
      Buffer.from([0xef, 0xbb, 0xbf]),
      Buffer.from("a\0b\n"),
      Buffer.from([0x66, 0xff, 0xfe, 0x0a]),
      Buffer.from("äö\n"),
    ]),
  );
  await tail("a.log");
  expect(texts()).toEqual(["a\0b", "f\ufffd\ufffd", "äö"]);
});

test("UTF-16 and Latin-1", async () => {
  writeFileSync(file("a.log"), Buffer.from("\ufeffeins\r\nzwei \u010a\n", "utf16le"));
  await tail("a.log", { encoding: "utf-16le" });
  writeFileSync(file("b.log"), Buffer.from("gr\u00fcn\n", "latin1"));
  await tail("b.log", { encoding: "iso-8859-1", job: "k" });
  expect(texts()).toEqual(["eins", "zwei \u010a", "grün"]);
});

test("compressed files are read once; a damaged one is said", async () => {
  writeFileSync(file("a.log.gz"), gzipSync("1\n2\n3"));
  const { step, tailer } = await tail("*.gz", { compression: "by-name" });
  await step();
  expect(texts()).toEqual(["1", "2", "3"]);
  await tailer.close();
  writeFileSync(file("b.log.gz"), "this is no gzip");
  const again = await tail("*.gz", { compression: "by-name" });
  await again.step();
  expect(texts()).toEqual(["1", "2", "3"]);
  expect(again.tailer.problems().join()).toContain("b.log.gz");
});

test("pipes, loops of links and directories are left alone", async () => {
  execFileSync("mkfifo", [file("p.log")]);
  symlinkSync(file("loop.log"), file("loop.log"));
  mkdirSync(file("d.log"));
  mkdirSync(file("sub"));
  symlinkSync(dir, file("sub/back"));
  writeFileSync(file("sub/x.log"), "x\n");
  symlinkSync(file("sub/x.log"), file("link.log"));
  await tail("**/*.log");
  expect(texts()).toEqual(["x"]);
});

test.skipIf(process.getuid?.() === 0)("a file that may not be read is said", async () => {
  writeFileSync(file("a.log"), "1\n");
  chmodSync(file("a.log"), 0);
  const { tailer, metrics, step } = await tail("a.log");
  expect(tailer.problems()).toEqual([`${file("a.log")}: EACCES`]);
  expect(metrics()).toContain('triptych_files_errors_total{reason="EACCES"} 1');
  chmodSync(file("a.log"), 0o600);
  await step();
  expect(texts()).toEqual(["1"]);
  expect(tailer.problems()).toEqual([]);
});

test("a thousand files, few of them open", async () => {
  for (let i = 0; i < 1000; i++) writeFileSync(file(`${i}.log`), `${i}\n`);
  const { step, metrics } = await tail("*.log");
  for (let i = 0; i < 1000; i++) appendFileSync(file(`${i}.log`), `again ${i}\n`);
  await step();
  expect(journal.lines.length).toBe(2000);
  const opened = /triptych_files_open (\d+)/.exec(metrics())?.[1];
  expect(Number(opened)).toBeLessThanOrEqual(512);
});

test("files that were there begin at their end when that is asked", async () => {
  writeFileSync(file("a.log"), "old\n");
  const { step } = await tail("*.log", { startAt: "end" });
  appendFileSync(file("a.log"), "new\n");
  writeFileSync(file("b.log"), "first\n");
  await step();
  expect(texts().sort()).toEqual(["first", "new"]);
});

test("offsets that promtail left are taken over", async () => {
  writeFileSync(file("a.log"), "sent\nnot sent\n");
  await tail("a.log", { inherited: new Map([[file("a.log"), 5]]) });
  expect(texts()).toEqual(["not sent"]);
});

test("more empty lines than a batch may have are several batches", async () => {
  writeFileSync(file("a.log"), "\n".repeat(600_000));
  await tail("a.log");
  expect(journal.lines.length).toBe(600_000);
  expect(journal.discarded.size).toBe(0);
});
