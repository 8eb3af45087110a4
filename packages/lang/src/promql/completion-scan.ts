/**
 * Reads a query that is being typed, from its beginning to its end, and tells in what the cursor stands. Mistakes are
 * taken for what is nearest to them: the text before the cursor is half a query nearly always.
 */
import { readQuoted } from "../source.ts";
import { opensAt, type TypedToken, tokenAt } from "./completion-tokens.ts";
import { aggregations, binaryOperators } from "./words.ts";

/** What stands before, in the same parentheses. */
export type Before =
  | "nothing"
  | "operator"
  | "comparison"
  /** `on (…)`. */
  | "matching"
  /** `group_left (…)`, `fill (…)`. */
  | "matched"
  /** `sum`, of which the rest is still to come. */
  | "aggregator"
  /** `sum by (…)`. */
  | "grouped"
  /** `sum(…)`. */
  | "aggregated"
  | "selector"
  | "range"
  | "operand"
  | "offset"
  | "at"
  /** `by`, `on` and the like, whose parenthesis is still to come. */
  | "list";

export interface TypedMatcher {
  readonly name: string;
  readonly op: string;
  readonly value: string;
  /** Where its label begins. */
  readonly start: number;
}

/** A selector as far as it is written. */
export interface TypedSelector {
  name: string;
  readonly start: number;
  readonly matchers: TypedMatcher[];
}

interface Frame {
  readonly kind: "expression" | "braces" | "range" | "list";
  /** Function or aggregation whose arguments these are, or the keyword before a list of labels; else "". */
  readonly word: string;
  readonly start: number;
  end: number;
  readonly parent: Frame | undefined;
  /** Of a list: what stood before its keyword. */
  listAfter: Before;
  before: Before;
  /** Which argument, from 0. */
  argument: number;
  /** The word that a parenthesis follows or may follow. */
  pending: string;
  /** The aggregation that was read last. */
  aggregation: string;
  /** The selector that was read last, or whose braces these are. */
  selector: TypedSelector | undefined;
  /** Of braces. */
  label: { readonly name: string; readonly start: number; readonly quoted: boolean } | undefined;
  op: string;
  hasValue: boolean;
}

/** Where the cursor stands. */
export interface Place {
  readonly frame: Frame;
  readonly before: Before;
  readonly argument: number;
  readonly label: Frame["label"];
  readonly op: string;
  readonly hasValue: boolean;
  /** What the cursor stands in or behind, and what a suggestion takes the place of. */
  readonly token: TypedToken | undefined;
}

export interface Scan {
  readonly place: Place;
  /** In the order of the text, as are `groups`. */
  readonly selectors: readonly TypedSelector[];
  /** All that stands in parentheses. */
  readonly groups: readonly Frame[];
}

const aggregationNames: ReadonlySet<string> = new Set(aggregations.map(({ name }) => name));
const operators = new Map<string, "comparison" | "operator">(
  binaryOperators.map(({ name, kind }) => [name, kind === "comparison" ? kind : "operator"]),
);
const LISTS = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const FILLS = new Set(["fill", "fill_left", "fill_right"]);

const OPERAND_AFTER: ReadonlySet<Before> = new Set<Before>([
  ...(["nothing", "operator", "comparison", "matching", "matched"] as const),
]);

/** Whether an operand is to come. */
export const wantsOperand = (before: Before): boolean => OPERAND_AFTER.has(before);

export function scanTyped(text: string, cursor: number): Scan {
  const scanner = new Scanner(text);
  let place: Place | undefined;
  let at = 0;
  for (;;) {
    const token = tokenAt(text, at, scanner.inBrackets);
    const isBehind = token === undefined || token.start >= cursor;
    if (place === undefined && (isBehind || isTyped(token, cursor)))
      place = scanner.place(isBehind ? undefined : token);
    if (token === undefined) break;
    scanner.read(token);
    at = token.end;
  }
  const { selectors, groups } = scanner;
  return { place: place ?? scanner.place(undefined), selectors, groups };
}

