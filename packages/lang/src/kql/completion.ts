/** What belongs where the cursor stands in a search that is being typed: a field, a field's value, or nothing known. */
import type { Span } from "../source.ts";

export interface KqlCompletion {
  readonly kind: "field" | "value" | "operator" | "none";
  /** What a suggestion takes the place of. */
  readonly span: Span;
  /** What is there of it already, before the cursor. */
  readonly prefix: string;
  /** Of a value. */
  readonly field: string;
}

/** Looks at this much before the cursor. */
const BEFORE_MAX = 2_000;
const WORD_END = /[\s(){}:<>"]/;

/** `at`: offset of the cursor in `text`, which need not be a whole search yet. */
export function completeKql(text: string, at: number): KqlCompletion {
  const from = Math.max(0, at - BEFORE_MAX);
  const before = text.slice(from, at);
  const quote = openQuote(before);
  let start = quote ?? before.length;
  if (quote === undefined) while (start > 0 && !WORD_END.test(before[start - 1] as string)) start--;
  const prefix = before.slice(quote === undefined ? start : start + 1).replace(/^[-+!](?=\w)/, "");
  if (quote === undefined && /^[-+!]\w/.test(before.slice(start))) start++;
  let end = at;
  while (end < text.length && !WORD_END.test(text[end] as string)) end++;
  if (quote !== undefined && text[end] === '"') end++;
  const span = { start: from + start, end };
  const head = before.slice(0, start).trimEnd();
  const field = fieldBefore(head);
  if (field !== undefined) return { kind: "value", span, prefix, field };
  if (quote !== undefined) return { kind: "none", span, prefix, field: "" };
  const isAfterOperand = prefix === "" && /[\s)]$/.test(before) && endsOperand(head);
  return { kind: isAfterOperand ? "operator" : "field", span, prefix, field: "" };
}

/** Where the quote that is still open begins. */
function openQuote(text: string): number | undefined {
  let open: number | undefined;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') open = open === undefined ? at : undefined;
  }
  return open;
}

/** The field whose value begins behind `head`: `level:`, `level >=`, `level: (a or`. */
function fieldBefore(head: string): string | undefined {
  const direct = /([^\s(){}:<>"]+)\s*(?::|[<>]=?|:\s*[<>]=?)$/.exec(head)?.[1];
  if (direct !== undefined) return direct;
  const open = head.lastIndexOf("(");
  if (open < 0 || head.indexOf(")", open) >= 0) return undefined;
  const inside = head.slice(open + 1);
  if (inside.includes(":") || (inside.trim() !== "" && !/\b(?:and|or|not)$/i.test(inside)))
    return undefined;
  return /([^\s(){}:<>"]+)\s*:\s*$/.exec(head.slice(0, open))?.[1];
}

function endsOperand(head: string): boolean {
  return head !== "" && !/[(:<>=]$|(?:^|\s)(?:and|or|not|&&|\|\|)$/i.test(head);
}
