/** Takes ANSI escape sequences (colours, titles) out of a line. One pass, whatever the line holds. */
const OPENING = /[[\]()#;?]*/y;
const TITLE = /[a-zA-Z\d;]*/y;
const PARAMETERS = /\d{1,4}(?:;\d{0,4})*/y;
const BELL = "\u0007";
const FINAL = /[\dA-PRZcf-ntqry=><~]/;
/** A title that is longer is text. */
const TITLE_CHARS_MAX = 256;

export function decolorize(line: string): string {
  if (!line.includes("\u001b") && !line.includes("\u009b")) return line;
  let out = "";
  let from = 0;
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code !== 0x1b && code !== 0x9b) continue;
    const end = sequenceEnd(line, at + 1);
    if (end < 0) continue;
    out += line.slice(from, at);
    from = end;
    at = end - 1;
  }
  return out + line.slice(from);
}

/** Where the sequence behind an escape character ends; negative when there is none. */
function sequenceEnd(line: string, start: number): number {
  const open = runEnd(OPENING, line, start);
  const title = runEnd(TITLE, line, open);
  if (line[title] === BELL && title - open <= TITLE_CHARS_MAX) return title + 1;
  const parameters = runEnd(PARAMETERS, line, open);
  if (FINAL.test(line[parameters] ?? "")) return parameters + 1;
  // The last digit of the parameters may be the final character.
  return parameters > open && FINAL.test(line[parameters - 1] ?? "") ? parameters : -1;
}

function runEnd(pattern: RegExp, line: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(line)?.[0].length ?? 0);
}
