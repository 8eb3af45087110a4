/**
 * What belongs where the cursor stands in a query that is being typed, and need not be whole: words of the language
 * with what they mean, and what only the data can tell, names of metrics and labels and their values.
 */
import type { Span } from "../source.ts";
import type { ValueType } from "./ast.ts";
import {
  type Before,
  type Place,
  type Scan,
  scanTyped,
  type TypedSelector,
  wantsOperand,
} from "./completion-scan.ts";
import { functionNamed, functions } from "./functions/registry.ts";
import { signatureOf } from "./functions/spec.ts";
import { METRIC_NAME } from "./labels.ts";
import { aggregations, binaryOperators, durationUnits, modifiers, type Word } from "./words.ts";

export interface PromqlOption {
  readonly kind: "function" | "aggregation" | "operator" | "keyword" | "duration";
  /** What is written. */
  readonly text: string;
  /** Of functions and aggregations; else "". */
  readonly signature: string;
  /** One sentence. */
  readonly doc: string;
  readonly experimental: boolean;
}

/** A selector whose series are meant; without name and matchers all series. */
export interface CompletionSelector {
  readonly name: string;
  readonly matchers: readonly {
    readonly name: string;
    readonly op: string;
    readonly value: string;
  }[];
}

/** What the data knows of. */
export type CompletionQuestion =
  | { readonly kind: "metric" }
  /** Of any of the selectors; of all series when there is none. `used` are there already. */
  | {
      readonly kind: "label_name";
      readonly selectors: readonly CompletionSelector[];
      readonly used: readonly string[];
    }
  | { readonly kind: "label_value"; readonly label: string; readonly selector: CompletionSelector };

export interface PromqlCompletion {
  /** What a suggestion takes the place of. */
  readonly span: Span;
  /** What is there of it already, before the cursor and without quotes. */
  readonly prefix: string;
  /** Whether names and values of the data are to be written as a text in quotes. */
  readonly quoted: boolean;
  readonly question: CompletionQuestion | undefined;
  /** Words of the language that fit the prefix, likeliest first. */
  readonly options: readonly PromqlOption[];
}

/** Looks at this much before and behind the cursor: more than anybody types, and little enough for every key press. */
const BEFORE_MAX = 20_000;
const AFTER_MAX = 5_000;

/** `at`: offset of the cursor in `text`. Never throws. */
export function completePromql(text: string, at: number): PromqlCompletion {
  const cursor = Math.min(Math.max(0, at), text.length);
  const from = Math.max(0, cursor - BEFORE_MAX);
  const scan = scanTyped(text.slice(from, cursor + AFTER_MAX), cursor - from);
  const found = completeIn(scan, cursor - from);
  return { ...found, span: { start: found.span.start + from, end: found.span.end + from } };
}

function completeIn(scan: Scan, cursor: number): PromqlCompletion {
  const { place } = scan;
  const { token } = place;
  const isText = token?.kind === "string";
  const start = token?.start ?? cursor;
  const prefix = token?.text.slice(isText ? 1 : 0, cursor - start) ?? "";
  const typed = { span: { start, end: endOf(place, cursor) }, prefix, quoted: isText };
  const nothing = { ...typed, question: undefined, options: [] };
  if (token?.kind === "comment") return nothing;
  switch (place.frame.kind) {
    case "braces":
      return { ...nothing, ...inBraces(place, prefix) };
    case "list":
      return { ...nothing, question: inList(scan, start) };
    case "range":
      return { ...nothing, options: durations(prefix) };
    case "expression":
      return { ...nothing, ...(isText ? textArgument(scan) : inExpression(place, prefix)) };
  }
}

/** A text that nothing closes before what belongs to the rest of the query ends at the cursor. */
function endOf({ token }: Place, cursor: number): number {
  if (token === undefined) return cursor;
  if (token.kind !== "string") return token.end;
  const rest = token.text.slice(cursor - token.start);
  return token.open || /[{}=\n]/.test(rest) ? cursor : token.end;
}

type Found = Pick<PromqlCompletion, "question" | "options"> & { readonly quoted?: boolean };

