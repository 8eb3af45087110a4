/** What Tempo and oteldb publish of TraceQL: what parses, what is valid, and what is not. */
import { existsSync, readFileSync } from "node:fs";
import {
  parseTraceql,
  parseTraceqlIdentifier,
  printTraceql,
  validateTraceql,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { checkPattern } from "../../regex/regex.ts";

const root = new URL("../../../../../", import.meta.url);
const published = new URL("../shared/conformance/", root);
const there = existsSync(published);

interface Exception {
  readonly query: string;
  readonly list: string;
  readonly reason: string;
}
const exceptions: readonly Exception[] = JSON.parse(
  readFileSync(new URL("corpus/traceql/exceptions.json", root), "utf8"),
);

type Outcome = "valid" | "unsupported" | "validate_fails" | "parse_fails";

function outcomeOf(text: string): Outcome {
  let tree: ReturnType<typeof parseTraceql>;
  try {
    tree = parseTraceql(text);
  } catch (error) {
    expectRefusal(error, text);
    return "parse_fails";
  }
  const printed = printTraceql(tree);
  expect(printTraceql(parseTraceql(printed)), `${text} → ${printed}`).toBe(printed);
  try {
    validateTraceql(tree, checkPattern);
    return "valid";
  } catch (error) {
    expectRefusal(error, text);
    return (error as TriptychError).code === "query_unsupported" ? "unsupported" : "validate_fails";
  }
}

function expectRefusal(error: unknown, text: string): void {
  expect(error, text).toBeInstanceOf(TriptychError);
  const { offset = -1 } = error as TriptychError;
  expect(offset, text).toBeGreaterThanOrEqual(0);
  expect(offset, text).toBeLessThanOrEqual(text.length);
}

/** Queries of a list whose outcome is not one of those wanted, without the exceptions. */
function check(list: string, queries: readonly string[], wanted: readonly Outcome[]): void {
  const excepted = new Set(exceptions.filter((e) => e.list === list).map((e) => e.query));
  const wrong = queries.filter((query) => !wanted.includes(outcomeOf(query)));
  expect(wrong.filter((query) => !excepted.has(query))).toEqual([]);
  // An exception that is none any more must go.
  expect(
    [...excepted].filter((query) => queries.includes(query) && !wrong.includes(query)),
  ).toEqual([]);
}

test.skipIf(there)("skipped: ../shared/conformance is not there", () => {
  expect(there).toBe(false);
});

describe.skipIf(!there)("published expressions", () => {
  const read = (path: string): string => readFileSync(new URL(path, published), "utf8");
  const facts = (path: string) =>
    (JSON.parse(read(path)) as { cases: { input: string; ok: boolean; kind?: string }[] }).cases;

  test("Tempo's examples", () => {
    const examples = parseYaml(read("tempo-agpl/pkg/traceql/test_examples.yaml")) as {
      readonly [list in Outcome]: string[];
    };
    check("tempo-valid", examples.valid, ["valid"]);
    check("tempo-parse-fails", examples.parse_fails, ["parse_fails"]);
    check("tempo-validate-fails", examples.validate_fails, ["validate_fails"]);
    // What Tempo does not evaluate yet, we may.
    check("tempo-unsupported", examples.unsupported, ["unsupported", "valid"]);
  });

  test("Tempo's parser", () => {
    const cases = facts("traceql-parse-agpl/traceql_parse.json");
    const queries = cases.filter((c) => c.kind !== "identifier");
    const parses: Outcome[] = ["valid", "unsupported", "validate_fails"];
    check(
      "tempo-parser",
      queries.filter((c) => c.ok).map((c) => c.input),
      parses,
    );
    check(
      "tempo-parser",
      queries.filter((c) => !c.ok).map((c) => c.input),
      ["parse_fails"],
    );
    for (const { input } of cases.filter((c) => c.kind === "identifier"))
      expect(() => parseTraceqlIdentifier(input), input).toThrow(TriptychError);
  });

  test("oteldb's parser", () => {
    const cases = facts("oteldb-derived/traceql_parse.json");
    check(
      "oteldb",
      cases.filter((c) => c.ok).map((c) => c.input),
      ["valid", "unsupported"],
    );
    check(
      "oteldb",
      cases.filter((c) => !c.ok).map((c) => c.input),
      ["parse_fails", "validate_fails"],
    );
  });
});
