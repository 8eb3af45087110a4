/** Matchers as tests of a label's value. */
import type { Matcher } from "../matcher.ts";
import type { CompileRegex } from "./regex.ts";

/** A label that is not there is the empty text. */
export function matcherTest(
  { op, value }: Matcher,
  compileRegex: CompileRegex,
): (candidate: string) => boolean {
  if (op === "=") return (candidate) => candidate === value;
  if (op === "!=") return (candidate) => candidate !== value;
  const regex = compileRegex(value);
  if (op === "=~") return (candidate) => regex.matches(candidate);
  return (candidate) => !regex.matches(candidate);
}
