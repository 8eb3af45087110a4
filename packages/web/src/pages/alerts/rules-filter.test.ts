import type { Rule, RulesAnswer } from "@triptych/contract";
import { describe, expect, test } from "vitest";
import { countRules, filterRules, loadOf, type RuleShow, shortFile } from "./rules-filter.ts";

const rule = (name: string, more: Partial<Rule> = {}): Rule => ({
  ...{
    id: name,
    kind: "alert",
    language: "promql",
    name,
    group: "g",
    file: "f.yml",
    query: `${name} > 1`,
  },
  ...{ labels: {}, annotations: {}, forSeconds: 0, keepFiringForSeconds: 0, intervalSeconds: 60 },
  ...{ health: "ok", lastError: "", evaluationSeconds: 0, lastEvaluationMs: 0 },
  ...{ firing: 0, pending: 0, lints: [] },
  ...more,
});
const group = { file: "/a/f.yml", name: "g", intervalSeconds: 60, limit: 0, lastEvaluationMs: 0 };
const lint = { name: "l", what: "w", why: "y", fix: "f" };
const answer: RulesAnswer = {
  ...{ tookMs: 0, rowsRead: 0, bytesRead: 0, marks: [] },
  groups: [
    {
      ...group,
      evaluationSeconds: 30,
      rules: [
        rule("Up"),
        rule("Broken", { health: "err", lastError: "no" }),
        rule("Fires", { pending: 1 }),
      ],
    },
    {
      ...group,
      evaluationSeconds: 0,
      name: "other",
      rules: [rule("Odd", { group: "other", lints: [lint] })],
    },
  ],
};

describe("which rules are shown", () => {
  const check = (show: RuleShow, search: string, ...want: readonly string[]) =>
    test(`${show} ${search}`, () =>
      expect(
        filterRules(answer, { show, search }).flatMap(({ rules }) => rules.map(({ name }) => name)),
      ).toEqual(want));
  check("all", "", "Up", "Broken", "Fires", "Odd");
  check("failing", "", "Broken");
  check("firing", "", "Fires");
  check("lints", "", "Odd");
  check("all", " FIRES > ", "Fires");
  check("all", "other", "Odd");
  check("failing", "nothing");
});
test("counted", () =>
  expect(countRules(answer)).toEqual({ all: 4, failing: 1, firing: 1, lints: 1 }));
test("load", () => expect(answer.groups.map(loadOf)).toEqual([0.5, 0]));
test("file", () => expect(shortFile("/a/b/c.yml")).toBe("c.yml"));
