import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { lineDiff } from "./line-diff.ts";
import { type RuleTestOptions, testRules } from "./test-rules.ts";

const shared = join(new URL("../../../../", import.meta.url).pathname, "../shared/conformance");
const promtool = join(shared, "prometheus-rules/cmd/promtool/testdata");
const there = existsSync(promtool);

async function run(
  file: string,
  options?: RuleTestOptions,
): Promise<{ passed: number; failed: number; told: string }> {
  let told = "";
  const add = (text: string): void => {
    told += text;
  };
  return { ...(await testRules(file, { out: add, err: add }, options)), told };
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

describe("options", () => {
  const dir = mkdtempSync(join(tmpdir(), "triptych-rules-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "test.yml");
  writeFileSync(
    join(dir, "rules.yml"),
    "groups: [{ name: g, owner: me, rules: [{ record: b, expr: a + 1 }] }]",
  );
  const testOf = (name: string, value: number): string => `
  - name: ${name}
    input_series: [{ series: a, values: 1 1 }]
    promql_expr_test: [{ expr: b, eval_time: 1m, exp_samples: [{ labels: b, value: ${value} }] }]`;
  writeFileSync(file, `rule_files: [rules.yml]\ntests:${testOf("good", 2)}${testOf("bad", 3)}\n`);
  const check = (what: string, options: RuleTestOptions, want: [number, number], told: string[]) =>
    test(what, async () => {
      const verdict = await run(file, options);
      expect([verdict.passed, verdict.failed], verdict.told).toEqual(want);
      for (const text of told) expect(verdict.told).toContain(text);
    });
  const lenient = { ignoreUnknownFields: true };
  check("unknown fields", {}, [0, 1], ["field owner not found"]);
  check("unknown fields are passed over", lenient, [1, 1], ["FAILED"]);
  check("one name", { ...lenient, run: ["^go"] }, [1, 0], ["SUCCESS"]);
  check("one of two names", { ...lenient, run: ["x", "ba."] }, [0, 1], []);
  const differing = '- {__name__="b"} 3E+00\n+ {__name__="b"} 2E+00';
  check("line by line", { ...lenient, diff: true }, [1, 1], [differing]);
  const series = ['starting test "good"', '{__name__="b"} 2 @0 2 @60'];
  check("all that happens", { ...lenient, debug: true }, [1, 1], series);
  check("a name that is no pattern", { run: ["("] }, [0, 1], ["missing"]);
});

test("a group named twice in the order of evaluation", async () => {
  const directory = mkdtempSync(join(tmpdir(), "triptych-order-"));
  const file = join(directory, "test.yml");
  writeFileSync(file, "rule_files: []\ngroup_eval_order: [g, h, g]\ntests: []\n");
  const verdict = await run(file);
  rmSync(directory, { recursive: true, force: true });
  expect(verdict).toMatchObject({ passed: 0, failed: 1 });
  expect(verdict.told).toContain("2:1: group name repeated in evaluation order: g");
});

test("differences of texts", () => {
  expect(lineDiff("a\nb\nc", "a\nx\nc\nd")).toBe("  a\n- b\n+ x\n  c\n+ d");
  expect(lineDiff("a", "a")).toBe("  a");
});

test("rules over logs are told apart", async () => {
  const directory = mkdtempSync(join(tmpdir(), "triptych-log-rules-"));
  const expr = 'rate({a="b"} |= "x" [5m])';
  writeFileSync(
    join(directory, "r.yml"),
    `groups: [{name: g, rules: [{record: a, expr: '${expr}'}]}]`,
  );
  writeFileSync(join(directory, "t.yml"), "rule_files: [r.yml]\ntests: []\n");
  const { failed, told } = await run(join(directory, "t.yml"));
  rmSync(directory, { recursive: true });
  expect([failed, told]).toEqual([1, expect.stringContaining("these rules are over logs (LogQL)")]);
});

test("a rule file that is not there is told, and the tests are run", async () => {
  const directory = mkdtempSync(join(tmpdir(), "triptych-missing-"));
  const file = join(directory, "test.yml");
  const query = "{ expr: 1, eval_time: 1m, exp_samples: [{ value: 1 }] }";
  writeFileSync(file, `rule_files: [none.yml]\ntests: [{ promql_expr_test: [${query}] }]\n`);
  const verdict = await run(file);
  rmSync(directory, { recursive: true, force: true });
  expect(verdict).toMatchObject({ passed: 1, failed: 0 });
  expect(verdict.told).toContain("WARNING: no file match pattern");
});