const nothingKnown: Found = { question: undefined, options: [] };

const matchOperators: readonly PromqlOption[] = [
  ["=", "The label has this value."],
  ["!=", "The label has another value."],
  ["=~", "The pattern matches the whole value."],
  ["!~", "The pattern does not match the whole value."],
].map(([text = "", doc = ""]) => option("operator", { name: text, doc }));

function inBraces({ frame, label, op, hasValue, token }: Place, prefix: string): Found {
  const selector = frame.selector;
  if (selector === undefined || hasValue) return nothingKnown;
  const start = label?.start ?? token?.start;
  const others: CompletionSelector = {
    name: selector.name === "" && isOfInfo(frame) ? "target_info" : selector.name,
    matchers: selector.matchers.filter((matcher) => matcher.start !== start),
  };
  if (label === undefined && token?.kind !== "operator") {
    const used = others.matchers.map(({ name }) => name);
    return { question: { kind: "label_name", selectors: [others], used }, options: [] };
  }
  if (op === "") return { ...nothingKnown, options: ranked(matchOperators, prefix) };
  const question = { kind: "label_value", label: label?.name ?? "", selector: others } as const;
  return { question, options: [], quoted: true };
}

/** Whether it is the second argument of `info`, whose labels are those of info metrics. */
function isOfInfo({ parent, selector }: Place["frame"]): boolean {
  const isNamed = selector?.matchers.some(({ name }) => name === METRIC_NAME) === true;
  return parent?.word === "info" && parent.argument === 1 && !isNamed;
}

/** A list of labels: of the expression that is grouped, or of both sides of an operator. */
function inList({ place, groups, selectors }: Scan, at: number): CompletionQuestion | undefined {
  const { frame } = place;
  if (frame.word.startsWith("fill")) return undefined;
  const within = ({ start, end }: { start: number; end: number }): TypedSelector[] =>
    selectors.filter((selector) => selector.start > start && selector.start < end);
  const beside = groups.filter(({ parent }) => parent === frame.parent);
  const own = beside.indexOf(frame);
  const isGrouping = frame.word === "by" || frame.word === "without";
  const group = isGrouping
    ? beside[frame.listAfter === "aggregator" ? own + 1 : own - 1]
    : frame.parent;
  const whole = group?.parent === undefined && !isGrouping;
  const found = whole ? selectors : group === undefined ? [] : within(group);
  return { kind: "label_name", selectors: found.filter(({ start }) => start !== at), used: [] };
}

/** Functions whose texts from this argument on are names of labels that exist. */
const labelArguments = new Map([
  ["label_replace", 3],
  ["label_join", 3],
  ["sort_by_label", 1],
  ["sort_by_label_desc", 1],
]);

function textArgument({ place: { frame, argument }, selectors }: Scan): Found {
  const from = labelArguments.get(frame.word);
  const isPattern = frame.word === "label_replace" && argument > 3;
  if (from === undefined || argument < from || isPattern) return nothingKnown;
  const { start, end } = frame;
  const found = selectors.filter((selector) => selector.start > start && selector.start < end);
  return { question: { kind: "label_name", selectors: found, used: [] }, options: [] };
}

function inExpression(place: Place, prefix: string): Found {
  const { before, frame, token } = place;
  if (before === "offset") return { ...nothingKnown, options: durations(prefix) };
  if (before === "at") return { ...nothingKnown, options: ranked(timeCalls, prefix) };
  if (before === "list" || before === "grouped") return nothingKnown;
  if (token?.kind === "number") return { ...nothingKnown, options: durations(prefix) };
  if (!wantsOperand(before)) {
    const isName = before === "selector" && aggregationOptions.has(frame.selector?.name ?? "");
    const names = afterOperand(before, isName);
    return { ...nothingKnown, options: ranked(names, prefix) };
  }
  if (expectedType(place) === "string") return nothingKnown;
  const words = [...modifiersAfter(before), ...functionOptions, ...aggregationOptions.values()];
  return { question: { kind: "metric" }, options: ranked(words, prefix) };
}

