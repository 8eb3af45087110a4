/** Stages that keep or drop lines: by their text, and by their labels. */
import type { LabelTest, LineFilter, LineOperand } from "./ast.ts";
import { holds } from "./fold.ts";
import { parseIpTest } from "./ip.ts";
import { errors, type Line, type LogqlRegexes, type Stage } from "./line.ts";
import { parsePatternTest } from "./pattern.ts";
import { parseBytes, parseGoDurationNs, parseGoFloat } from "./units.ts";
import type { Matcher } from "../matcher.ts";

/** Throws a plain `Error` for what cannot be compiled. */
export function compileLineFilter(filter: LineFilter, regexes: LogqlRegexes): Stage {
  const { op } = filter;
  const tests = lookedFor(filter).map(({ kind, value }) =>
    kind === "ip" ? parseIpTest(value) : lineTest(op, value, regexes),
  );
  const isNegative = op.startsWith("!");
  const [only] = tests;
  if (tests.length === 1 && only !== undefined)
    return isNegative ? ({ text }) => !only(text) : ({ text }) => only(text);
  return ({ text }) => tests.some((test) => test(text)) !== isNegative;
}

/** As in Loki: among alternatives what every line has is not looked for, unless there is nothing else. */
export function lookedFor({ op, operands }: LineFilter): readonly LineOperand[] {
  if (op !== "|=" && op !== "|~") return operands;
  const telling = operands.filter(
    ({ kind, value }) => kind === "ip" || (value !== "" && (op === "|=" || value !== ".*")),
  );
  return telling.length === 0 ? operands : telling;
}

/** As in Loki: a condition with the empty pattern holds for every value, not for the empty one alone. */
export const testMatcher = (matcher: Matcher): Matcher =>
  matcher.value === "" && matcher.op.endsWith("~") ? { ...matcher, value: ".*" } : matcher;

function lineTest(
  op: LineFilter["op"],
  value: string,
  regexes: LogqlRegexes,
): (text: string) => boolean {
  if (op === "|=" || op === "!=") return (text) => text.includes(value);
  if (op === "|>" || op === "!>") return parsePatternTest(value);
  return isPlain(value) ? (text) => text.includes(value) : regexes.part(value);
}

/** A pattern without anything special is a text. */
const isPlain = (pattern: string): boolean => /^[\w \-/:;,=@#%&'"<>!~]*$/.test(pattern);

export function matcherOf(
  { op, value }: Matcher,
  regexes: LogqlRegexes,
): (text: string) => boolean {
  if (op === "=") return (text) => text === value;
  if (op === "!=") return (text) => text !== value;
  const whole = regexes.whole(value);
  return op === "=~" ? whole : (text) => !whole(text);
}

export function compileLabelTest(test: LabelTest, regexes: LogqlRegexes): Stage {
  switch (test.kind) {
    case "match": {
      const { name } = test.matcher;
      const matches = matcherOf(testMatcher(test.matcher), regexes);
      const isNegative = test.matcher.op.startsWith("!");
      return ({ labels }) => {
        const found = matches(labels.textOf(name));
        // A negative condition must hold for both ways to write a level, another one for either.
        if (found !== isNegative) return found;
        const written = labels.writtenLevel(name);
        return written === undefined ? found : matches(written);
      };
    }
    case "and": {
      const left = compileLabelTest(test.left, regexes);
      const right = compileLabelTest(test.right, regexes);
      // Both run, because either may find an error.
      return (line) => {
        const isLeft = left(line);
        return right(line) && isLeft;
      };
    }
    case "or": {
      const left = compileLabelTest(test.left, regexes);
      const right = compileLabelTest(test.right, regexes);
      return (line) => left(line) || right(line);
    }
    case "ip":
      return ipTest(test);
    case "compare":
      return comparison(test);
  }
}

function ipTest({ name, op, pattern }: Extract<LabelTest, { kind: "ip" }>): Stage {
  const test = parseIpTest(pattern);
  return ({ labels }) => {
    // A line with an error goes on: only a condition on text drops it.
    if (labels.error !== "") return true;
    const value = labels.get(name);
    return value !== undefined && test(value) === (op === "=");
  };
}

const readers = { number: parseGoFloat, duration: parseGoDurationNs, bytes: parseBytes } as const;

function comparison(test: Extract<LabelTest, { kind: "compare" }>): Stage {
  const { name, op, value, unit } = test;
  const read = readers[unit];
  return (line: Line) => {
    const { labels } = line;
    const text = labels.get(name);
    if (text === undefined) return false;
    let found: number;
    try {
      found = read(text);
    } catch (error) {
      if (labels.error === "") {
        labels.error = errors.filter;
        labels.errorDetails = (error as Error).message;
      }
      return true;
    }
    return holds(op, found, value);
  };
}

/** Labels that a condition looks at. */
export function testedLabels(test: LabelTest): string[] {
  switch (test.kind) {
    case "and":
    case "or":
      return [...testedLabels(test.left), ...testedLabels(test.right)];
    case "match":
      return [test.matcher.name];
    default:
      return [test.name];
  }
}
