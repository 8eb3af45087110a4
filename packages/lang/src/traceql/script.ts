/**
 * Test scripts of TraceQL. Lines that begin with a blank belong to the line above; `#` begins a comment line.
 *
 *     clear
 *     load
 *       t1 s1 - start=0s duration=2s service=shop name="GET /" kind=server status=ok span.n=3 resource.x="y"
 *       t1 s2 s1 …                       trace, span, parent or `-`, then fields
 *       t1 s3 s1 event=a event.n=1 event=b link=- link.r="x"
 *     search { name = "GET /" }
 *       t1: s1 s2 | s3                   spansets, apart by `|`; no line when nothing is found
 *     metrics from 0s to 60s step 20s {} | rate()
 *       {name="x"} 1 _ 2.5               `_` where there is no value
 *     print {.a=1}
 *       { .a = 1 }
 *     fail { status }                    may be followed by a part of the message
 */
import { TriptychError } from "@triptych/model";
import type { CompileRegex } from "../promql/regex.ts";
import { invalidAt } from "../source.ts";
import { durationNs } from "./duration.ts";
import { parseLiteral } from "./field-parser.ts";
import { metricsMemory, searchMemory } from "./memory-search.ts";
import { type MemorySpan, memoryTable } from "./memory-table.ts";
import { parseTraceql } from "./parser.ts";
import { printTraceql } from "./printer.ts";
import type { Intervals } from "./series.ts";
import { type Static, showStatic } from "./static.ts";
import { TokenStream } from "./tokens.ts";
import { type CheckRegex, validateTraceql } from "./validate.ts";

export interface TraceqlOutcome {
  /** From 1. */
  readonly line: number;
  readonly query: string;
  /** What went wrong; absent when all was as expected. */
  readonly failure?: string | undefined;
}

export interface ScriptOptions {
  readonly compileRegex: CompileRegex;
  readonly checkRegex: CheckRegex;
}

interface Command {
  readonly line: number;
  readonly text: string;
  readonly body: readonly string[];
}

export function runTraceqlScript(text: string, options: ScriptOptions): TraceqlOutcome[] {
  let spans: MemorySpan[] = [];
  const outcomes: TraceqlOutcome[] = [];
  for (const command of commandsOf(text)) {
    const [word = ""] = command.text.split(" ", 1);
    const rest = command.text.slice(word.length).trim();
    if (word === "clear") spans = [];
    else if (word === "load")
      spans = [...spans, ...command.body.map((line) => spanOf(line, command.line))];
    else
      outcomes.push({
        line: command.line,
        query: rest,
        failure: checked(word, rest, command, spans, options),
      });
  }
  return outcomes;
}

function commandsOf(text: string): Command[] {
  const out: { line: number; text: string; body: string[] }[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    if (!/^\s/.test(line)) out.push({ line: i + 1, text: line.trim(), body: [] });
    else if (out.length === 0) throw new Error(`line ${i + 1} belongs to nothing`);
    else out.at(-1)?.body.push(line.trim());
  }
  return out;
}

function checked(
  word: string,
  rest: string,
  command: Command,
  spans: readonly MemorySpan[],
  options: ScriptOptions,
): string | undefined {
  try {
    const got = resultOf(word, rest, spans, options);
    if (word === "fail") return "expected a failure, got none";
    const wanted = command.body.map((line) => line.trim());
    const same = JSON.stringify([...got].sort()) === JSON.stringify([...wanted].sort());
    return same ? undefined : `expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`;
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    const [part] = command.body;
    if (word !== "fail") return error.message;
    return part === undefined || error.message.includes(part)
      ? undefined
      : `expected a failure with ${JSON.stringify(part)}, got ${error.message}`;
  }
}

function resultOf(
  word: string,
  rest: string,
  spans: readonly MemorySpan[],
  options: ScriptOptions,
): string[] {
  switch (word) {
    case "search":
      return searched(rest, spans, options);
    case "metrics":
      return measured(rest, spans, options);
    case "print":
      return [printTraceql(parseTraceql(rest))];
    case "fail":
      validateTraceql(parseTraceql(rest), options.checkRegex);
      return [];
    default:
      throw new Error(`unknown command ${JSON.stringify(word)}`);
  }
}

function searched(text: string, spans: readonly MemorySpan[], options: ScriptOptions): string[] {
  const query = parseTraceql(text);
  validateTraceql(query, options.checkRegex);
  if (query.kind !== "spansets") throw invalidAt(0, "a metrics query cannot be searched");
  const table = memoryTable(spans);
  return searchMemory(table, query.pipeline, options.compileRegex).map(({ traceId, spansets }) => {
    const sets = spansets.map(({ rows }) =>
      rows.map((row) => table.spans[row]?.spanId ?? "").join(" "),
    );
    return `${traceId}: ${sets.join(" | ")}`;
  });
}