/** Whether the cursor stands in the token, or where more of it would be typed. */
function isTyped({ kind, start, end, open, text }: TypedToken, cursor: number): boolean {
  if (cursor <= start || cursor > end) return false;
  if (cursor < end || open) return true;
  return kind === "word" || kind === "number" || text === "!";
}

class Scanner {
  readonly selectors: TypedSelector[] = [];
  readonly groups: Frame[] = [];
  private readonly text: string;
  private frame: Frame;
  /** How many frames wait for each sign. */
  private readonly open = { ")": 0, "}": 0, "]": 0 };
  /** What stood before the keyword of the list that is to come. */
  private listAfter: Before = "nothing";

  constructor(text: string) {
    this.text = text;
    this.frame = this.opened("expression", "", 0);
  }

  get inBrackets(): boolean {
    return this.frame.kind === "range";
  }

  place(token: TypedToken | undefined): Place {
    const { frame } = this;
    const { before, argument, label, op, hasValue } = frame;
    return { frame, before, argument, label, op, hasValue, token };
  }

  private opened(kind: Frame["kind"], word: string, start: number): Frame {
    const parent = this.frame as Frame | undefined;
    if (parent !== undefined) this.open[closerOf(kind)]++;
    return {
      kind,
      word,
      start,
      end: Number.POSITIVE_INFINITY,
      parent,
      listAfter: "nothing",
      before: "nothing",
      argument: 0,
      pending: "",
      aggregation: "",
      selector: undefined,
      label: undefined,
      op: "",
      hasValue: false,
    };
  }

  read(token: TypedToken): void {
    if (token.kind === "comment") return;
    if (token.kind === "symbol") this.symbol(token);
    else if (this.frame.kind === "braces") this.inBraces(token);
    else if (this.frame.kind === "expression") this.inExpression(token);
    else this.frame.before = "operand";
  }

  private symbol(token: TypedToken): void {
    const { frame } = this;
    switch (token.text) {
      case "(":
        this.parenthesis(token.start);
        break;
      case "{":
        this.braces(token.start);
        break;
      case "[":
        this.frame = this.opened("range", "", token.start);
        break;
      case ")":
      case "}":
      case "]":
        this.close(token.text, token.end);
        break;
      case ",":
        frame.argument++;
        frame.before = "nothing";
        frame.label = undefined;
        frame.op = "";
        frame.hasValue = false;
        break;
      default:
    }
  }

  private parenthesis(start: number): void {
    const { frame } = this;
    if (frame.kind === "range" || frame.before === "offset") {
      this.frame = this.opened("expression", "", start);
      this.frame.before = "offset";
      return;
    }
    const isList = frame.before === "list";
    const word = frame.before === "grouped" ? frame.aggregation : frame.pending;
    frame.pending = "";
    this.frame = this.opened(isList ? "list" : "expression", word, start);
    this.frame.listAfter = this.listAfter;
    this.groups.push(this.frame);
  }

  private braces(start: number): void {
    const { frame } = this;
    const isNamed = frame.before === "selector" && frame.selector?.matchers.length === 0;
    const selector = isNamed ? frame.selector : this.selector("", start);
    this.frame = this.opened("braces", "", start);
    this.frame.selector = selector;
  }

  private selector(name: string, start: number): TypedSelector {
    const selector: TypedSelector = { name, start, matchers: [] };
    this.selectors.push(selector);
    return selector;
  }

  /** Closes what this sign closes, and all that was left open within. */
  private close(closer: Closer, end: number): void {
    // Without this each of many signs that close nothing would look through all that is open.
    if (this.open[closer] === 0) return;
    for (;;) {
      const closed = this.frame;
      const { parent } = closed;
      if (parent === undefined) return;
      const own = closerOf(closed.kind);
      closed.end = end;
      this.open[own]--;
      this.frame = parent;
      if (own !== closer) continue;
      if (parent.kind === "expression") parent.before = afterClosing(closed, parent.before);
      if (closed.kind === "braces") parent.selector = undefined;
      return;
    }
  }

