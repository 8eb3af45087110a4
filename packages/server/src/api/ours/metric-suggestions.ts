/** What may stand where the cursor is in a query of PromQL: words of the language, and names and values of the data. */
import type { MetricSuggestion, MetricSuggestionsAnswer } from "@triptych/contract";
import {
  type CompletionQuestion,
  type CompletionSelector,
  completePromql,
  goQuote,
  type PromqlCompletion,
  type PromqlOption,
  parsePromql,
} from "@triptych/lang";
import { type Clock, TriptychError } from "@triptych/model";
import type { Ask, MetricsSource, SeriesMatcher } from "../../query/metrics/source.ts";
import { createPacing } from "../../query/pacing.ts";
import { compileRegex } from "../../regex/compile.ts";
import { parseTimeMs } from "../prometheus/params.ts";
import type { answerInfo } from "./answer-info.ts";
import { invalid, type QueryParams, quoted } from "./params.ts";

/** More than a list that is looked through by eye shows; who types on gets the rest. */
const NAMES_MAX = 100;
/** Of a grouping: each is a question to the data. */
const SELECTORS_MAX = 4;
const MATCHERS_MAX = 64;
/** A query of this length is no longer typed by hand, and reading it again with each key would cost. */
const CHECKED_CHARS_MAX = 20_000;
const RANGE_MS = 3_600_000;

interface Asked {
  readonly source: MetricsSource;
  readonly clock: Clock;
  readonly params: QueryParams;
  readonly ask: Ask & { readonly signal: AbortSignal };
  readonly info: ReturnType<typeof answerInfo>;
}

/** GET /metrics/suggestions?query&at&start&end */
export async function metricSuggestions(asked: Asked): Promise<MetricSuggestionsAnswer> {
  const { params, info } = asked;
  const text = params.text("query") ?? "";
  const at = Math.min(params.number("at", { min: 0 }) ?? text.length, text.length);
  const found = completePromql(text, Math.floor(at));
  const { names, total } = await namesOf(asked, found);
  const marks = total > names.length ? [`only ${names.length} of ${total} names are listed`] : [];
  return {
    ...info(marks),
    ...found.span,
    options: merged(names, found),
    ...problemOf(text),
  };
}

function rangeOf({ params, clock }: Asked): { fromMs: number; toMs: number } {
  const time = (name: string, fallback: number): number => {
    const given = params.text(name);
    if (given === undefined) return fallback;
    const ms = parseTimeMs(given);
    if (Number.isNaN(ms))
      throw invalid(`"${name}" is ${quoted(given)}, neither seconds since 1970 nor RFC 3339`);
    return ms;
  };
  const toMs = time("end", clock.nowMs());
  const fromMs = time("start", toMs - RANGE_MS);
  if (fromMs > toMs) throw invalid(`the range is empty: "start" must not be after "end"`);
  return { fromMs, toMs };
}

interface Names {
  readonly names: readonly MetricSuggestion[];
  /** How many fit, also those that are left out. */
  readonly total: number;
}

async function namesOf(asked: Asked, found: PromqlCompletion): Promise<Names> {
  const { question, prefix } = found;
  if (question === undefined) return { names: [], total: 0 };
  const all = await answerOf(asked, question, prefix);
  const { chosen, total } = await choose(all, prefix, asked.ask.signal);
  const plain = (kind: MetricSuggestion["kind"], write: (name: string) => string): Names => ({
    names: chosen.map((name) => ({ kind, text: write(name), detail: "", doc: "" })),
    total,
  });
  switch (question.kind) {
    case "metric":
      return { names: await withMetadata(asked, chosen), total };
    case "label_name":
      return plain("label", found.quoted ? goQuote : labelText);
    case "label_value":
      return plain("value", goQuote);
  }
}

/** Names that the data knows, in no order that matters. */
async function answerOf(
  asked: Asked,
  question: CompletionQuestion,
  prefix: string,
): Promise<Iterable<string>> {
  const { source, ask } = asked;
  const range = rangeOf(asked);
  switch (question.kind) {
    case "metric":
      return (await source.metricNames(prefix, range, ask)).map(({ metric }) => metric);
    case "label_value": {
      const matchers = matchersOf(question.selector);
      return source.labelValues(question.label, { matchers, range }, ask);
    }
    case "label_name": {
      const selectors = question.selectors.slice(0, SELECTORS_MAX).map(matchersOf);
      const found = new Set<string>();
      for (const matchers of selectors.length === 0 ? [[]] : selectors)
        for (const name of await source.labelNames(matchers, range, ask)) found.add(name);
      for (const name of ["__name__", ...question.used]) found.delete(name);
      return found;
    }
  }
}

