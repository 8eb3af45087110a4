import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TriptychError } from "@triptych/model";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataDirectory } from "./data-directory.ts";

let path = "";
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "triptych-data-"));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "opened";
  } catch (error) {
    return error instanceof TriptychError ? error.code : String(error);
  }
};

test("a lock of a living process is respected", () => {
  writeFileSync(`${path}/LOCK`, `${process.ppid}\n`);
  expect(codeOf(() => openDataDirectory(path, "chdb"))).toBe("data_dir_locked");
  expect(readFileSync(`${path}/LOCK`, "utf8")).toBe(`${process.ppid}\n`);
});
test("a lock left by a crash is taken over, also when the id was given to another process", () => {
  writeFileSync(`${path}/LOCK`, `${process.ppid} 1\n`);
  openDataDirectory(path, "chdb").release();
  expect(codeOf(() => openDataDirectory(path, "chdb"))).toBe("opened");
});
test("an unknown format is refused and nothing is changed", () => {
  writeFileSync(`${path}/FORMAT.json`, '{"format":99}');
  expect(codeOf(() => openDataDirectory(path, "chdb"))).toBe("data_dir_format");
  expect(readFileSync(`${path}/FORMAT.json`, "utf8")).toBe('{"format":99}');
});
test("a damaged format note does not stop the start", () => {
  writeFileSync(`${path}/FORMAT.json`, "\0\0\0");
  expect(codeOf(() => openDataDirectory(path, "chdb"))).toBe("opened");
});
test("a path that cannot be made says so", () => {
  writeFileSync(`${path}/file`, "");
  expect(codeOf(() => openDataDirectory(`${path}/file/data`, "chdb"))).toBe("data_dir_unusable");
});
test("a path that no directory can be made under says so, and returns", () => {
  expect(codeOf(() => openDataDirectory("/proc/triptych/data", "chdb"))).toBe("data_dir_unusable");
});
test("several missing levels are made", () => {
  expect(codeOf(() => openDataDirectory(`${path}/a/b/c`, "chdb"))).toBe("opened");
});
