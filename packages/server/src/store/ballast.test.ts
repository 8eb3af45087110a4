import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createBallast } from "./ballast.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-ballast-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, "ballast");

test("it takes the space it says, once, and gives it back", async () => {
  const bytes = 3 * 1024 * 1024 + 5;
  const ballast = createBallast(path, bytes);
  expect(await ballast.release()).toBe(false);
  expect(await ballast.keep()).toBe(true);
  const { size, blocks, ino } = statSync(path);
  expect(size).toBe(bytes);
  expect(blocks * 512).toBeGreaterThanOrEqual(bytes);
  expect(await ballast.keep()).toBe(true);
  expect(statSync(path).ino).toBe(ino);
  expect(await ballast.release()).toBe(true);
  expect(existsSync(path)).toBe(false);
});

test("a disk that it would fill gets none", async () => {
  const ballast = createBallast(path, Number.MAX_SAFE_INTEGER);
  expect(await ballast.keep()).toBe(false);
  expect(existsSync(path)).toBe(false);
});
