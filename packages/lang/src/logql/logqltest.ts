/**
 * Runs Loki's test scripts: `clear`, `load` with lines of log streams, `eval` with what a query must give. Line based;
 * `#` begins a comment.
 */
import { parseDurationMs } from "../promql/go-format.ts";
import { compareLabels, type Labels, labelsOf, printLabels } from "../promql/labels.ts";
import type { CompileRegex } from "../promql/regex.ts";
import { FLOAT, type Row } from "../promql/rows.ts";
import { checkLogql } from "./check.ts";
import { evaluateLogql, type LogqlValue } from "./evaluate.ts";
import type { PipelineDeps } from "./line.ts";
import { parseLogql } from "./parser.ts";
import { expandPoints, LogqlTestStore } from "./logqltest-store.ts";

export interface LogqlOutcome {
  /** Line of the `eval`, from 1. */
  readonly line: number;
  readonly query: string;
  /** What went wrong; absent when all is as expected. */
  readonly failure: string | undefined;
}

export interface LogqlTestOptions {
  readonly deps: PipelineDeps;
  readonly compileRegex: CompileRegex;
  /** Tells whether a pattern matches somewhere in a text, for `expect fail regex:`. */
  readonly matchesPart: (pattern: string, text: string) => boolean;
  readonly pause?: (() => Promise<void> | undefined) | undefined;
}

interface Expected {
  readonly labels: Labels;
  readonly points: readonly (number | undefined)[];
}

interface Case {
  readonly line: number;
  readonly query: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number | undefined;
  readonly series: Expected[];
  scalar: number | undefined;
  fail: { readonly kind: "msg" | "regex" | "any"; readonly text: string } | undefined;
  isOrdered: boolean;
}

/** Throws an `Error` for a script that cannot be read. */
export async function runLogqlTest(
  script: string,
  options: LogqlTestOptions,
): Promise<LogqlOutcome[]> {
  const lines = script.split(/\r?\n/);
  const store = new LogqlTestStore(options.deps.regexes);
  const outcomes: LogqlOutcome[] = [];
  for (let at = 0; at < lines.length; ) {
    const text = (lines[at] ?? "").trim();
    const number = at + 1;
    at++;
    if (text === "" || text.startsWith("#")) continue;
    const block: string[] = [];
    while (at < lines.length && /^[ \t]/.test(lines[at] ?? "")) {
      const inner = (lines[at] ?? "").trim();
      if (inner !== "" && !inner.startsWith("#")) block.push(inner);
      at++;
    }
    const word = /^\w+/.exec(text)?.[0];
    try {
      if (word === "clear") store.clear();
      else if (word === "load") for (const line of block) store.load(line);
      else if (word === "eval")
        outcomes.push(await runCase(readCase(text, number, block), store, options));
      else throw new Error(`invalid command ${JSON.stringify(text)}`);
    } catch (error) {
      throw new Error(`line ${number}: ${(error as Error).message}`);
    }
  }
  return outcomes;
}

const INSTANT = /^eval\s+instant\s+at\s+(\S+)\s+(.*)$/s;
const RANGE = /^eval\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.*)$/s;

function readCase(text: string, line: number, block: readonly string[]): Case {
  const instant = INSTANT.exec(text);
  const range = RANGE.exec(text);
  const common = { line, series: [], scalar: undefined, fail: undefined, isOrdered: false };
  let made: Case;
  if (instant !== null) {
    const atMs = parseDurationMs(instant[1] ?? "");
    made = { ...common, query: instant[2] ?? "", startMs: atMs, endMs: atMs, stepMs: undefined };
  } else if (range !== null) {
    const [, from = "", to = "", step = "", query = ""] = range;
    const times = { startMs: parseDurationMs(from), endMs: parseDurationMs(to) };
    made = { ...common, query, ...times, stepMs: parseDurationMs(step) };
  } else {
    throw new Error(`invalid eval ${JSON.stringify(text)}`);
  }
  for (const expectation of block) readExpectation(made, expectation);
  return made;
}

