/** Reads `key=value key="quoted value" flag` from a line, as the logfmt decoder of Loki does. */

interface LogfmtScan {
  /** What was wrong last, or nothing; the reading goes on behind it. */
  what: string;
  at: number;
}
import { byteLength } from "../gotemplate/value.ts";

const QUOTE = 34;
const EQUALS = 61;
const BACKSLASH = 92;

/**
 * Calls `take` for each pair; `take` returns false to stop. With `strict` the first mistake ends the reading. The
 * result says what was wrong, or is empty.
 */
export function scanLogfmt(
  line: string,
  strict: boolean,
  take: (key: string, value: string) => boolean,
): string {
  const scan: LogfmtScan = { what: "", at: 0 };
  const { length } = line;
  let at = 0;
  while (at < length) {
    if (line.charCodeAt(at) <= 32) {
      at++;
      continue;
    }
    const { what } = scan;
    scan.what = "";
    const pair = readPair(line, at, scan);
    at = pair.end;
    if (scan.what !== "") {
      if (strict) break;
      continue;
    }
    scan.what = what;
    if (!take(pair.key, pair.value)) break;
  }
  if (scan.what === "") return "";
  const bytes = byteLength(line.slice(0, scan.at));
  return `logfmt syntax error at pos ${bytes + 1} : ${scan.what}`;
}

interface Pair {
  readonly key: string;
  readonly value: string;
  readonly end: number;
}

function failed(line: string, at: number, scan: LogfmtScan, what: string): Pair {
  scan.what = what;
  scan.at = at;
  let end = at;
  while (end < line.length && line.charCodeAt(end) > 32) end++;
  return { key: "", value: "", end };
}

function readPair(line: string, start: number, scan: LogfmtScan): Pair {
  let at = start;
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code <= 32 || code === EQUALS) break;
    if (code === QUOTE) return failed(line, at, scan, "unexpected '\"'");
  }
  const key = line.slice(start, at);
  if (key.includes("\ufffd")) return failed(line, at, scan, "invalid key");
  if (line.charCodeAt(at) !== EQUALS) return { key, value: "", end: at };
  if (key === "") return failed(line, at, scan, "unexpected '='");
  at++;
  return line.charCodeAt(at) === QUOTE
    ? readQuotedValue(line, at, { key, scan })
    : readValue(line, at, { key, scan });
}

interface Open {
  readonly key: string;
  readonly scan: LogfmtScan;
}

function readValue(line: string, start: number, { key, scan }: Open): Pair {
  let at = start;
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code <= 32) break;
    if (code === EQUALS || code === QUOTE)
      return failed(line, at, scan, `unexpected '${code === QUOTE ? '"' : "="}'`);
  }
  return { key, value: line.slice(start, at), end: at };
}

function readQuotedValue(line: string, start: number, { key, scan }: Open): Pair {
  let hasEscape = false;
  for (let at = start + 1; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === BACKSLASH) {
      hasEscape = true;
      at++;
    } else if (code === QUOTE) {
      const text = line.slice(start + 1, at);
      const value = hasEscape ? unquoted(text) : text;
      if (value !== undefined) return { key, value, end: at + 1 };
      scan.what = "invalid quoted value";
      scan.at = at + 1;
      return { key: "", value: "", end: at + 1 };
    }
  }
  scan.what = "unterminated quoted value";
  scan.at = line.length;
  return { key: "", value: "", end: line.length };
}

/** The text of a JSON string's inside. */
function unquoted(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(`"${text}"`);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
