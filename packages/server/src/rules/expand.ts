/**
 * Texts of rules with Prometheus's template functions. The template runs without waiting; where it asks for a query
 * whose answer is not known yet it stops, the query is run, and the template starts anew with what is known by then.
 */
import {
  type FunctionTable,
  type GoTemplate,
  type GoValue,
  parsedOnly,
  parseGoTemplate,
  prometheusFunctions,
  TemplateInterrupt,
  type TemplateSample,
} from "@triptych/lang";
import { partMatcher, partReplacer } from "../regex/regex.ts";

/** A template that asks for more is a mistake, and each start costs what came before. */
const QUERIES_MAX = 50;

export interface ExpandDeps {
  readonly query: (text: string) => Promise<readonly TemplateSample[]>;
  readonly nowMs: number;
  readonly externalUrl: string;
}

export interface ExpandOptions {
  readonly missingKey?: "default" | "zero" | "error" | undefined;
  readonly html?: boolean | undefined;
}

const functionsToParse = prometheusFunctions(parsedOnly);

/** Throws `query_invalid` with Prometheus's message. */
export function parseRuleTemplate(text: string, name: string): GoTemplate {
  return parseGoTemplate(text, { name, functions: functionsToParse });
}

/** Rejects with `query_failed` and Go's message. */
export async function expandTemplate(
  template: GoTemplate,
  data: GoValue,
  { deps, options = {} }: { readonly deps: ExpandDeps; readonly options?: ExpandOptions },
): Promise<string> {
  const known = new Map<string, readonly TemplateSample[] | Error>();
  const functions = tableFor(deps, known);
  for (;;) {
    try {
      return template.execute(data, { missingKey: "zero", ...options, functions });
    } catch (thrown) {
      if (!(thrown instanceof TemplateInterrupt)) throw thrown;
      const text = String(thrown.reason);
      known.set(text, await deps.query(text).catch(asError));
    }
  }
}

const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown));

function tableFor(
  deps: ExpandDeps,
  known: ReadonlyMap<string, readonly TemplateSample[] | Error>,
): FunctionTable {
  return prometheusFunctions({
    nowMs: deps.nowMs,
    externalUrl: deps.externalUrl,
    matches: (pattern, text) => partMatcher(pattern)(text),
    replaceAll: (pattern, text, replacement) => partReplacer(pattern)(text, replacement),
    query(text) {
      const found = known.get(text);
      if (found instanceof Error) throw found;
      if (found !== undefined) return found;
      if (known.size >= QUERIES_MAX)
        throw new Error(`the template asks for more than ${QUERIES_MAX} queries`);
      throw new TemplateInterrupt(text);
    },
  });
}
