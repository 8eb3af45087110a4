import { describe, expect, test } from "vitest";
import { lintRule } from "./logql-lints.ts";
import { parseRuleFile } from "./rule-file.ts";
import { ruleLanguageOf } from "./rule-language.ts";

const file = (...exprs: readonly string[]): string =>
  `groups:\n- name: g\n  rules:\n${exprs.map((expr) => `  - {record: a, expr: ${JSON.stringify(expr)}}\n`).join("")}`;

describe("which language a file is in", () => {
  const check = (want: string, ...exprs: readonly string[]) =>
    test(exprs.join(" ; "), () => expect(ruleLanguageOf(file(...exprs))).toBe(want));
  check("promql", "up == 0");
  check("promql", 'rate(x{a="b"}[5m])');
  check("promql", "vector(1)");
  check("promql", 'sum({__name__="x"})');
  check("logql", 'sum(rate({a="b"} |= "x" [5m]))');
  check("logql", 'count_over_time({a="b"}[5m]) > 3');
  check("logql", "vector(1)", 'rate({a="b"}[5m])');
  check("promql", 'rate({a="b"}[5m])', "up");
  check("logql", 'sum(rate({a="b"} |= "x" [5m])) > ');
  check("promql", "sum(up{");
  check("logql", 'rate({a="b"} != `x` [5m])', 'rate({a="b"}[5m)');
});

describe("lints of rules over logs", () => {
  const known = { types: new Map<string, string>(), recorded: new Set<string>() };
  const check = (expr: string, ...want: readonly string[]) =>
    test(expr, () => {
      const { groups, problems } = parseRuleFile(file(expr), "f", { language: "logql" });
      expect(problems).toEqual([]);
      const rules = groups.flatMap((group) => group.rules);
      expect(rules.flatMap((rule) => [...lintRule(rule, known)].map(({ name }) => name))).toEqual(
        want,
      );
    });
  const lines = 'count_over_time({a="b"}[5m])';
  check(`${lines} > 0`);
  check(`${lines} == 0`, "never-fires");
  check(`sum by (a) (${lines}) < 1`, "never-fires");
  check(`sum(${lines}) <= 1`);
  check(`rate({a="b"}[5m]) <= 0`, "never-fires");
  check(`sum(rate({a="b"}[5m])) < 0.1`);
  check(`absent_over_time({a="b"}[5m]) == 1`);
  check(`(sum(${lines}) or vector(0)) == 0`);
  check(`${lines} == bool 0`);
  check(`sum_over_time({a="b"} | unwrap x [5m]) == 0`);
  check('{a="b"} |= "x"', "lines-in-rule");
});

test("namespaces, and names as Loki takes them", () => {
  const text = `namespace: team\n${file("vector(1)")}    labels: {"a-b": x}\n`.replace(
    '  - {record: a, expr: "vector(1)"}',
    '  - record: a\n    expr: "vector(1)"',
  );
  const read = parseRuleFile(text, "f.yml", { language: "logql" });
  expect(read.groups[0]?.namespace).toBe("team");
  expect(read.problems.map(({ message }) => message)).toEqual([
    'group "g", rule 1, "a": invalid label name: a-b',
  ]);
  expect(parseRuleFile(text, "f.yml").problems).toHaveLength(1);
});
