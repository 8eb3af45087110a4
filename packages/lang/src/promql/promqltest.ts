/**
 * Test scripts of PromQL in Prometheus's format: samples are loaded, queries evaluated and their results compared.
 * Each instant query is run again with its time fixed by `@`, and over a range around its time.
 */
import { childrenOf, type PromqlExpr } from "./ast.ts";
import { evaluatePromql, type PromqlValue } from "./evaluate.ts";
import { parseDurationMs } from "./go-format.ts";
import { parsePromql } from "./parser.ts";
import { printPromql } from "./printer.ts";
import { type Expectation, failureMatches, mismatch, notesMismatch } from "./promqltest-compare.ts";
import { parseSeriesLine, parseStartTimes } from "./promqltest-series.ts";
import type { PromqlSource } from "./series.ts";
import { customHistograms, type LoadedSample, TestStore } from "./promqltest-store.ts";
import type { CompileRegex } from "./regex.ts";
import type { Labels } from "./labels.ts";
import { placeOf, readQuoted } from "../source.ts";

export interface TestOptions {
  readonly compileRegex: CompileRegex;
  /** Tells whether a pattern matches somewhere in a text. */
  readonly matchesPart: (pattern: string, text: string) => boolean;
  readonly pause?: (() => Promise<void> | undefined) | undefined;
  /**
   * Where queries read what was loaded from, when not from memory: for those who keep samples elsewhere. Each query is
   * then run once and in no other form.
   */
  readonly sourceOf?: ((loaded: TestStore) => Promise<PromqlSource>) | undefined;
}

export interface EvalOutcome {
  /** From 1. */
  readonly line: number;
  readonly query: string;
  /** Absent: as expected. */
  readonly failure?: string | undefined;
}

interface EvalCommand extends Expectation {
  readonly query: string;
  readonly line: number;
}

/** Runs a script and tells of each `eval` how it went. Throws an `Error` when the script itself cannot be read. */
export async function runPromqlTest(script: string, options: TestOptions): Promise<EvalOutcome[]> {
  const lines = script.split("\n").map((line) => {
    const trimmed = line.trim();
    return trimmed.startsWith("#") ? "" : trimmed;
  });
  const outcomes: EvalOutcome[] = [];
  let store = new TestStore(options.compileRegex);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    if (line === "") continue;
    const end = lines.indexOf("", at);
    const block = lines.slice(at + 1, end < 0 ? lines.length : end);
    const command = line.split(/[\t ]+/)[0]?.toLowerCase() ?? "";
    if (command === "clear") {
      store = new TestStore(options.compileRegex);
      continue;
    }
    if (command.startsWith("load")) {
      load(store, line, block);
      at += block.length;
    } else if (command.startsWith("eval")) {
      const read = readEval(line, block, at + 1);
      at += read.used;
      outcomes.push(await runEval(read.command, store, options));
    } else {
      throw new Error(`line ${at + 1}: invalid command ${JSON.stringify(line)}`);
    }
    await options.pause?.();
  }
  return outcomes;
}

function load(store: TestStore, head: string, block: readonly string[]): void {
  const parts = /^load(?:_(with_nhcb))?\s+(.+?)$/i.exec(head);
  if (parts === null) throw new Error(`invalid load command: ${head}`);
  const stepMs = parseDurationMs(parts[2] as string);
  const loaded: { labels: Labels; samples: LoadedSample[] }[] = [];
  let starts: (number | undefined)[] = [];
  for (const line of block) {
    const started = /^(\S+)@st[ \t]+(.*)$/.exec(line);
    if (started !== null) {
      starts = parseStartTimes(started[2] as string);
      continue;
    }
    const { labels, values } = parseSeriesLine(line);
    const samples = values.flatMap((value, i): LoadedSample[] => {
      if (value === undefined) return [];
      const timeMs = i * stepMs;
      const start = starts[i];
      return [{ timeMs, startMs: start === undefined ? 0 : timeMs + start, value: value.value }];
    });
    starts = [];
    loaded.push({ labels, samples });
  }
  // A line stands for its series: the last one counts.
  const last = new Map(loaded.map((one) => [one.labels.key, one]));
  for (const { labels, samples } of last.values()) store.add(labels, samples);
  if (parts[1] !== undefined)
    for (const { labels, samples } of customHistograms([...last.values()]))
      store.add(labels, samples);
}

const INSTANT = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$/;
const RANGE =
  /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$/;
