/** Label matchers, the same in PromQL and LogQL. */
import { quote, type Span } from "./source.ts";

export type MatchOp = "=" | "!=" | "=~" | "!~";

/** The value of `=~` and `!~` is an RE2 pattern that must match the whole label value. */
export interface Matcher {
  readonly name: string;
  readonly op: MatchOp;
  readonly value: string;
  /** The whole matcher, and within it the quoted value. */
  readonly span: Span;
  readonly valueSpan: Span;
}

export function isMatchOp(text: string): text is MatchOp {
  return text === "=" || text === "!=" || text === "=~" || text === "!~";
}

const PLAIN_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function printMatcher(matcher: Matcher): string {
  const name = PLAIN_NAME.test(matcher.name) ? matcher.name : quote(matcher.name);
  return `${name}${matcher.op}${quote(matcher.value)}`;
}
