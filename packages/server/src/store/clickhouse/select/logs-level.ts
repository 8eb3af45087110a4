/** The level of a log line from its OTLP severity: the number decides, else the text, else it is unknown. */
import type { LogLevel } from "@triptych/contract";
import { type Sql, sql, texts } from "../sql.ts";

/** OTLP severity numbers 1 to 24 in groups of four. */
const byNumber: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal"];

/** Severity texts, lower case, as loggers write them. */
const byText: { readonly [text: string]: LogLevel } = {
  trace: "trace",
  trc: "trace",
  finest: "trace",
  debug: "debug",
  dbg: "debug",
  info: "info",
  inf: "info",
  information: "info",
  informational: "info",
  notice: "info",
  warn: "warn",
  wrn: "warn",
  warning: "warn",
  error: "error",
  err: "error",
  fatal: "fatal",
  critical: "fatal",
  crit: "fatal",
  alert: "fatal",
  emerg: "fatal",
  emergency: "fatal",
  panic: "fatal",
};

export function levelOf(severityNumber: number, severityText: string): LogLevel {
  if (severityNumber >= 1 && severityNumber <= 24)
    return byNumber[(severityNumber - 1) >> 2] as LogLevel;
  const key = severityText.toLowerCase();
  return Object.hasOwn(byText, key) ? (byText[key] as LogLevel) : "unknown";
}

/** The same over the columns of `otel_logs`. */
export const levelSql: Sql = sql`if(SeverityNumber >= 1 AND SeverityNumber <= 24,
  arrayElement(${texts(byNumber)}, intDiv(SeverityNumber - 1, 4) + 1),
  transform(lowerUTF8(SeverityText), ${texts(Object.keys(byText))}, ${texts(Object.values(byText))}, 'unknown'))`;
