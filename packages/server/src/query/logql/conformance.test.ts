import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { checkLogql, parseLogql, parseStreamSelector } from "@triptych/lang";
import { describe, expect, test } from "vitest";
import { pipelineDeps } from "./pipeline-deps.ts";
import { runLogqlScript } from "./run-script.ts";

const root = new URL("../../../../../", import.meta.url).pathname;
const published = join(root, "../shared/conformance");
const scriptsDir = join(published, "loki-agpl/pkg/logql/internal/logqltest/testdata");
const own = join(root, "corpus/logql");
const deps = pipelineDeps({ nowMs: () => 0 });

interface Exception {
  readonly input: string;
  readonly reason: string;
}
const exceptions = JSON.parse(readFileSync(join(own, "exceptions.json"), "utf8")) as {
  readonly parse: readonly Exception[];
};
const excepted = new Set(exceptions.parse.map((one) => one.input));

const scriptsOf = (dir: string): string[] =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((name) => name.endsWith(".logqltest"))
        .sort()
        .map((name) => join(dir, name))
    : [];

for (const [name, dir] of [
  ["our scripts", own],
  ["Loki's scripts", scriptsDir],
] as const)
  describe(name, () => {
    const scripts = scriptsOf(dir);
    test.skipIf(scripts.length > 0)("skipped: ../shared/conformance is not there", () => {
      expect(scripts).toEqual([]);
    });
    for (const file of scripts)
      test(basename(file), async () => {
        const outcomes = await runLogqlScript(readFileSync(file, "utf8"));
        expect(outcomes.length).toBeGreaterThan(0);
        expect(outcomes.filter((one) => one.failure !== undefined)).toEqual([]);
      });
  });

interface ParseCase {
  readonly input: string;
  readonly ok: boolean;
  readonly kind?: string;
  readonly table: string;
}

/** What must parse is parsed only; what must fail may do so when it is compiled. */
function outcome(one: ParseCase): boolean {
  try {
    if (one.kind === "matchers" || one.table === "TestParseMatchers")
      parseStreamSelector(one.input);
    const expr = parseLogql(one.input);
    if (!one.ok) checkLogql(expr, deps);
    return true;
  } catch {
    return false;
  }
}

describe("what must parse and what must fail", () => {
  const files = ["logql-parse-agpl/logql_parse.json", "oteldb-derived/logql_parse.json"]
    .map((name) => join(published, name))
    .filter((name) => existsSync(name));
  test.skipIf(files.length > 0)("skipped: ../shared/conformance is not there", () => {
    expect(files).toEqual([]);
  });
  for (const file of files)
    test(file.slice(published.length), () => {
      const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: ParseCase[] };
      const wrong = cases.filter((one) => outcome(one) !== one.ok);
      expect(wrong.filter((one) => !excepted.has(one.input))).toEqual([]);
      const right = cases.filter((one) => outcome(one) === one.ok);
      expect(right.filter((one) => excepted.has(one.input))).toEqual([]);
    });
});
