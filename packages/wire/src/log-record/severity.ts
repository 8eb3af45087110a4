/** Severities of log records: words and numbers of many loggers as OTLP's number, with the text the sender gave. */
import type { JsonValue } from "./json-value.ts";

export interface Severity {
  /** OTLP's SeverityNumber, 0 when it is not known. */
  readonly number: number;
  readonly text: string;
}

export const NO_SEVERITY: Severity = { number: 0, text: "" };

/** What stands above error is fatal, as everywhere in the product. */
const WORDS: { readonly [word: string]: number } = {
  ...{ trace: 1, trc: 1, finest: 1, finer: 1, silly: 1 },
  ...{ debug: 5, dbg: 5, fine: 5, verbose: 5, config: 5 },
  ...{ info: 9, inf: 9, information: 9, informational: 9, notice: 10 },
  ...{ warn: 13, wrn: 13, warning: 13 },
  ...{ error: 17, err: 17, eror: 17, severe: 17, fail: 17 },
  ...{ fatal: 21, ftl: 21, critical: 21, crit: 21, panic: 21, dpanic: 21 },
  ...{ alert: 22, emerg: 23, emergency: 23 },
};

/** A word that nobody knows may still be a level of the sender's own. */
const WORD_MAX = 32;

export function severityOfWord(word: string): Severity {
  const text = word.trim();
  if (text === "" || text.length > WORD_MAX) return NO_SEVERITY;
  const key = text.toLowerCase();
  return { number: Object.hasOwn(WORDS, key) ? (WORDS[key] as number) : 0, text };
}

/** Pino's and bunyan's numbers: 10 is trace, 60 is fatal, with room between them. */
const TENS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

/** A level as a word, or as a number of pino and bunyan. */
export function severityOf(value: JsonValue | undefined): Severity {
  if (typeof value === "string" && !/^\d+$/.test(value)) return severityOfWord(value);
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || number < 10 || number >= 70) return NO_SEVERITY;
  return severityOfWord(TENS[Math.floor(number / 10) - 1] ?? "");
}

/** Syslog's severities 0 to 7 (RFC 5424, table 2). */
export const SYSLOG_SEVERITIES = [
  ...(["emerg", "alert", "crit", "err"] as const),
  ...(["warning", "notice", "info", "debug"] as const),
] as const;

export function severityOfSyslog(value: JsonValue | undefined): Severity {
  const number = typeof value === "string" && /^[0-7]$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) return NO_SEVERITY;
  const word = SYSLOG_SEVERITIES[number];
  return word === undefined ? NO_SEVERITY : severityOfWord(word);
}

/** OTLP's own number. */
export function severityOfNumber(value: JsonValue | undefined): Severity {
  const isKnown = typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 24;
  return isKnown ? { number: value, text: "" } : NO_SEVERITY;
}
