/** The level of a line as Loki finds it: from labels, from a field in the line, or from a word. */

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
  crit: "critical",
  fatal: "fatal",
  ftl: "fatal",
};

/** Names of labels and fields that hold a level. */
const NAMES = new Set([
  ...["level", "LEVEL", "Level", "log.level", "severity", "SEVERITY", "Severity", "SeverityText"],
  ...["lvl", "LVL", "Lvl", "severity_text", "Severity_Text", "SEVERITY_TEXT", "detected_level"],
]);

export const isLevelName = (name: string): boolean => NAMES.has(name);

/** Nothing for what is no level. */
export function levelOfWord(word: string): string | undefined {
  const key = word.trim().toLowerCase();
  return Object.hasOwn(LEVELS, key) ? LEVELS[key] : undefined;
}

/** Of an OTLP severity number; "" for none. */
export function levelOfNumber(severity: number): string {
  const names = ["trace", "debug", "info", "warn", "error", "fatal"];
  return severity < 1 ? "" : (names[Math.floor((severity - 1) / 4)] ?? "");
}

/** A level stands near the beginning of a line. */
const LOOK_BYTES = 512;
const FIELD =
  /(?:^|[\s,{"'])(?:level|severity|lvl|loglevel|log\.level|severitytext)["']?\s*[=:]\s*["']?([a-z]{3,11})/i;
const WORD = /(?<![a-z0-9_])(trace|debug|info|warn|warning|error|err|critical|fatal)(?![a-z0-9_])/i;

const decoder = new TextDecoder("latin1");

/** "" when nothing tells it. */
export function levelOfLine(bytes: Uint8Array, start: number, end: number): string {
  const text = decoder.decode(bytes.subarray(start, Math.min(end, start + LOOK_BYTES)));
  const field = FIELD.exec(text)?.[1];
  const found = (field && levelOfWord(field)) ?? WORD.exec(text)?.[1]?.toLowerCase();
  return (found && levelOfWord(found)) ?? "";
}
