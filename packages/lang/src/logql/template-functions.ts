/** The functions of templates in `line_format` and `label_format`: those that Loki documents, with its argument orders. */
import type { FunctionTable, GoFunction } from "../gotemplate/value.ts";
import { goTime } from "../gotemplate/go-time.ts";
import { queryEscape } from "../gotemplate/escape.ts";
import type { LogqlRegexes } from "./line.ts";
import { jsonValue } from "./template-json.ts";
import { text } from "./template-call.ts";
import { mathFunctions } from "./template-math.ts";
import { textFunctions } from "./template-text.ts";
import { parseGoTime, timeFunctions } from "./template-time.ts";
import { parseBytes, parseGoDurationNs } from "./units.ts";

export interface TemplateDeps {
  readonly line: () => string;
  readonly timeNs: () => bigint;
  readonly nowMs: () => number;
  readonly regexes: LogqlRegexes;
}

/** Patterns of templates are compiled once; a template has few. */
const PATTERNS_MAX = 100;

export function logqlFunctions(deps: TemplateDeps): FunctionTable {
  const seconds = text(1, (value = "") => parseGoDurationNs(value) / 1e9);
  return new Map<string, GoFunction>([
    ["__line__", text(0, () => deps.line())],
    ["__timestamp__", text(0, () => goTime(deps.timeNs()))],
    ["now", text(0, () => goTime(BigInt(Math.floor(deps.nowMs())) * 1_000_000n))],
    ...textFunctions,
    ...mathFunctions,
    ...timeFunctions,
    ...regexFunctions(deps.regexes),
    ["urlencode", text(1, (value = "") => queryEscape(value))],
    ["urldecode", text(1, (value = "") => queryUnescape(value))],
    ["bytes", text(1, (value = "") => parseBytes(value))],
    ["duration", seconds],
    ["duration_seconds", seconds],
    ["fromJson", text(1, (value = "") => jsonValue(value))],
    [
      "toDate",
      text(2, (layout = "", value = "") => goTime(parseGoTime(layout, value) ?? ZERO_TIME)),
    ],
  ]);
}

/** Go's zero time, the first of January of the year 1. */
const ZERO_TIME = -62_135_596_800_000_000_000n;

function regexFunctions(regexes: LogqlRegexes): [string, GoFunction][] {
  const replacers = new Map<string, (value: string, replacement: string) => string>();
  const replacer = (pattern: string): ((value: string, replacement: string) => string) => {
    const known = replacers.get(pattern) ?? regexes.replacer(pattern);
    if (replacers.size < PATTERNS_MAX) replacers.set(pattern, known);
    return known;
  };
  const literal = (replacement: string): string => replacement.replaceAll("$", "$$$$");
  return [
    [
      "regexReplaceAll",
      text(3, (pattern = "", value = "", by = "") => replacer(pattern)(value, by)),
    ],
    [
      "regexReplaceAllLiteral",
      text(3, (pattern = "", value = "", by = "") => replacer(pattern)(value, literal(by))),
    ],
    [
      "count",
      text(2, (pattern = "", value = "") => {
        // Each match becomes one mark that the value has not.
        const marked = replacer(pattern)(value.replaceAll("\u{1}", ""), "\u{1}");
        return BigInt(marked.split("\u{1}").length - 1);
      }),
    ],
  ];
}

function queryUnescape(value: string): string {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(value);
  if (bad !== null) throw new Error(`invalid URL escape "${bad[0]}"`);
  const bytes: number[] = [];
  const encoded = new TextEncoder().encode(value.replaceAll("+", " "));
  for (let i = 0; i < encoded.length; i++) {
    const byte = encoded[i] as number;
    if (byte !== 37) bytes.push(byte);
    else {
      bytes.push(
        Number.parseInt(String.fromCharCode(encoded[i + 1] ?? 0, encoded[i + 2] ?? 0), 16),
      );
      i += 2;
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
