/** Values of a search as tests on texts: whole values such as names, or words within a text. */
import { type KqlPattern, type KqlValue, kqlPlainText } from "@triptych/lang";
import { checkPattern, partPattern, wholePattern } from "../../regex/regex.ts";
import type { ValueTest } from "../../store/clickhouse/select/value-test.ts";

/** Literal text in RE2's syntax. */
export function literalPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** `*` is any characters, `?` is one. */
export function namePattern(pattern: KqlPattern): string {
  return wholePattern(joined(pattern, { any: ".*", one: "." }));
}

function joined(pattern: KqlPattern, wild: { readonly any: string; readonly one: string }): string {
  return pattern
    .map((piece) => (piece.kind === "text" ? literalPattern(piece.text) : wild[piece.kind]))
    .join("");
}

/** The whole value must be like this. `foldCase` is for names that are written in any case, such as levels. */
export function wholeTest(value: KqlValue, offset: number, foldCase = false): ValueTest {
  if (value.kind === "pattern") {
    const plain = kqlPlainText(value.pattern);
    if (plain !== undefined && !foldCase) return { kind: "equals", value: plain };
    const pattern = namePattern(value.pattern);
    return { kind: "matches", pattern: foldCase ? `(?i:${pattern})` : pattern };
  }
  checkPattern(value.pattern, offset);
  const pattern = wholePattern(value.pattern);
  return { kind: "matches", pattern: foldCase ? `(?i:${pattern})` : pattern };
}

/** Words or a phrase in a text, in any case; with wildcards whole words, as Kibana finds them; regular expressions as they are. */
export function textTest(value: KqlValue, offset: number): ValueTest {
  if (value.kind === "regex") {
    checkPattern(value.pattern, offset);
    return { kind: "matches", pattern: partPattern(value.pattern) };
  }
  const plain = kqlPlainText(value.pattern);
  if (plain !== undefined) return { kind: "has", text: plain };
  const inside = joined(value.pattern, { any: "\\S*", one: "\\S" });
  return { kind: "matches", pattern: `(?i:(?:^|[^\\p{L}\\p{N}_])${inside}(?:$|[^\\p{L}\\p{N}_]))` };
}
