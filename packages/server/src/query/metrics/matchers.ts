/** Label matchers of a query as the store takes them: patterns checked and anchored. */
import type { Matcher } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { SeriesMatcher } from "../../store/clickhouse/select/series.ts";
import type { IndexMatcher } from "./head/series-index.ts";
import { wholeMatcher, wholePattern } from "../../regex/regex.ts";

/** Throws `query_invalid` with the pattern's offset, and when no matcher asks for a value. */
export function seriesMatchers(matchers: readonly Matcher[]): SeriesMatcher[] {
  if (matchers.every((matcher) => testOf(matcher)(""))) {
    const message = "the selector must have a name or a matcher that asks for a value";
    throw new TriptychError("query_invalid", message, { offset: matchers[0]?.span.start ?? 0 });
  }
  return matchers.map(storeMatcher);
}

export function storeMatcher(matcher: Matcher): SeriesMatcher {
  const { name, op, value } = matcher;
  if (op === "=" || op === "!=") return { name, op, value };
  wholeMatcher(value, matcher.valueSpan.start);
  return { name, op, value: wholePattern(value) };
}

/** As the head's index takes it. */
export function indexMatcher(matcher: Matcher): IndexMatcher {
  const { name, op, value } = matcher;
  return { name, op, value, test: testOf(matcher) };
}

/** The matcher as a test of a value; a label that is not there is the empty text. */
export function testOf(matcher: Matcher): (value: string) => boolean {
  const { op, value } = matcher;
  if (op === "=") return (candidate) => candidate === value;
  if (op === "!=") return (candidate) => candidate !== value;
  const matches = wholeMatcher(value, matcher.valueSpan.start);
  return op === "=~" ? matches : (candidate) => !matches(candidate);
}
