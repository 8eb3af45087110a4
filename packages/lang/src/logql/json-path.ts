/** Expressions of `| json label="a.b[0][\"c\"]"`. */
import { type JsonPlace, JsonScan } from "./json-scan.ts";

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

/** The first value at the path; throws `JsonScanError` for what is no JSON on the way. */
export function findJson(text: string, path: readonly JsonStep[]): JsonPlace | undefined {
  let place: JsonPlace = new JsonScan(text).value(0);
  for (const step of path) {
    let found: JsonPlace | undefined;
    const scan = new JsonScan(text, place.start);
    if (typeof step === "number" && place.kind === "array")
      scan.items((index, value) => {
        if (index === step) found = value;
        return index !== step;
      });
    if (typeof step === "string" && place.kind === "object")
      scan.members((key, value) => {
        const isIt = text.slice(key.start, key.end) === step;
        if (isIt) found = value;
        return !isIt;
      });
    if (found === undefined) return undefined;
    place = found;
  }
  return place;
}
