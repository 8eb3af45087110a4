/** The syntax tree of PromQL, as far as it is evaluated. */
import type { Matcher } from "../matcher.ts";
import type { Span } from "../source.ts";

export interface VectorSelector {
  readonly kind: "vector_selector";
  /** "" when the selector names no metric; then `matchers` may still hold `__name__`. */
  readonly name: string;
  readonly matchers: readonly Matcher[];
  readonly span: Span;
}

export interface NumberLiteral {
  readonly kind: "number";
  readonly value: number;
  readonly span: Span;
}

export interface StringLiteral {
  readonly kind: "string";
  readonly value: string;
  readonly span: Span;
}

export type PromqlExpr = VectorSelector | NumberLiteral | StringLiteral;

/** All matchers of a selector, its name as the first one. */
export function selectorMatchers(selector: VectorSelector): readonly Matcher[] {
  const { name, span } = selector;
  if (name === "") return selector.matchers;
  return [{ name: "__name__", op: "=", value: name, span, valueSpan: span }, ...selector.matchers];
}
