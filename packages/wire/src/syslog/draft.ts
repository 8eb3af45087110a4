/**
 * A syslog message as a log record. The text stays the body as it is, so that it can be parsed when it is asked for; of
 * JSON in it the level, the ids of trace and span and the correlation id go to columns.
 */
import type { JsonValue } from "../log-record/json-value.ts";
import type { LogDraft } from "../log-record/log-drafts.ts";
import { recogniseLine } from "../log-record/recognise.ts";
import { severityOfSyslog } from "../log-record/severity.ts";
import type { SyslogMessage } from "./message.ts";

/** RFC 5424, table 1, by the names that syslog's own programs use. */
export const SYSLOG_FACILITIES = [
  ...(["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron"] as const),
  ...(["authpriv", "ftp", "ntp", "audit", "alert", "clock"] as const),
  ...(["local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"] as const),
] as const;

/** "@cee:" says that JSON follows (CEE, as rsyslog and syslog-ng write it). */
const CEE = new TextEncoder().encode("@cee:");

type Pair = readonly [name: string, value: JsonValue];

export interface SyslogDraftOptions {
  /** Nanoseconds since 1970. */
  readonly arrivalNs: bigint;
  /** Address of the sender; "" when it is not known. */
  readonly peer: string;
}

export function draftOfSyslog(message: SyslogMessage, options: SyslogDraftOptions): LogDraft {
  const { bytes, end, appName, procId } = message;
  const start = afterCee(bytes, message.start, end);
  const found = recogniseLine(bytes, start, end);
  const own = severityOfSyslog(message.severity);
  const isOwn = found === undefined || found.severityNumber === 0;
  const attributes: Pair[] = [
    ["syslog.facility", SYSLOG_FACILITIES[message.facility] ?? ""],
    ["syslog.severity", own.text],
  ];
  if (/^\d{1,9}$/.test(procId)) attributes.push(["process.pid", Number(procId)]);
  else if (procId !== "") attributes.push(["syslog.procid", procId]);
  if (message.msgId !== "") attributes.push(["syslog.msgid", message.msgId]);
  for (const { id, params } of message.structuredData)
    for (const [name, value] of params)
      attributes.push([`syslog.structured_data.${id}.${name}`, value]);
  if (found?.correlationId) attributes.push(["correlation_id", found.correlationId]);
  if (options.peer !== "") attributes.push(["network.peer.address", options.peer]);
  return {
    timeNs: message.timeNs ?? options.arrivalNs,
    observedNs: options.arrivalNs,
    body: bytes.subarray(start, end),
    severityNumber: isOwn ? own.number : found.severityNumber,
    severityText: isOwn ? own.text : found.severityText,
    traceId: found?.traceId ?? "",
    spanId: found?.spanId ?? "",
    traceFlags: found?.traceFlags ?? 0,
    resource: resourceOf(appName || (found?.service ?? ""), message.hostname || options.peer),
    attributes,
  };
}

function resourceOf(service: string, host: string): Pair[] {
  const pairs: Pair[] = [];
  if (service !== "") pairs.push(["service.name", service]);
  if (host !== "") pairs.push(["host.name", host]);
  return pairs;
}

function afterCee(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === 0x20) at++;
  if (end - at < CEE.length || CEE.some((byte, i) => bytes[at + i] !== byte)) return start;
  at += CEE.length;
  while (at < end && bytes[at] === 0x20) at++;
  return at;
}
