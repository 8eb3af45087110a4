import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  formatPromql,
  parsePromql,
  parseSeriesLine,
  printPromql,
  type PromqlExpr,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { expect, test } from "vitest";
import { compileRegex } from "../../regex/compile.ts";

const root = new URL("../../../../../", import.meta.url).pathname;
const data = join(root, "../shared/conformance/promql-parse");
const has = existsSync(data);
const casesOf = <T>(name: string): T[] =>
  (JSON.parse(readFileSync(join(data, name), "utf8")) as { cases: T[] }).cases;

interface ParseCase {
  readonly input: string;
  readonly ok: boolean;
  readonly root?: string;
  readonly errors?: readonly { readonly msg: string; readonly start: number | null }[];
}

const rootKinds: { readonly [kind in PromqlExpr["kind"]]: string } = {
  number: "NumberLiteral",
  string: "StringLiteral",
  vector_selector: "VectorSelector",
  matrix_selector: "MatrixSelector",
  subquery: "SubqueryExpr",
  paren: "ParenExpr",
  unary: "UnaryExpr",
  binary: "BinaryExpr",
  aggregate: "AggregateExpr",
  call: "Call",
};

/** Queries that this parser treats otherwise on purpose. */
const deliberate = new Map<string, string>([
  [
    '"\\a\\b\\f\\n\\r\\t\\v\\\\\\" - \\xFF\\377\\u1234\\U00010111\\U0001011111☺"',
    "texts are Unicode here: escapes for single bytes must make valid UTF-8",
  ],
]);

function outcome(input: string): string {
  try {
    return rootKinds[parsePromql(input, { compileRegex }).kind];
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return `${error.offset}: ${error.message}`;
  }
}

test.skipIf(has)("skipped: ../shared/conformance/promql-parse is not there", () => {
  expect(has).toBe(false);
});

test.runIf(has)("queries parse, or fail at their place with Prometheus's words", () => {
  const wrong: unknown[] = [];
  for (const { input, ok, root: want, errors } of casesOf<ParseCase>("promql_parse.json")) {
    // Broken bytes were replaced before the text came here; the character that replaces them is data.
    if (deliberate.has(input) || input.includes("\ufffd")) continue;
    const got = outcome(input);
    const [first] = errors ?? [];
    const at = first?.start == null ? "" : `${first.start}: `;
    const expected = ok ? want : first === undefined ? undefined : at + first.msg;
    const failed = /^\d+: /.test(got);
    // Some messages are given in part.
    const inPart = failed && got.startsWith(at) && got.includes(first?.msg ?? "");
    if (ok ? got !== expected : !inPart)
      wrong.push({ input: input.slice(0, 100), got: got.slice(0, 200), expected });
  }
  expect(wrong).toEqual([]);
});

test.runIf(has)("queries are printed as Prometheus prints them", () => {
  const wrong: unknown[] = [];
  interface FormatCase {
    readonly in: string;
    readonly out: string;
    readonly style: "string" | "pretty";
  }
  for (const one of casesOf<FormatCase>("promql_format.json")) {
    const expr = parsePromql(one.in, { compileRegex });
    // The cases break lines at ten characters.
    const got = one.style === "string" ? printPromql(expr) : formatPromql(expr, 10);
    if (got !== one.out) wrong.push({ in: one.in, got, out: one.out });
    const again = parsePromql(got, { compileRegex });
    expect(printPromql(again), one.in).toBe(printPromql(expr));
  }
  expect(wrong).toEqual([]);
});

test.runIf(has)("series lines of test scripts", () => {
  const wrong: unknown[] = [];
  interface SeriesCase {
    readonly input: string;
    readonly ok: boolean;
  }
  for (const { input, ok } of casesOf<SeriesCase>("series_notation_parse.json")) {
    let error = "";
    try {
      parseSeriesLine(input);
    } catch (thrown) {
      error = (thrown as Error).message;
    }
    if ((error === "") !== ok) wrong.push({ input, ok, error });
  }
  expect(wrong).toEqual([]);
});
