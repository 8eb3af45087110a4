/**
 * Go's text/template, for alert texts and log lines: parse once, run often. Pure; what templates can do is what the
 * table of functions gives them.
 */
import { builtins } from "./builtins.ts";
import { type ExecuteOptions, executeTemplate } from "./execute.ts";
import { parseTemplateText } from "./parser.ts";
import type { FunctionTable, GoValue } from "./value.ts";

export interface GoTemplate {
  /** Throws `query_failed` with Go's message. `functions` may stand for those the text was parsed with. */
  execute(data: GoValue, options?: Partial<ExecuteOptions>): string;
}

/** A line of an alert or a log is far below; beyond it somebody made a mistake. */
export const templateLimits = { outputBytesMax: 64 * 1024, stepsMax: 100_000 } as const;

/** `name` stands in messages. Throws `query_invalid` with Go's message. */
export function parseGoTemplate(
  text: string,
  { name, functions = new Map() }: { readonly name: string; readonly functions?: FunctionTable },
): GoTemplate {
  const isFunction = (word: string): boolean => functions.has(word) || builtins.has(word);
  const parsed = parseTemplateText({ name, text, isFunction });
  return {
    execute: (data, options = {}) =>
      executeTemplate(parsed, data, { limits: templateLimits, functions, ...options }),
  };
}
