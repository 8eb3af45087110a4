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
  const parts = template.split(WILDCARD);
  const last = parts.length - 1;
  const inside = parts
    .map((part, i) => fixedPart(part, { isFirst: i === 0, isLast: i === last }))
    .join(".*");
  return `^(?s:${GAPS}*${inside}${isCut ? ".*" : `${GAPS}*`})$`;
}

const SIGNS = GAP_SIGNS.replace(/[\\\]^-]|\[/g, "\\$&");
/** RE2's `\s` has fewer blanks than ours. */
const GAPS = `[\\s\\v\\p{Z}\\x{feff}${SIGNS}]`;
const WORDS_AND_GAPS = new RegExp(`([\\s${SIGNS}]+)`);

/** Words with the signs between them; before the first word of a line and behind its last one none are needed. */
function fixedPart(
  text: string,
  { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
): string {
  const pieces = text.split(WORDS_AND_GAPS);
  if (isFirst && pieces[0] === "") pieces[1] = "";
  if (isLast && pieces.at(-1) === "") pieces[pieces.length - 2] = "";
  return pieces
    .map((piece, i) => (i % 2 === 0 ? literalPattern(piece) : piece === "" ? "" : `${GAPS}+`))
    .join("");
}
