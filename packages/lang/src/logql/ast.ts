/** The syntax tree of LogQL, as far as it is evaluated: a stream selector and filters. */
import type { Matcher } from "../matcher.ts";
import type { Span } from "../source.ts";

export type LineOp = "|=" | "!=" | "|~" | "!~";

/** Keeps lines that hold (or do not hold) a text, or in which an RE2 pattern matches somewhere. */
export interface LineFilter {
  readonly kind: "line_filter";
  readonly op: LineOp;
  readonly value: string;
  readonly span: Span;
  readonly valueSpan: Span;
}

/** Keeps lines whose label or structured metadata matches. */
export interface LabelFilter {
  readonly kind: "label_filter";
  readonly matcher: Matcher;
  readonly span: Span;
}

export type LogqlStage = LineFilter | LabelFilter;

export interface LogqlQuery {
  readonly kind: "log_query";
  readonly matchers: readonly Matcher[];
  readonly stages: readonly LogqlStage[];
  readonly span: Span;
}