const METRICS = /^from (\S+) to (\S+) step (\S+) (.*)$/;

function measured(text: string, spans: readonly MemorySpan[], options: ScriptOptions): string[] {
  const [, from = "", to = "", step = "", queryText = ""] = METRICS.exec(text) ?? [];
  const startNs = nsOf(from);
  const endNs = nsOf(to);
  const stepNs = nsOf(step);
  const query = parseTraceql(queryText);
  validateTraceql(query, options.checkRegex);
  if (query.kind !== "metrics") throw invalidAt(0, "not a metrics query");
  const intervals: Intervals = {
    startNs,
    endNs,
    stepNs,
    count: Number((endNs - startNs + stepNs - 1n) / stepNs),
    instant: false,
  };
  return metricsMemory(
    memoryTable(spans),
    { expr: query.expr, intervals },
    options.compileRegex,
  ).map(({ labels, values }) => {
    const named = labels
      .map(({ name, value }) => `${name}=${JSON.stringify(showStatic(value))}`)
      .join(", ");
    return `{${named}} ${[...values].map((value) => (Number.isNaN(value) ? "_" : String(value))).join(" ")}`;
  });
}

function nsOf(text: string): bigint {
  const ns = durationNs(text);
  if (ns === undefined) throw new Error(`${JSON.stringify(text)} is not a duration`);
  return BigInt(ns);
}

const FIELD = /\s*([^\s=]+)=("(?:[^"\\]|\\.)*"|\S+)/y;

function spanOf(text: string, line: number): MemorySpan {
  const [, traceId, spanId = "", parent = "-", fieldText = ""] =
    /^(\S+)\s+(\S+)\s+(\S+)(.*)$/.exec(text) ?? [];
  if (traceId === undefined)
    throw new Error(`line ${line}: a span is written as: trace id parent field=value …`);
  const fields = new Map<string, string>();
  const events: { name: string; attributes: Map<string, Static> }[] = [];
  const links: { attributes: Map<string, Static> }[] = [];
  for (let at = 0; at < fieldText.trimEnd().length; at = FIELD.lastIndex) {
    FIELD.lastIndex = at;
    const found = FIELD.exec(fieldText);
    if (found === null)
      throw new Error(`line ${line}: ${JSON.stringify(fieldText.slice(at))} is not a field`);
    const [, key = "", value = ""] = found;
    // Attributes belong to the event or link that was named last.
    if (key === "event") events.push({ name: plain(value), attributes: new Map() });
    else if (key === "link") links.push({ attributes: new Map() });
    else if (key.startsWith("event.")) {
      if (events.length === 0) events.push({ name: "", attributes: new Map() });
      events.at(-1)?.attributes.set(key.slice(6), literal(value));
    } else if (key.startsWith("link.")) {
      if (links.length === 0) links.push({ attributes: new Map() });
      links.at(-1)?.attributes.set(key.slice(5), literal(value));
    } else fields.set(key, value);
  }
  const text1 = (name: string): string => plain(fields.get(name) ?? "");
  const attributes = (prefix: string): Map<string, Static> =>
    new Map(
      [...fields]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => [key.slice(prefix.length), literal(value)]),
    );
  const service = text1("service");
  const resource = attributes("resource.");
  if (service !== "") resource.set("service.name", { type: "string", value: service });
  const startNs = nsOf(text1("start") || "0s");
  return {
    traceId,
    spanId,
    parentId: parent === "-" ? "" : parent,
    name: text1("name"),
    service,
    kind: (text1("kind") || "unspecified") as MemorySpan["kind"],
    status: (text1("status") || "unset") as MemorySpan["status"],
    statusMessage: text1("statusMessage"),
    startNs,
    durationNs: Number(nsOf(text1("duration") || "0s")),
    scopeName: text1("scope"),
    scopeVersion: "",
    attributes: attributes("span."),
    resource,
    scope: attributes("instrumentation."),
    events: events.map((event) => ({ ...event, timeNs: startNs })),
    links: links.map((link) => ({ ...link, traceId: "", spanId: "" })),
  };
}

function plain(text: string): string {
  return text.startsWith('"') ? (literal(text) as { value: string }).value : text;
}

function literal(text: string): Static {
  return parseLiteral(new TokenStream(text)).value;
}
