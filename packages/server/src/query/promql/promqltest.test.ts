import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type EvalOutcome, runPromqlTest } from "@triptych/lang";
import { describe, expect, test } from "vitest";
import { partMatcher } from "../../regex/regex.ts";
import { compileRegex } from "../../regex/compile.ts";

const root = new URL("../../../../../", import.meta.url).pathname;
const published = join(
  root,
  "../shared/conformance/prometheus-promql-v3.14.0/promql/promqltest/testdata",
);
const own = join(root, "corpus/promql");
const options = {
  compileRegex,
  matchesPart: (pattern: string, text: string) => partMatcher(pattern)(text),
};

const scriptsOf = (dir: string): string[] =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((name) => name.endsWith(".test"))
        .sort()
        .map((name) => join(dir, name))
    : [];

const run = (file: string): Promise<EvalOutcome[]> =>
  runPromqlTest(readFileSync(file, "utf8"), options);

/** `file:line` of evaluations that are known to fail; the list may only shrink. */
const notYet = new Set<string>(JSON.parse(readFileSync(join(own, "not-yet.json"), "utf8")));

describe("our scripts", () => {
  for (const file of scriptsOf(own))
    test(basename(file), async () => {
      const outcomes = await run(file);
      expect(outcomes.length).toBeGreaterThan(0);
      expect(outcomes.filter((one) => one.failure !== undefined)).toEqual([]);
    });
});

describe("Prometheus's scripts", () => {
  const scripts = scriptsOf(published);
  test.skipIf(scripts.length > 0)("skipped: ../shared/conformance is not there", () => {
    expect(scripts).toEqual([]);
  });
  for (const file of scripts)
    test(basename(file), async () => {
      const outcomes = await run(file);
      const name = (one: EvalOutcome): string => `${basename(file)}:${one.line}`;
      const failed = outcomes.filter((one) => one.failure !== undefined);
      expect(failed.filter((one) => !notYet.has(name(one)))).toEqual([]);
      const passed = outcomes.filter((one) => one.failure === undefined).map(name);
      expect(passed.filter((one) => notYet.has(one))).toEqual([]);
    });
});

describe("what a wrong script is told", () => {
  const check = (script: string, want: string) =>
    test(JSON.stringify(script), async () => {
      const told = await runText(script).catch((error: Error) => error.message);
      expect(JSON.stringify(told)).toContain(want);
    });
  const runText = (script: string): Promise<EvalOutcome[]> => runPromqlTest(script, options);
  check("nonsense", "invalid command");
  check("load 5q\n  a 1", "unknown unit");
  check("load 1m\n  a 1 b", "expected a number");
  check("load 1m\n  a {{schema:0 what:1}}", "bad histogram descriptor");
  check("eval instant at 0 1\n  2", "expected the scalar 2, got 1");
  check("load 1m\n  a 1\neval instant at 0 a\n", "expected");
  check("load 1m\n  a 1\n\neval instant at 0 a\n  b 1", "unexpected");
  check("eval instant at 0 1 +\n  2", "unexpected end of input");
});
