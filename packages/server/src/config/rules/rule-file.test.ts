import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseRuleFile, requireRuleFile } from "./rule-file.ts";

const shared = join(new URL("../../../../../", import.meta.url).pathname, "../shared/conformance");
const there = existsSync(join(shared, "prometheus-rules"));
const texts = (dir: string): string[] =>
  there
    ? readdirSync(join(shared, dir))
        .filter((name) => /\.ya?ml$/.test(name))
        .map((name) => join(shared, dir, name))
    : [];
const problemsOf = (file: string, names: "utf8" | "legacy" = "utf8"): string[] =>
  parseRuleFile(readFileSync(file, "utf8"), basename(file), { names }).problems.map(
    ({ message }) => message,
  );

describe("Prometheus's files", () => {
  test.skipIf(there)("skipped: ../shared/conformance is not there", () => {
    expect(there).toBe(false);
  });
  const expectations: { readonly [name: string]: { readonly error_contains: string } } = there
    ? JSON.parse(readFileSync(join(shared, "prometheus-rules/rulefmt_expect.json"), "utf8")).expect
    : {};
  for (const file of texts("prometheus-rules/model/rulefmt/testdata"))
    test(basename(file), () => {
      const legacy = basename(file).startsWith("legacy");
      const want = expectations[basename(file)]?.error_contains;
      const got = problemsOf(file, legacy ? "legacy" : "utf8");
      if (want === undefined) expect(got).toEqual([]);
      else expect(got.join("\n")).toContain(want);
    });
  for (const file of texts("prometheus-rules/rules/fixtures"))
    test(basename(file), () => {
      expect(problemsOf(file).length).toBe(basename(file).startsWith("invalid") ? 1 : 0);
    });
  for (const name of ["kubernetes-mixin", "mixins-compiled"])
    for (const file of texts(name))
      test(`${name}/${basename(file)}`, () => expect(problemsOf(file)).toEqual([]));
});

describe("what a wrong file is told", () => {
  const check = (text: string, want: string) =>
    test(JSON.stringify(text.slice(0, 90)), () => {
      const told = (): void => void requireRuleFile(text, "f.yml");
      expect(told).toThrow(want);
    });
  const rule = (lines: string): string => `groups:\n- name: g\n  rules:\n${lines}`;
  check("groups: [", "f.yml:1:");
  check("groups: {}", "cannot unmarshal !!map into []rulefmt.RuleGroup");
  check("groups:\n- {}", "Groupname must not be empty");
  check(
    "group: []",
    "f.yml:1:1: yaml: unmarshal errors:\n  line 1: field group not found in type rulefmt.RuleGroups",
  );
  check(
    rule("  - alert: a\n    expr: up ==\n"),
    'f.yml:5:11: group "g", rule 1, "a": could not parse expression: 1:6: parse error: unexpected end of input',
  );
  check(
    rule("  - alert: a\n    expr: up\n    for: 5x\n"),
    'f.yml:6:10: unknown unit "x" in duration "5x"',
  );
  check(
    rule("  - alert: a\n    expr: up\n    annotations: {s: '{{ $label.x }}'}\n"),
    'annotation "s": template: __alert_a:1: undefined variable "$label"',
  );
  check(
    rule("  - alert: a\n    expr: up\n    annotations: [1]\n"),
    "cannot unmarshal !!seq into map[string]string",
  );
  check(
    rule("  - record: a\n    expr: up\n    annotations: {a: b}\n"),
    "invalid field 'annotations' in recording rule",
  );
  check("groups:\n- name: g\n  limit: x\n", "cannot unmarshal !!str `x` into int");
  check("a: &a [1]\n".repeat(1) + "groups: *b\n", "f.yml:");
});

test("everything a file can say", () => {
  const text = `
groups:
- name: g
  interval: 30s
  query_offset: 1m
  limit: 10
  labels: {team: a, x: y}
  rules:
  - record: a:b
    expr: 1
    labels: {team: b}
  - alert: A
    expr: up == 0
    for: 1h30m
    keep_firing_for: 5m
    annotations: {s: t}
`;
  const { groups, problems } = parseRuleFile(text, "f");
  expect(problems).toEqual([]);
  expect(groups).toMatchObject([
    {
      ...{ name: "g", intervalMs: 30_000, queryOffsetMs: 60_000, limit: 10 },
      rules: [
        {
          kind: "record",
          name: "a:b",
          exprText: "1",
          labels: [
            ["team", "b"],
            ["x", "y"],
          ],
        },
        {
          kind: "alert",
          forMs: 5_400_000,
          keepFiringForMs: 300_000,
          annotations: [["s", "t"]],
          labels: [
            ["team", "a"],
            ["x", "y"],
          ],
        },
      ],
    },
  ]);
});
