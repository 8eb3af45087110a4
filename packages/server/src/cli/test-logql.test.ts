import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "./cli.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-logql-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(...scripts: string[]): Promise<{ code: number; out: string; err: string }> {
  const files = scripts.map((script, i) => {
    const file = join(directory, `${i}.logqltest`);
    writeFileSync(file, script);
    return file;
  });
  const said = { out: "", err: "" };
  const code = await runCli(["node", "triptych", "test", "logql", ...files], {
    version: "0",
    up: async () => 0,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
  });
  return { code, ...said };
}

const good =
  'load\n  {a="b"} "x" @ 10s\n\neval instant at 60s count_over_time({a="b"}[1m])\n  {a="b"} 1\n';

describe("triptych test logql", () => {
  const check = (
    name: string,
    scripts: string[],
    want: [code: number, last: string, told: string],
  ) =>
    test(name, async () => {
      const { code, out, err } = await run(...scripts);
      expect([code, out.trim().split("\n").at(-1), err]).toEqual([
        want[0],
        want[1],
        expect.stringContaining(want[2]),
      ]);
    });
  check("all is as expected", [good, good], [0, "2 passed, 0 failed", ""]);
  check("one is not", [good, good.replace("1\n", "2\n")], [1, "1 passed, 1 failed", "expected"]);
  check("a wrong value", [good.replace("} 1", "} 3")], [1, "0 passed, 1 failed", 'got {a="b"} 1']);
  check("no script", ["nonsense"], [2, "0 passed, 1 failed", "line 1: invalid command"]);
  check("a wrong line", ["load\n  {a=}"], [2, "0 passed, 1 failed", "line 1"]);
  check(
    "a failure that is expected",
    ['eval instant at 1s rate({a="b"}[5m]) by (c)\n  expect fail msg: grouping not allowed\n'],
    [0, "1 passed, 0 failed", ""],
  );
});