/** Of the argument that the cursor stands in, when that is known. */
function expectedType({ frame, before, argument }: Place): ValueType | undefined {
  if (before !== "nothing") return undefined;
  if (frame.word === "count_values") return argument === 0 ? "string" : "vector";
  const spec = functionNamed(frame.word);
  return spec?.args[spec.variadic === 0 ? argument : Math.min(argument, spec.args.length - 1)];
}

function option(
  kind: PromqlOption["kind"],
  { name, doc, experimental = false }: Pick<Word, "name" | "doc"> & { experimental?: boolean },
  signature = "",
): PromqlOption {
  return { kind, text: name, signature, doc, experimental };
}

const functionOptions: readonly PromqlOption[] = functions.map((spec) =>
  option("function", { ...spec, doc: spec.doc[0] ?? "" }, signatureOf(spec)),
);

const aggregationOptions: ReadonlyMap<string, PromqlOption> = new Map(
  aggregations.map((word) => {
    const param = "param" in word ? `${word.param.join(" ")}, ` : "";
    return [word.name, option("aggregation", word, `${word.name}(${param}v instant-vector)`)];
  }),
);

const operatorOptions = binaryOperators.map((word) => option("operator", word));
const timeCalls = functionOptions.filter(({ text }) => text === "start" || text === "end");
const durationFunctions = functionOptions.filter(({ text }) =>
  ["step", "range", "min_of", "max_of"].includes(text),
);

const keywords = (test: (word: (typeof modifiers)[number]) => boolean): PromqlOption[] =>
  modifiers.filter(test).map((word) => option("keyword", word));

/** What may stand between an operator and its right side. */
function modifiersAfter(before: Before): PromqlOption[] {
  if (before === "comparison") return keywords(({ after }) => after === "operator");
  if (before === "operator")
    return keywords(({ after, name }) => after === "operator" && name !== "bool");
  return before === "matching" ? keywords(({ after }) => after === "matching") : [];
}

function afterOperand(before: Before, isAggregation: boolean): PromqlOption[] {
  if (before === "aggregator") return keywords(({ after }) => after === "aggregation");
  const grouping = before === "aggregated" || isAggregation;
  const time = before === "selector" || before === "range";
  return [
    ...keywords(
      ({ after }) => (grouping && after === "aggregation") || (time && after === "selector"),
    ),
    ...operatorOptions,
  ];
}

/** Usual ones at first, then those that begin with the number that is there. */
const usualDurations = ["1m", "5m", "10m", "30m", "1h", "6h", "1d", "7d"];
const DIGITS_MAX = 9;

function durations(prefix: string): PromqlOption[] {
  const written = /^(?:\d{1,9}[a-z]{1,2})*?(\d*)([a-z]{0,2})$/i.exec(prefix.slice(-4 * DIGITS_MAX));
  const [, digits = "", unit = ""] = written ?? [];
  if (digits === "") {
    const usual = usualDurations.map((name) => option("duration", { name, doc: "" }));
    return ranked([...usual, ...durationFunctions], prefix);
  }
  const head = prefix.slice(0, prefix.length - unit.length);
  return durationUnits
    .filter(({ name }) => name.startsWith(unit.toLowerCase()))
    .map(({ name, doc }) => option("duration", { name: head + name, doc: `${digits} ${doc}` }))
    .reverse();
}

/**
 * Those that begin with the prefix, those with a word in them that does, then those that hold it; what is experimental
 * comes behind its like.
 */
function ranked(options: readonly PromqlOption[], prefix: string): PromqlOption[] {
  const wanted = prefix.toLowerCase();
  if (wanted === "") return [...options];
  const rank = ({ text, experimental }: PromqlOption): number => {
    const at = text.indexOf(wanted);
    if (at < 0) return -1;
    return (at === 0 ? 0 : text.includes(`_${wanted}`) ? 2 : 4) + (experimental ? 1 : 0);
  };
  return options
    .map((one) => ({ one, rank: rank(one) }))
    .filter((one) => one.rank >= 0)
    .sort((a, b) => a.rank - b.rank)
    .map(({ one }) => one);
}
