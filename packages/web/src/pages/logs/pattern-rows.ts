/** Patterns of lines as rows: what is shown of each, and in which order. */
import type { LogLevel, LogPattern, LogPatternsAnswer } from "@triptych/contract";
import { levelOrder } from "../../charts/level-order.ts";

export interface PatternRow extends LogPattern {
  /** The worst level of its lines. */
  readonly level: LogLevel;
  /** Of all lines that were looked at. */
  readonly share: number;
  /** How many times as many lines as before; undefined where there were none. */
  readonly growth: number | undefined;
}

export function patternRows(answer: LogPatternsAnswer): PatternRow[] {
  return answer.patterns.map((pattern) => ({
    ...pattern,
    level: levelOrder.find((level) => (pattern.levels[level] ?? 0) > 0) ?? "unknown",
    share: answer.total === 0 ? 0 : Math.min(1, pattern.lines / answer.total),
    growth: pattern.before === 0 ? undefined : pattern.lines / pattern.before,
  }));
}

/** Text and wildcards one after the other, for showing. */
export function templateParts(
  template: string,
): { readonly text: string; readonly isWild: boolean }[] {
  return template
    .split(/(<_>)/)
    .filter((text) => text !== "")
    .map((text) => ({ text, isWild: text === "<_>" }));
}

/** The same lines in LogQL, after a stream selector. */
export function asLogql(template: string): string {
  return `|> ${JSON.stringify(template)}`;
}
