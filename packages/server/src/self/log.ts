/** Our own log: one line per event on standard error, as text for people or JSON for machines. */
export type Level = "debug" | "info" | "warn" | "error";
const order: readonly Level[] = ["debug", "info", "warn", "error"];

export interface Log {
  (
    level: Level,
    message: string,
    fields?: { readonly [name: string]: string | number | boolean },
  ): void;
}

export function createLog(options: {
  level: Level;
  json: boolean;
  write: (line: string) => void;
  nowMs: () => number;
}): Log {
  const least = order.indexOf(options.level);
  return (level, message, fields = {}) => {
    if (order.indexOf(level) < least) return;
    const time = new Date(options.nowMs()).toISOString();
    if (options.json) {
      options.write(`${JSON.stringify({ time, level, message, ...fields })}\n`);
      return;
    }
    const rest = Object.entries(fields).map(
      ([name, value]) => ` ${name}=${printable(String(value))}`,
    );
    options.write(`${time} ${level.padEnd(5)} ${printable(message)}${rest.join("")}\n`);
  };
}

/** Control characters (also escape sequences for terminals) are shown, not obeyed. */
function printable(text: string): string {
  let out = "";
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    out +=
      code < 0x20 || (code >= 0x7f && code < 0xa0)
        ? `\\x${code.toString(16).padStart(2, "0")}`
        : char;
  }
  return out;
}
