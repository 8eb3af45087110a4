/** The level of a line as Loki finds it: from labels, from a field of a JSON or logfmt line, or from a word. */

const LEVELS: { readonly [word: string]: string } = {
  trace: "trace",
  trc: "trace",
  debug: "debug",
  dbg: "debug",
  info: "info",
  inf: "info",
  information: "info",
  warn: "warn",
  wrn: "warn",
  warning: "warn",
  error: "error",
  err: "error",
  critical: "critical",
  fatal: "fatal",
};

/** Names of labels and fields that hold a level. */
export const LOKI_LEVEL_NAMES: readonly string[] = [
  ...["level", "LEVEL", "Level", "log.level", "severity", "SEVERITY", "Severity", "SeverityText"],
  ...["lvl", "LVL", "Lvl", "severity_text", "Severity_Text", "SEVERITY_TEXT"],
];
const NAMES = new Set(LOKI_LEVEL_NAMES);
/** Of logfmt fields in any case, the one that counts most first. */
const FIELDS = ["level", "log.level", "severity", "severitytext", "lvl", "severity_text"];

export const DETECTED_LEVEL = "detected_level";

export const isLevelName = (name: string): boolean => NAMES.has(name);

/** Nothing for what is no level. */
export function levelOfWord(word: string): string | undefined {
  const key = word.toLowerCase();
  return Object.hasOwn(LEVELS, key) ? LEVELS[key] : undefined;
}

/** A label's level is taken as it is when it is none of the known ones. */
export const levelOfLabel = (value: string): string => levelOfWord(value) ?? value;

/** What is looked at of a line; few are longer. */
const LOOK_BYTES = 64 * 1024;
const MAY_HAVE_FIELD = /level|severity|lvl|\\u/i;
const WORD =
  /(?<![^\s"'(=[{|])(?:trace|debug|info|warn|warning|error|err|critical|fatal)(?![^\s!"'(),:=[\]{}|])/i;

const decoder = new TextDecoder("latin1");

/** "" when nothing tells it. */
export function levelOfLine(bytes: Uint8Array, start: number, end: number): string {
  const text = decoder.decode(bytes.subarray(start, Math.min(end, start + LOOK_BYTES)));
  const field = MAY_HAVE_FIELD.test(text) ? levelField(text) : undefined;
  const found = field === undefined ? undefined : levelOfWord(field);
  return found ?? levelOfWord(WORD.exec(text)?.[0] ?? "") ?? "";
}

function levelField(text: string): string | undefined {
  const trimmed = text.trim();
  return trimmed.startsWith("{") ? jsonLevel(trimmed) : logfmtLevel(text);
}

/** Objects in the line's object are looked into, those in them are not. */
function jsonLevel(text: string): string | undefined {
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    return undefined;
  }
  return levelMember(object, 2);
}

function levelMember(object: unknown, depth: number): string | undefined {
  if (typeof object !== "object" || object === null || Array.isArray(object)) return undefined;
  for (const [name, value] of Object.entries(object)) {
    if (typeof value === "string" && NAMES.has(name)) return value;
    const inside = depth > 1 ? levelMember(value, depth - 1) : undefined;
    if (inside !== undefined) return inside;
  }
  return undefined;
}

const PAIR = /([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s="]*))(?!\S)|\S*"(?:[^"\\]|\\.)*"?\S*|\S+/g;

function logfmtLevel(text: string): string | undefined {
  let best = FIELDS.length;
  let level: string | undefined;
  for (const [, name, quoted, plain] of text.matchAll(PAIR)) {
    if (name === undefined) continue;
    const at = FIELDS.indexOf(name.toLowerCase());
    if (at < 0 || at >= best) continue;
    best = at;
    level = quoted ?? plain;
    if (at === 0) break;
  }
  return level;
}
