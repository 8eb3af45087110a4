/**
 * A template that Drain made, as a pattern for its lines. Lines of one template may differ in the signs between their
 * words, and a template of long lines does not say how they end.
 */
import { literalPattern } from "../search-bar/patterns.ts";
import { GAP_SIGNS, LINE_CHARS_MAX, WILDCARD } from "./drain.ts";

/** A template may be this long; it comes from the address of a page. */
export const TEMPLATE_CHARS_MAX = LINE_CHARS_MAX;

/** RE2, with its anchors, for the whole line. */
export function templatePattern(template: string): string {
  const isCut = template.length >= LINE_CHARS_MAX / 2;
  const parts = template.split(WILDCARD).map(fixedPart);
  return `^(?s:${GAPS}*${parts.join(".*")}${isCut ? ".*" : `${GAPS}*`})$`;
}

const GAPS = `[\\s${GAP_SIGNS.replace(/[\\\]^-]|\[/g, "\\$&")}]`;
const WORDS_AND_GAPS = new RegExp(`(${GAPS}+)`);

function fixedPart(text: string): string {
  return text
    .split(WORDS_AND_GAPS)
    .map((part, i) => (i % 2 === 0 ? literalPattern(part) : `${GAPS}+`))
    .join("");
}
