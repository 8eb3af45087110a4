/** Relabelling as a whole: rules as the file has them, with the engine that runs them. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compileRelabel, type RelabelRule, relabelDefaults } from "@triptych/lang";
import { describe, expect, test } from "vitest";
import { compileRegex } from "../../regex/compile.ts";

const file = fileURLToPath(
  new URL("../../../../../../shared/conformance/prometheus-relabel/relabel.json", import.meta.url),
);

interface Case {
  readonly input: { readonly [name: string]: string };
  readonly relabel_configs: readonly {
    readonly action: RelabelRule["action"];
    readonly regex?: string;
    readonly separator?: string;
    readonly source_labels?: readonly string[];
    readonly target_label?: string;
    readonly replacement?: string;
    readonly modulus?: number;
  }[];
  readonly drop: boolean;
  readonly output: { readonly [name: string]: string } | null;
  readonly line: number;
}

describe.skipIf(!existsSync(file))("Prometheus' own cases", () => {
  if (!existsSync(file)) return;
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as { readonly cases: readonly Case[] };
  for (const { input, relabel_configs, drop, output, line } of cases)
    test(`line ${line}`, () => {
      const rules = relabel_configs.map(
        (one): RelabelRule => ({
          action: one.action,
          regex: one.regex ?? relabelDefaults.regex,
          separator: one.separator ?? relabelDefaults.separator,
          sourceLabels: one.source_labels ?? [],
          targetLabel: one.target_label ?? "",
          replacement: one.replacement ?? relabelDefaults.replacement,
          modulus: BigInt(one.modulus ?? 0),
          nameScheme: "utf8",
        }),
      );
      const labels = new Map(Object.entries(input).filter(([, value]) => value !== ""));
      expect(compileRelabel(rules, compileRegex)(labels)).toBe(!drop);
      if (!drop) expect(Object.fromEntries(labels)).toEqual(output);
    });
});

describe("a pattern that would take long elsewhere", () => {
  const text = `${"a".repeat(100_000)}!`;
  for (const regex of ["(a+)+$", "(a|a)*b", "(.*)*x", "(a|aa)+$"])
    test(regex, () => {
      const rule = { ...relabelDefaults, regex, sourceLabels: ["x"], targetLabel: "y" };
      const labels = new Map([["x", text]]);
      expect(compileRelabel([rule], compileRegex)(labels)).toBe(true);
      expect(labels.has("y")).toBe(false);
    });
});
