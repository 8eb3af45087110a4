/** The place of a mistake in a text, for the mark under it: the word or sign that begins there. */
export interface Marked {
  readonly before: string;
  readonly wrong: string;
  readonly after: string;
}

/** At the end of the text a blank stands for what is missing. */
export function markAt(text: string, offset: number): Marked {
  const start = Math.max(0, Math.min(offset, text.length));
  const rest = text.slice(start);
  const wrong = /^(?:[^\s():"]+|"[^"]*"?|.)/su.exec(rest)?.[0] ?? " ";
  return { before: text.slice(0, start), wrong, after: text.slice(start + wrong.length) };
}

/** Puts an option in the place of what is typed, and the cursor where typing goes on. */
export function withOption(
  text: string,
  at: { readonly start: number; readonly end: number; readonly kind: string },
  option: string,
): { readonly text: string; readonly cursor: number } {
  const rest = text.slice(at.end);
  const tail = at.kind === "field" ? (/^\s*[:<>]/.test(rest) ? "" : ": ") : " ";
  const gap = tail === " " && /^[\s)]/.test(rest) ? "" : tail;
  const head = text.slice(0, at.start) + option + gap;
  return { text: head + rest, cursor: head.length };
}

const keptMax = 20;

/** The newest first, each once. */
export function withSearch(history: readonly string[], search: string): string[] {
  const text = search.trim();
  if (text === "") return [...history];
  return [text, ...history.filter((item) => item !== text)].slice(0, keptMax);
}
