/**
 * One syslog message, of RFC 5424 or of RFC 3164 and what senders make of it. Nothing is refused: what is not understood
 * stays in the text, since a log line in an odd form is worth more than none.
 */
import { timeOfText } from "../log-record/time.ts";

/** Texts are "" where the message has none. */
export interface SyslogMessage {
  /** 0 to 23. */
  readonly facility: number;
  /** 0, emergency, to 7, debug. */
  readonly severity: number;
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint | undefined;
  readonly hostname: string;
  readonly appName: string;
  readonly procId: string;
  readonly msgId: string;
  readonly structuredData: readonly StructuredElement[];
  /** The text is `bytes[start .. end)`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export interface StructuredElement {
  readonly id: string;
  readonly params: readonly (readonly [name: string, value: string])[];
}

export interface SyslogOptions {
  /** When the message arrived: tells the year of times without one. */
  readonly arrivalMs: number;
  /** Minutes east of UTC of senders whose times have no zone. */
  readonly zoneMinutes: number;
}

/** What RFC 3164 says for messages without a priority: user, notice. */
const DEFAULT_PRIORITY = 13;
const PRIORITY_MAX = 191;
/** No header is longer than this; the rest is text anyway. */
const HEADER_BYTES_MAX = 8 * 1024;

// Latin-1 keeps one character a byte, so places in the text are places in the bytes.
const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder();

const PRIORITY = /^<(\d{1,3})>/;
const VERSION = /^1 (?=\S)/;

/** Line ends and NUL at the end are no part of a message. */
export function parseSyslog(bytes: Uint8Array, options: SyslogOptions): SyslogMessage {
  let end = bytes.length;
  while (end > 0 && isTail(bytes[end - 1] as number)) end--;
  const head = headOf(bytes.subarray(0, Math.min(end, HEADER_BYTES_MAX)));
  const found = PRIORITY.exec(head);
  const priority = found === null ? DEFAULT_PRIORITY : Number(found[1]);
  const isKnown = priority <= PRIORITY_MAX;
  const at = found === null || !isKnown ? 0 : found[0].length;
  const base: Base = {
    facility: (isKnown ? priority : DEFAULT_PRIORITY) >> 3,
    severity: (isKnown ? priority : DEFAULT_PRIORITY) & 7,
    bytes,
    end,
  };
  if (at > 0 && VERSION.test(head.slice(at, at + 3))) {
    const message = parse5424(head, at + 2, base);
    if (message !== undefined) return message;
  }
  return parse3164(head, { at, base, options });
}

/** Decoding UTF-8 is faster, and the same where each byte is a character. */
function headOf(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  return text.length === bytes.length ? text : latin1.decode(bytes);
}

interface Base {
  readonly facility: number;
  readonly severity: number;
  readonly bytes: Uint8Array;
  readonly end: number;
}

const isTail = (byte: number): boolean => byte === 0x0a || byte === 0x0d || byte === 0;

// biome-ignore lint/suspicious/noControlCharactersInRegex: what is ASCII begins with them.
const ASCII = /^[\x00-\x7f]*$/;

/** Texts of headers are ASCII by the standard; what else senders write there is mostly UTF-8. */
function textOf(latin: string): string {
  if (ASCII.test(latin)) return latin;
  return utf8.decode(Uint8Array.from(latin, (unit) => unit.charCodeAt(0)));
}

/** Time, host, application, process and message id, each followed by a space. */
const FIELDS = /(\S+) (\S+) (\S+) (\S+) (\S+) /y;

function parse5424(head: string, from: number, base: Base): SyslogMessage | undefined {
  FIELDS.lastIndex = from;
  const found = FIELDS.exec(head);
  if (found === null) return undefined;
  const [, time = "", host = "", app = "", proc = "", id = ""] = found;
  const timeNs = time === "-" ? undefined : timeOfText(time);
  if (time !== "-" && timeNs === undefined) return undefined;
  const data = structuredData(head, FIELDS.lastIndex);
  if (data === undefined) return undefined;
  const text = (field: string): string => (field === "-" ? "" : textOf(field));
  let start = data.end;
  if (head[start] === " ") start++;
  // The mark that says the text is UTF-8, which is what it is taken for anyway.
  if (head.startsWith("\u00ef\u00bb\u00bf", start)) start += 3;
  return {
    ...base,
    timeNs,
    hostname: text(host),
    appName: text(app),
    procId: text(proc),
    msgId: text(id),
    structuredData: data.elements,
    start: Math.min(start, base.end),
  };
}