  private inBraces(token: TypedToken): void {
    const { frame } = this;
    const { selector, label } = frame;
    const isText = token.kind === "string";
    if (token.kind === "operator") {
      frame.op = token.text;
    } else if (label === undefined) {
      frame.label = { name: textOf(token), start: token.start, quoted: isText };
    } else if (frame.op !== "" && isText) {
      const { op } = frame;
      selector?.matchers.push({ name: label.name, op, value: textOf(token), start: label.start });
      frame.hasValue = true;
    }
    if (label === undefined && isText && selector !== undefined && selector.name === "")
      this.quotedName(token, selector);
  }

  /** `{"my.metric"}`: a text without an operator is a metric's name. */
  private quotedName(token: TypedToken, selector: TypedSelector): void {
    const next = tokenAt(this.text, token.end, false);
    if (next?.text === "," || next?.text === "}") selector.name = textOf(token);
  }

  private inExpression(token: TypedToken): void {
    const { frame } = this;
    const { before } = frame;
    if (token.kind === "word") {
      this.word(token);
    } else if (token.kind === "operator") {
      frame.before = token.text === "@" ? "at" : (operators.get(token.text) ?? "operator");
      if (before === "offset" && token.text !== "@") frame.before = "offset";
    } else {
      frame.before = before === "offset" || before === "at" ? "range" : "operand";
    }
  }

  private word(token: TypedToken): void {
    const { frame } = this;
    const { before } = frame;
    const word = token.text.toLowerCase();
    const opens = opensAt(this.text, token.end);
    const operand = wantsOperand(before);
    if (operand ? isMatching(word, before, opens) : isGrouping(word, before)) {
      if (word === "bool") {
        frame.before = "operator";
        return;
      }
      this.listAfter = before;
      frame.before = "list";
      frame.pending = word;
    } else if (!operand && operators.has(word)) {
      frame.before = "operator";
    } else if (!operand && (word === "offset" || word === "anchored" || word === "smoothed")) {
      frame.before = word === "offset" ? "offset" : "range";
    } else if (aggregationNames.has(word) && (opens || this.isGrouped(token.end))) {
      frame.before = "aggregator";
      frame.pending = word;
      frame.aggregation = word;
    } else if (opens) {
      if (before !== "at" && before !== "offset") frame.before = "nothing";
      frame.pending = word;
    } else {
      frame.before = /^(?:inf|nan)$/.test(word) ? "operand" : "selector";
      if (frame.before === "selector") frame.selector = this.selector(token.text, token.start);
    }
  }

  /** Whether `by` or `without` follows the name of an aggregation. */
  private isGrouped(at: number): boolean {
    const next = tokenAt(this.text, at, false);
    return next?.kind === "word" && /^(?:by|without)$/i.test(next.text);
  }
}

type Closer = ")" | "}" | "]";

function closerOf(kind: Frame["kind"]): Closer {
  return kind === "braces" ? "}" : kind === "range" ? "]" : ")";
}

function isMatching(word: string, before: Before, opens: boolean): boolean {
  if (before === "nothing") return false;
  if (word === "bool" || word === "on" || word === "ignoring") return before !== "matched";
  return LISTS.has(word) ? word.startsWith("group") && opens : FILLS.has(word) && opens;
}

function isGrouping(word: string, before: Before): boolean {
  return (word === "by" || word === "without") && /^aggregat/.test(before);
}

function afterClosing(closed: Frame, before: Before): Before {
  if (closed.kind === "braces") return "selector";
  if (closed.kind === "range") return "range";
  if (closed.kind === "list") {
    if (closed.listAfter === "aggregator") return "grouped";
    if (closed.listAfter === "aggregated") return "operand";
    return closed.word === "on" || closed.word === "ignoring" ? "matching" : "matched";
  }
  if (before === "at" || before === "offset") return "range";
  return before === "aggregator" || before === "grouped" ? "aggregated" : "operand";
}

/** What a text says; as it is written when it cannot be read. */
function textOf(token: TypedToken): string {
  if (token.kind !== "string") return token.text;
  try {
    return readQuoted(token.text, 0).value;
  } catch {
    return token.text.slice(1, token.open ? undefined : -1);
  }
}
