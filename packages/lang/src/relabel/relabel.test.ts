import { describe, expect, test } from "vitest";
import type { CompileRegex } from "../promql/regex.ts";
import { md5 } from "./md5.ts";
import { compileRelabel } from "./relabel.ts";
import { relabelDefaults, relabelProblem, type RelabelRule } from "./rule.ts";
import { parseTemplate } from "./template.ts";

/** Enough of an engine for these tests; the server hands in RE2's. */
const regexes = new Map([
  ["(.*)", /^(.*)$/s],
  ["a|c", /^(?:a|c)$/s],
]);
const compileRegex: CompileRegex = (pattern) => {
  const regex = regexes.get(pattern) ?? /never/;
  return {
    matches: (text) => regex.test(text),
    groups: (text) => regex.exec(text) ?? undefined,
    names: new Map(),
  };
};

describe("md5", () => {
  const hex = (text: string): string =>
    Array.from(md5(new TextEncoder().encode(text)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
  const check = (text: string, want: string) =>
    test(text.slice(0, 20), () => expect(hex(text)).toBe(want));
  check("", "d41d8cd98f00b204e9800998ecf8427e");
  check("message digest", "f96b697d7cb7938d525a2f31aaf161d0");
  check("1234567890".repeat(8), "57edf4a22be3c955ac49da2e2107b67a");
});

describe("templates", () => {
  const names = new Map([["who", 2]]);
  const check = (text: string, want: string) =>
    test(text, () => expect(parseTemplate(text).expand(["all", "1st", "2nd"], names)).toBe(want));
  check("$1-${2}", "1st-2nd");
  check("$1x", "");
  check("${1}x", "1stx");
  check("$who$$", "2nd$");
  check("$ ${ ${} $-", "$ ${ ${} $-");
  check("$01$9", "");
});

describe("actions", () => {
  const apply = (rule: Partial<RelabelRule>, labels: Record<string, string>) => {
    const map = new Map(Object.entries(labels));
    const kept = compileRelabel([{ ...relabelDefaults, ...rule }], compileRegex)(map);
    return kept ? Object.fromEntries(map) : undefined;
  };
  const check = (rule: Partial<RelabelRule>, want: Record<string, string> | undefined) =>
    test(
      JSON.stringify(rule, (_, value) => (typeof value === "bigint" ? Number(value) : value)),
      () => expect(apply(rule, { a: "Straße Σ", b: "x" })).toEqual(want),
    );
  check(
    { action: "uppercase", sourceLabels: ["a"], targetLabel: "b" },
    { a: "Straße Σ", b: "STRAßE Σ" },
  );
  check(
    { action: "lowercase", sourceLabels: ["a"], targetLabel: "b" },
    { a: "Straße Σ", b: "straße σ" },
  );
  check({ action: "keepequal", sourceLabels: ["a"], targetLabel: "b" }, undefined);
  check({ action: "dropequal", sourceLabels: ["c"], targetLabel: "d" }, undefined);
  check({ sourceLabels: ["c"], targetLabel: "b" }, { a: "Straße Σ" });
  check({ action: "labeldrop", regex: "a|c" }, { b: "x" });
});

describe("problems", () => {
  const check = (rule: Partial<RelabelRule>, want: string | undefined) =>
    test(want ?? "none", () => expect(relabelProblem({ ...relabelDefaults, ...rule })).toBe(want));
  check({ targetLabel: "a" }, undefined);
  check({ targetLabel: "a-${1}", nameScheme: "utf8" }, undefined);
  check(
    { targetLabel: "a-${1}", nameScheme: "legacy" },
    "\"a-${1}\" is invalid 'target_label' for replace action",
  );
  check({}, "relabel configuration for replace action requires 'target_label' value");
});
