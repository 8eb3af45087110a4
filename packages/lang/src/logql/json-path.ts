/** Expressions of `| json label="a.b[0][\"c\"]"`. */
import { type JsonPlace, JsonScan, JsonScanError } from "./json-scan.ts";

export type JsonStep = string | number;

const STEP = /\s*(?:(\.)?\s*([a-zA-Z_][a-zA-Z0-9_]*)|\[\s*(?:(\d+)|"([^"\]]*)")\s*\])\s*/y;

/** Throws a plain `Error` with Loki's words. */
export function parseJsonPath(expression: string): JsonStep[] {
  const wrong = (why: string): Error =>
    new Error(`cannot parse expression [${expression}]: syntax error: ${why}`);
  const steps: JsonStep[] = [];
  let at = 0;
  while (at < expression.length) {
    STEP.lastIndex = at;
    const found = STEP.exec(expression);
    if (found === null) throw wrong(`unexpected ${JSON.stringify(expression.slice(at, at + 10))}`);
    const [all, dot, field, index, key] = found;
    // Fields are joined by a dot; the first one has none.
    if (field !== undefined && (dot === undefined) !== (steps.length === 0))
      throw wrong(`unexpected ${JSON.stringify(all)}`);
    steps.push(field ?? key ?? Number(index));
    at += all.length;
  }
  if (steps.length === 0) throw wrong("unexpected end of input");
  return steps;
}

/** The first value at the path; throws `JsonScanError` when that is no value. What is around it does not matter. */
export function findJson(text: string, path: readonly JsonStep[]): JsonPlace | undefined {
  let start: number | undefined = 0;
  for (const step of path) {
    start = stepInto(text, start, step);
    if (start === undefined) return undefined;
  }
  return new JsonScan(text, start).value(0);
}

function stepInto(text: string, start: number, step: JsonStep): number | undefined {
  const scan = new JsonScan(text, start);
  try {
    return typeof step === "number" ? scan.itemStart(step) : scan.memberStart(step);
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error;
    return undefined;
  }
}