function readExpectation(made: Case, text: string): void {
  if (/^skip\b/.test(text)) return;
  const expect = /^expect\s+(\w+)\s*(?:(msg|regex):\s*(.*))?/s.exec(text);
  if (expect !== null) {
    const [, what, kind, detail = ""] = expect;
    if (what === "fail") {
      made.fail = { kind: (kind as "msg" | "regex" | undefined) ?? "any", text: detail.trim() };
    } else if (what === "ordered") made.isOrdered = true;
    else if (what !== "empty") throw new Error(`invalid expectation ${JSON.stringify(text)}`);
    return;
  }
  if (text.startsWith("{")) {
    const { pairs, rest } = LogqlTestStore.labels(text);
    made.series.push({ labels: labelsOf(pairs), points: expandPoints(rest) });
    return;
  }
  const [value] = expandPoints(text);
  if (value === undefined) throw new Error(`invalid result ${JSON.stringify(text)}`);
  made.scalar = value;
}

async function runCase(
  test: Case,
  store: LogqlTestStore,
  options: LogqlTestOptions,
): Promise<LogqlOutcome> {
  const { line, query } = test;
  let value: LogqlValue;
  try {
    const expr = parseLogql(query);
    checkLogql(expr, options.deps);
    if (expr.kind === "log_query") throw new Error("only metric queries are tested");
    const { deps, compileRegex, pause } = options;
    const { startMs, endMs, stepMs } = test;
    value = await evaluateLogql(expr, { startMs, endMs, stepMs, deps, compileRegex, pause }, store);
  } catch (error) {
    return { line, query, failure: failureOf(test, (error as Error).message, options) };
  }
  const failure =
    test.fail === undefined
      ? mismatch(test, value)
      : `expected to fail with ${JSON.stringify(test.fail.text)}, it does not`;
  return { line, query, failure };
}

function failureOf({ fail }: Case, message: string, options: LogqlTestOptions): string | undefined {
  if (fail === undefined) return `it fails: ${message}`;
  const isIt =
    fail.kind === "any" ||
    (fail.kind === "msg" ? message.includes(fail.text) : options.matchesPart(fail.text, message));
  return isIt
    ? undefined
    : `expected to fail with ${JSON.stringify(fail.text)}, it fails with ${JSON.stringify(message)}`;
}

function mismatch(test: Case, value: LogqlValue): string | undefined {
  if (value.kind === "scalar") {
    return test.scalar !== undefined && isSame(test.scalar, value.value)
      ? undefined
      : `expected ${String(test.scalar)}, got ${value.value}`;
  }
  const { rows } = value;
  const wanted = [...test.series];
  if (test.scalar !== undefined) wanted.push({ labels: labelsOf([]), points: [test.scalar] });
  if (!test.isOrdered) wanted.sort((a, b) => compareLabels(a.labels, b.labels));
  const given = test.isOrdered ? rows : [...rows].sort((a, b) => compareLabels(a.labels, b.labels));
  for (let i = 0; i < Math.max(wanted.length, given.length); i++) {
    const want = wanted[i];
    const got = given[i];
    const texts = [
      want && shown(want.labels, want.points),
      got && shown(got.labels, pointsOf(got)),
    ];
    const isEqual =
      want !== undefined &&
      got !== undefined &&
      want.labels.key === got.labels.key &&
      samePoints(want.points, pointsOf(got));
    if (!isEqual)
      return `expected ${texts[0] ?? "nothing more"}, got ${texts[1] ?? "nothing more"}`;
  }
  return undefined;
}

const shown = (labels: Labels, points: readonly (number | undefined)[]): string =>
  `${printLabels(labels)} ${points.map((point) => point ?? "_").join(" ")}`;

const pointsOf = (row: Row): (number | undefined)[] =>
  Array.from(row.kind, (kind, step) => (kind === FLOAT ? row.value[step] : undefined));

/** Steps that are not written have no value. */
function samePoints(
  want: readonly (number | undefined)[],
  got: readonly (number | undefined)[],
): boolean {
  for (let i = 0; i < Math.max(want.length, got.length); i++) {
    const a = want[i];
    const b = got[i];
    if (a === undefined || b === undefined ? a !== b : !isSame(a, b)) return false;
  }
  return true;
}

const EPSILON = 1e-6;

function isSame(a: number, b: number): boolean {
  if (Object.is(a, b) || a === b) return true;
  return Math.abs(a - b) <= EPSILON * Math.max(Math.abs(a), Math.abs(b));
}