const SD_ID = /\[([^\s=\]"]{1,255})/y;
const SD_PARAM = / ([^\s=\]"]{1,255})="([^"\\\]]*(?:\\[\s\S][^"\\\]]*)*)"/y;

function structuredData(
  head: string,
  from: number,
): { readonly elements: StructuredElement[]; readonly end: number } | undefined {
  if (head[from] === "-") return { elements: [], end: from + 1 };
  const elements: StructuredElement[] = [];
  let at = from;
  while (head[at] === "[") {
    SD_ID.lastIndex = at;
    const id = SD_ID.exec(head);
    if (id === null) return undefined;
    const params: [string, string][] = [];
    at = SD_ID.lastIndex;
    for (;;) {
      SD_PARAM.lastIndex = at;
      const param = SD_PARAM.exec(head);
      if (param === null) break;
      const [, name = "", raw = ""] = param;
      params.push([name, textOf(raw).replace(/\\(["\\\]])/g, "$1")]);
      at = SD_PARAM.lastIndex;
    }
    if (head[at] !== "]") return undefined;
    at++;
    elements.push({ id: id[1] ?? "", params });
  }
  return elements.length === 0 ? undefined : { elements, end: at };
}

const OLD_TIME =
  /([A-Z][a-z]{2}) {1,2}(\d{1,2})(?: (\d{4}))? (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?:? /y;
const NEW_TIME = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,17}) /y;
const HOST = /([^\s:[\]"{}]{1,255}|[\da-fA-F:.]{2,45}) (?=\S)/y;
const TAG = /([^\s:[\]"{}]{1,128})(?:\[([^\]\s]{1,128})\])?: ?/y;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

interface Old {
  readonly at: number;
  readonly base: Base;
  readonly options: SyslogOptions;
}

/** Priority, time, host, tag and text: each may be missing. */
function parse3164(head: string, { at, base, options }: Old): SyslogMessage {
  let from = at;
  let timeNs: bigint | undefined;
  const old = matchAt(OLD_TIME, head, from);
  if (old !== null) timeNs = oldTime(old, options);
  if (timeNs !== undefined) from += old?.[0].length ?? 0;
  else {
    const recent = matchAt(NEW_TIME, head, from);
    timeNs = recent === null ? undefined : timeOfText(recent[1] ?? "");
    if (timeNs !== undefined) from += recent?.[0].length ?? 0;
  }
  let hostname = "";
  // Without a time the first word is as likely text as it is a host.
  if (timeNs !== undefined) {
    const host = matchAt(HOST, head, from);
    hostname = host?.[1] ?? "";
    from += host?.[0].length ?? 0;
  }
  const tag = timeNs === undefined && at === 0 ? null : matchAt(TAG, head, from);
  from += tag?.[0].length ?? 0;
  const [, appName = "", procId = ""] = tag ?? [];
  const texts = { hostname, appName: textOf(appName), procId, msgId: "", structuredData: [] };
  return { ...base, timeNs, ...texts, start: Math.min(from, base.end) };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

const HALF_YEAR_MS = 183 * 86_400_000;

/** Without a year it is the one that brings the time nearest to the arrival. */
function oldTime(found: RegExpExecArray, options: SyslogOptions): bigint | undefined {
  const [, name = "", day, year, hour, minute, second, fraction = ""] = found;
  const month = MONTHS.indexOf(name);
  if (month < 0 || month % 3 !== 0) return undefined;
  const inYear = (of: number): number =>
    Date.UTC(of, month / 3, Number(day), Number(hour), Number(minute), Number(second)) -
    options.zoneMinutes * 60_000;
  const now = new Date(options.arrivalMs).getUTCFullYear();
  let ms = inYear(year === undefined ? now : Number(year));
  if (year === undefined && ms - options.arrivalMs > HALF_YEAR_MS) ms = inYear(now - 1);
  if (year === undefined && options.arrivalMs - ms > HALF_YEAR_MS) ms = inYear(now + 1);
  if (Number.isNaN(ms) || ms < 0) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