const EXPECT = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$/;
const EXPECT_RANGE = /^expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$/;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readEval(
  head: string,
  block: readonly string[],
  line: number,
): { command: EvalCommand; used: number } {
  const instant = INSTANT.exec(head);
  const range = instant === null ? RANGE.exec(head) : null;
  if (instant === null && range === null)
    throw new Error(`line ${line}: invalid evaluation command`);
  const mode = (instant ?? range)?.[1];
  const startMs = parseDurationMs((instant?.[2] ?? range?.[2] ?? "0").trim());
  const command: Mutable<EvalCommand> = {
    query: (instant?.[3] ?? range?.[5]) as string,
    line,
    startMs,
    endMs: range === null ? startMs : parseDurationMs(range[3] as string),
    stepMs: range === null ? 0 : parseDurationMs(range[4] as string),
    isRange: range !== null,
    isMatrix: false,
    ordered: mode === "ordered",
    fail: mode === "fail",
    notes: mode === "warn" || mode === "info" ? [{ kind: mode }] : [],
    series: [],
  };
  let used = 0;
  for (const text of block) {
    used++;
    if (readExpectation(command, text)) continue;
    if (/^[+-]?(?:0x[0-9a-f]+|inf|nan|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.test(text)) {
      command.scalar = scalarOf(text);
      break;
    }
    command.series = [...command.series, parseSeriesLine(text)];
  }
  return { command, used };
}

function scalarOf(text: string): number {
  if (/inf/i.test(text))
    return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}

function readExpectation(command: Mutable<EvalCommand>, text: string): boolean {
  const failMessage = /^expected_fail_(message|regexp)\s*(.*)$/.exec(text);
  if (failMessage !== null) {
    const by = failMessage[1] === "message" ? "msg" : "regex";
    command.failNote = { by, text: (failMessage[2] as string).trim() };
    return true;
  }
  const range = EXPECT_RANGE.exec(text);
  if (range !== null) {
    command.startMs = parseDurationMs(range[1] as string);
    command.endMs = parseDurationMs(range[2] as string);
    command.stepMs = parseDurationMs(range[3] as string);
    command.isMatrix = true;
    return true;
  }
  if (text.startsWith("expect string ")) {
    command.string = readQuoted(text, "expect string ".length).value;
    return true;
  }
  if (text.split(" ")[0] !== "expect") return false;
  const parts = EXPECT.exec(text);
  if (parts === null) throw new Error(`invalid expect statement: ${text}`);
  const kind = parts[1] as "ordered" | "fail" | "warn" | "no_warn" | "info" | "no_info";
  const by = parts[2] as "msg" | "regex" | undefined;
  const note = { by, text: parts[3]?.trim() };
  if (kind === "ordered") command.ordered = true;
  else if (kind === "fail") {
    command.fail = true;
    command.failNote = note;
  } else command.notes = [...command.notes, { kind, ...note }];
  return true;
}

interface Variant {
  readonly query: string;
  readonly atMs: number;
}

async function runEval(
  command: EvalCommand,
  store: TestStore,
  options: TestOptions,
): Promise<EvalOutcome> {
  const { line, query } = command;
  const outcome = (failure: string | undefined): EvalOutcome =>
    failure === undefined ? { line, query } : { line, query, failure };
  try {
    if (command.isRange) return outcome(await runRange(command, store, options));
    const atMs = command.isMatrix ? command.endMs : command.startMs;
    const others = options.sourceOf === undefined ? fixedVariants(command, atMs, options) : [];
    const variants: Variant[] = [{ query, atMs }, ...others];
    for (const variant of variants) {
      const failure = await runInstant(command, variant, { store, options });
      if (failure !== undefined) return outcome(`${failure} [${variant.query} at ${variant.atMs}]`);
    }
    return outcome(undefined);
  } catch (error) {
    return outcome(
      `unexpected error: ${error instanceof Error ? (error.stack ?? "") : String(error)}`,
    );
  }
}

interface Environment {
  readonly store: TestStore;
  readonly options: TestOptions;
}

/** As Prometheus words it: mistakes in the text come with their place. */
function messageOf(error: unknown, query: string): string {
  if (!(error instanceof Error)) return String(error);
  const offset = (error as { offset?: number }).offset;
  if (offset === undefined) return error.message;
  const { line, column } = placeOf(query, offset);
  return `${line}:${column}: parse error: ${error.message}`;
}

async function evaluateAt(
  query: string,
  times: { readonly startMs: number; readonly endMs: number; readonly stepMs?: number },
  { store, options }: Environment,
): Promise<{
  value?: PromqlValue;
  error?: string;
  texts: { warnings: string[]; infos: string[] };
}> {
  const { compileRegex, pause } = options;
  try {
    const expr = parsePromql(query, { compileRegex });
    const source = (await options.sourceOf?.(store)) ?? store;
    const result = await evaluatePromql(expr, { ...times, compileRegex, pause }, source);
    return { value: result.value, texts: result.annotations.texts(query) };
  } catch (error) {
    if (error instanceof Error && error.name !== "TriptychError" && !("code" in error)) throw error;
    return { error: messageOf(error, query), texts: { warnings: [], infos: [] } };
  }
}

async function runRange(
  command: EvalCommand,
  store: TestStore,
  options: TestOptions,
): Promise<string | undefined> {
  const { query, startMs, endMs, stepMs } = command;
  const result = await evaluateAt(query, { startMs, endMs, stepMs }, { store, options });
  if (result.value === undefined) return failureMatches(command, result.error ?? "", options);
  if (command.fail) return "expected an error, but there was none";
  return notesMismatch(command, result.texts, options) ?? mismatch(command, result.value);
}

async function runInstant(
  command: EvalCommand,
  { query, atMs }: Variant,
  environment: Environment,
): Promise<string | undefined> {
  const { options } = environment;
  const result = await evaluateAt(query, { startMs: atMs, endMs: atMs }, environment);
  if (result.value === undefined) return failureMatches(command, result.error ?? "", options);
  if (command.fail) return "expected an error, but there was none";
  const failure = notesMismatch(command, result.texts, options) ?? mismatch(command, result.value);
  if (failure !== undefined || options.sourceOf !== undefined) return failure;
  if (command.isMatrix || command.string !== undefined || command.ordered) return undefined;
  if (/(?:start|end|range|step)\(\)/.test(query)) return undefined;
  return checkInRange(command, { query, atMs }, { environment, value: result.value });
}

/** The middle step of a range around the time must be what the instant gives. */
async function checkInRange(
  command: EvalCommand,
  { query, atMs }: Variant,
  { environment, value }: { readonly environment: Environment; readonly value: PromqlValue },
): Promise<string | undefined> {
  const times = { startMs: atMs - 60_000, endMs: atMs + 60_000, stepMs: 60_000 };
  const result = await evaluateAt(query, times, environment);
  if (result.value?.kind !== "range") return `in range mode: ${result.error ?? "no range"}`;
  const rows = result.value.rows.flatMap((row) => {
    const kind = row.kind.slice(1, 2);
    if (kind[0] === 0) return [];
    return [
      { ...row, kind, value: row.value.slice(1, 2), histograms: row.histograms?.slice(1, 2) },
    ];
  });
  const middle: PromqlValue =
    value.kind === "scalar"
      ? { kind: "scalar", value: rows[0]?.value[0] ?? Number.NaN }
      : { kind: "vector", rows };
  const failure = mismatch(command, middle);
  return failure === undefined ? undefined : `in range mode: ${failure}`;
}

/** The query with `@` at each selector that has none, asked at other times. */
function fixedVariants(command: EvalCommand, atMs: number, options: TestOptions): Variant[] {
  let expr: PromqlExpr;
  try {
    expr = parsePromql(command.query, { compileRegex: options.compileRegex });
  } catch {
    return [];
  }
  if (dependsOnTime(expr)) return [];
  const query = printPromql(fixAt(expr, atMs));
  const times =
    atMs === 0 ? [-1000, 0, 1000] : [-10 * atMs, 0, Math.trunc(atMs / 5), atMs, 10 * atMs];
  return times.map((time) => ({ query, atMs: time }));
}

/** What stands in a subquery whose time is fixed is not looked at. */
function dependsOnTime(expr: PromqlExpr): boolean {
  if (expr.kind === "call" && expr.func.timeDependent) return true;
  if (expr.kind === "subquery") return false;
  return childrenOf(expr).some(dependsOnTime);
}

function fixAt(expr: PromqlExpr, atMs: number): PromqlExpr {
  const fix = (child: PromqlExpr): PromqlExpr => fixAt(child, atMs);
  switch (expr.kind) {
    case "vector_selector":
      return { ...expr, at: expr.at ?? atMs };
    case "matrix_selector":
      return { ...expr, selector: { ...expr.selector, at: expr.selector.at ?? atMs } };
    case "subquery":
      return { ...expr, at: expr.at ?? atMs };
    case "paren":
    case "unary":
      return { ...expr, expr: fix(expr.expr) };
    case "binary":
      return { ...expr, left: fix(expr.left), right: fix(expr.right) };
    case "call":
      return { ...expr, args: expr.args.map(fix) };
    case "aggregate":
      return { ...expr, expr: fix(expr.expr), param: expr.param && fix(expr.param) };
    default:
      return expr;
  }
}