/** What is half typed chooses nothing: a matcher without an operator, or a pattern that is not one yet. */
function matchersOf({ name, matchers }: CompletionSelector): SeriesMatcher[] {
  const own = matchers.slice(0, MATCHERS_MAX).flatMap((matcher): SeriesMatcher[] => {
    const { op } = matcher;
    if (op !== "=" && op !== "!=" && op !== "=~" && op !== "!~") return [];
    if ((op === "=~" || op === "!~") && !isPattern(matcher.value)) return [];
    return [{ name: matcher.name, op, value: matcher.value }];
  });
  return name === "" ? own : [{ name: "__name__", op: "=", value: name }, ...own];
}

function isPattern(text: string): boolean {
  try {
    compileRegex(text);
    return true;
  } catch {
    return false;
  }
}

/** Those that begin with what is typed, then those that hold it, each by name. */
async function choose(
  all: Iterable<string>,
  prefix: string,
  signal: AbortSignal,
): Promise<{ chosen: string[]; total: number }> {
  const wanted = prefix.toLowerCase();
  const begin = firstNames();
  const hold = firstNames();
  const pacing = createPacing(signal);
  let total = 0;
  let done = 0;
  for (const name of all) {
    const at = name.toLowerCase().indexOf(wanted);
    if (at >= 0) {
      (at === 0 ? begin : hold).add(name);
      total++;
    }
    if (++done % 256 === 0) await pacing.pause();
  }
  return { chosen: [...begin.take(), ...hold.take()].slice(0, NAMES_MAX), total };
}

/** The first of very many, without ever sorting all of them at once. */
function firstNames(): { add(name: string): void; take(): string[] } {
  let kept: string[] = [];
  const take = (): string[] => kept.sort().slice(0, NAMES_MAX);
  return {
    add(name) {
      if (kept.push(name) >= 2 * NAMES_MAX) kept = take();
    },
    take,
  };
}

/** With type and help, of the metric itself or of the family that it is a part of. */
async function withMetadata(
  { source, ask }: Asked,
  names: readonly string[],
): Promise<MetricSuggestion[]> {
  const familyOf = (name: string): string => name.replace(/_(?:total|bucket|count|sum)$/, "");
  const asked = [...new Set(names.flatMap((name) => [name, familyOf(name)]))];
  // An empty list would ask for all.
  const entries = asked.length === 0 ? [] : await source.metadata(asked, ask);
  const known = new Map(entries.map((entry) => [entry.family, entry]));
  return names.map((name) => {
    const entry = known.get(name) ?? known.get(familyOf(name));
    return {
      kind: "metric",
      text: metricText(name),
      detail: entry?.type ?? "",
      doc: entry?.help ?? "",
    };
  });
}

/** Words that begin with what is typed stand before the names, all others behind them. */
function merged(names: readonly MetricSuggestion[], found: PromqlCompletion): MetricSuggestion[] {
  const { options, prefix } = found;
  const begins = ({ text }: PromqlOption): boolean =>
    prefix !== "" && text.startsWith(prefix.toLowerCase());
  return [
    ...options.filter(begins).map(suggestionOf),
    ...names,
    ...options.filter((one) => !begins(one)).map(suggestionOf),
  ];
}

function suggestionOf({
  kind,
  text,
  signature,
  doc,
  experimental,
}: PromqlOption): MetricSuggestion {
  return { kind, text, detail: signature, doc, ...(experimental ? { experimental } : {}) };
}

const labelText = (name: string): string =>
  /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : goQuote(name);
const metricText = (name: string): string =>
  /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : `{${goQuote(name)}}`;

function problemOf(text: string): Pick<MetricSuggestionsAnswer, "problem"> {
  if (text.length > CHECKED_CHARS_MAX) return {};
  try {
    parsePromql(text, { compileRegex });
    return {};
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return { problem: { message: error.message, offset: error.offset ?? 0 } };
  }
}
