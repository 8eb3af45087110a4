/**
 * systemd's own programs: a journal made from an export stream by systemd-journal-remote, read by journalctl, which
 * follows it while more is written. Skipped where they are not there.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureProgram } from "@triptych/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../self/clock.ts";
import { openPositions } from "../log-lines/positions.ts";
import { createTestJournal, type TestJournal, testDeps } from "../log-lines/testing.ts";
import { compileStages } from "../log-stages/pipeline.ts";
import { createStageMetrics } from "../log-stages/stage-metrics.ts";
import { createJournalReader, type JournalOptions } from "./journal.ts";
import { journalLines, nativeLabels } from "./journal-lines.ts";

const REMOTE = "/lib/systemd/systemd-journal-remote";
const journalctl = await ensureProgram("journalctl", "systemd");
const hasRemote = (await ensureProgram(REMOTE, "systemd-journal-remote")) !== undefined;

let dir: string;
const open: (() => Promise<void>)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "journal-"));
  mkdirSync(join(dir, "journal"));
});
afterEach(async () => {
  for (const close of open.splice(0)) await close();
  rmSync(dir, { recursive: true, force: true });
});

const BOOT = "f1b2c3d4e5f60718293a4b5c6d7e8f90";

/** An entry of the export format. */
function entry(number: number, fields: { readonly [name: string]: string }): string {
  const micros = BigInt(Date.now()) * 1000n - 60_000_000n + BigInt(number);
  const head = [
    `__CURSOR=s=a1a2a3a4a5a6a7a8a9a0b1b2b3b4b5b6;i=${number.toString(16)};b=${BOOT};m=${number};t=${micros.toString(16)};x=${number}`,
    `__REALTIME_TIMESTAMP=${micros}`,
    `__MONOTONIC_TIMESTAMP=${number}`,
    `_BOOT_ID=${BOOT}`,
    `_MACHINE_ID=${BOOT}`,
  ];
  return `${[...head, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join("\n")}\n\n`;
}

let files = 0;
function write(entries: string): void {
  const export_ = join(dir, "entries.export");
  writeFileSync(export_, entries);
  const output = join(dir, "journal", `remote-${++files}.journal`);
  execFileSync(REMOTE, [`--output=${output}`, "--split-mode=none", export_], { stdio: "pipe" });
}

async function read(
  journal: TestJournal,
  source?: JournalOptions["source"],
): Promise<{ readonly close: () => Promise<void>; readonly ended: Promise<void> }> {
  const positions = await openPositions(join(dir, "positions.json"), () => {});
  const metrics = createStageMetrics(systemClock);
  const stage = compileStages([], {
    clock: systemClock,
    random: () => 0,
    metrics,
    dropped: () => {},
  });
  const reader = createJournalReader(
    {
      job: "journal",
      stage,
      line: journalLines(nativeLabels(new Map()), false),
      source: source ?? {
        kind: "journalctl",
        program: journalctl ?? "journalctl",
        directory: join(dir, "journal"),
        matches: [],
        maxAgeMs: 3_600_000,
      },
    },
    { ...testDeps(systemClock as never, journal), positions },
  );
  const ended = reader.start();
  const close = (): Promise<void> => reader.close();
  open.push(close);
  return { close, ended };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(isSo()).toBe(true);
}

const nginx = { _SYSTEMD_UNIT: "nginx.service", SYSLOG_IDENTIFIER: "nginx", _HOSTNAME: "h1" };

test.skipIf(journalctl === undefined || !hasRemote)(
  "journalctl follows the journal; a restart goes on behind the last entry (skipped without systemd's programs)",
  async () => {
    write(
      entry(1, { MESSAGE: "started", PRIORITY: "6", ...nginx }) +
        entry(2, { MESSAGE: "upstream failed", PRIORITY: "3", ...nginx }),
    );
    const journal = createTestJournal();
    const { close } = await read(journal);
    await until(() => journal.lines.length >= 2);
    expect(journal.lines).toMatchObject([
      {
        line: "started",
        level: "info",
        labels: { job: "journal", unit: "nginx.service", host: "h1", "service.name": "nginx" },
      },
      { line: "upstream failed", level: "error" },
    ]);
    await close();
    write(entry(3, { MESSAGE: "later", PRIORITY: "4", ...nginx }));
    await read(journal);
    await until(() => journal.lines.length >= 3);
    expect(journal.lines.map(({ line }) => line)).toEqual(["started", "upstream failed", "later"]);
    expect(journal.lines[2]?.level).toBe("warn");
  },
);

test("a pipe with the export format", async () => {
  const path = join(dir, "pipe");
  execFileSync("mkfifo", [path]);
  const journal = createTestJournal();
  await read(journal, { kind: "path", path, format: "export" });
  // Opening a pipe waits for its other end, which is here: it must not wait on our thread.
  await writeFile(path, entry(1, { MESSAGE: "one", ...nginx }));
  await until(() => journal.lines.length === 1);
  // A writer that leaves does not end the pipe.
  await writeFile(path, entry(2, { MESSAGE: "two", ...nginx }));
  await until(() => journal.lines.length === 2);
  expect(journal.lines.map(({ line }) => line)).toEqual(["one", "two"]);
});

test("a file with JSON entries is read once, and not again", async () => {
  const path = join(dir, "entries.json");
  writeFileSync(
    path,
    '{"MESSAGE":[104,105],"__CURSOR":"c1","PRIORITY":"7"}\n{"MESSAGE":"two","__CURSOR":"c2"}\n',
  );
  const journal = createTestJournal();
  for (let i = 0; i < 2; i++) {
    const { close, ended } = await read(journal, { kind: "path", path, format: "json" });
    await ended;
    await close();
  }
  expect(journal.lines.map(({ line }) => line)).toEqual(["hi", "two"]);
});
