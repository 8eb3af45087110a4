import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { testRules } from "./test-rules.ts";

const shared = join(new URL("../../../../", import.meta.url).pathname, "../shared/conformance");
const promtool = join(shared, "prometheus-rules/cmd/promtool/testdata");
const there = existsSync(promtool);

async function run(file: string): Promise<{ passed: number; failed: number; told: string }> {
  let told = "";
  const add = (text: string): void => {
    told += text;
  };
  return { ...(await testRules(file, { out: add, err: add })), told };
}

describe("promtool's files", () => {
  test.skipIf(there)("skipped: ../shared/conformance is not there", () => {
    expect(there).toBe(false);
  });
  /** Passed and failed checks, and something of what is told of those that failed. */
  const check = (name: string, passed: number, failed: number, ...want: string[]) =>
    test.skipIf(!there)(name, async () => {
      const verdict = await run(join(promtool, name));
      expect([verdict.passed, verdict.failed], verdict.told).toEqual([passed, failed]);
      for (const text of want) expect(verdict.told).toContain(text);
    });
  check("unittest.yml", 26, 0, "SUCCESS");
  check("long-period.yml", 4, 0);
  check("start-time-test.yml", 9, 0);
  check("at-modifier-test.yml", 1, 0);
  check("negative-offset-test.yml", 1, 0);
  check("no-test-group-interval.yml", 2, 0);
  check(
    "failing.yml",
    0,
    4,
    "name: Failing test,",
    'exp: {__name__="test"} 1E+00',
    'Labels:{alertname="InstanceDown", job="test", severity="page"}',
  );
  check("rules_run.yml", 1, 1, "name: wrong test,");
  check("rules_run_fuzzy.yml", 2, 2);
  check("rules_run_no_fuzzy.yml", 0, 2);
  check("bad-input-series.yml", 0, 1, "series");
  check("bad-promql.yml", 0, 1, "found duplicate series for the match group");
  check("bad-rules-error-test.yml", 0, 1, "rule: joined, time: 0s, err: ");
  check(
    "bad-rules-syntax-test.yml",
    0,
    1,
    "could not parse expression: 1:7: parse error: unexpected end of input",
  );
  check("rules_run_extrafields.yml", 0, 1, "field namespace not found in type rulefmt.RuleGroup");
});

describe("the Kubernetes mixin", () => {
  const dir = join(shared, "kubernetes-mixin/tests");
  for (const name of existsSync(dir) ? readdirSync(dir) : [])
    test(basename(name), async () => {
      const verdict = await run(join(dir, name));
      expect(verdict.told).toContain("SUCCESS");
      expect(verdict.passed).toBeGreaterThan(0);
    });
});
