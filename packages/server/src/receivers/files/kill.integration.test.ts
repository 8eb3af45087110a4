/** Killed again and again while files grow and are rotated (by logrotate where it is there): no line is lost or doubled. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng, ensureProgram, repositoryRoot } from "@triptych/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";

let dir: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kill-"));
});
afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

const file = (name: string): string => join(dir, name);
const SCRIPT = join(import.meta.dirname, "../../fixtures/tail-until-killed.ts");

function start(): void {
  child = spawn(
    process.execPath,
    [
      ...["--conditions=triptych:source", "--import", "tsx", SCRIPT],
      ...[file("app.log"), file("positions.json"), file("journal")],
    ],
    { stdio: "inherit", cwd: repositoryRoot },
  );
}

async function killed(): Promise<void> {
  const running = child;
  child = undefined;
  if (running === undefined || running.exitCode !== null) return;
  await new Promise<void>((resolve) => {
    running.once("exit", () => resolve());
    running.kill("SIGKILL");
  });
}

function received(): string[] {
  if (!existsSync(file("journal"))) return [];
  return readFileSync(file("journal"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("line "));
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 800 && !isSo(); i++) await pause(25);
  expect(isSo()).toBe(true);
}

/** Writes lines, with kills at random moments; `rotate` is called now and then, never while lines are written. */
async function torture(rotate: () => void, kills: number): Promise<void> {
  const rng = createRng(7);
  let written = 0;
  const write = (): void => {
    let text = "";
    for (let i = 0; i < 200; i++) text += `line ${written++} ${"x".repeat(100)}\n`;
    appendFileSync(file("app.log"), text);
  };
  writeFileSync(file("app.log"), "");
  for (let round = 0; round < kills; round++) {
    start();
    const before = received().length;
    for (let i = 0; i < 5; i++) write();
    await until(() => received().length > before || received().length === written);
    // In the middle of what it does now.
    for (let i = 0; i < 10; i++) write();
    await pause(Math.floor(rng.next() * 30));
    await killed();
    if (round % 2 === 1) rotate();
  }
  start();
  await until(() => received().length >= written);
  await killed();
  const numbers = received().map((line) => Number(line.split(" ", 2)[1]));
  expect(numbers.length).toBe(written);
  expect(new Set(numbers).size).toBe(written);
}

test("rotation by renaming", async () => {
  let rotations = 0;
  await torture(() => {
    renameSync(file("app.log"), file(`app.log.${++rotations}`));
    writeFileSync(file("app.log"), "");
  }, 6);
});

const logrotate = await ensureProgram("logrotate");

test.skipIf(logrotate === undefined)("logrotate (skipped without it)", async () => {
  writeFileSync(
    file("rotate.conf"),
    `${file("app.log")} {\n  rotate 9\n  create\n  missingok\n}\n`,
    {
      mode: 0o600,
    },
  );
  await torture(() => {
    const state = ["--state", file("rotate.state"), "--force", file("rotate.conf")];
    execFileSync(logrotate ?? "logrotate", state, { stdio: "pipe" });
  }, 4);
});
