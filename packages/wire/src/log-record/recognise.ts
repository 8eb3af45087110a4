/**
 * Finds in a JSON object, or in the text of one, what belongs in columns: time, level, message, ids of trace and span,
 * service and correlation id, under the names that loggers and shippers give them.
 */
import { asTriptychError } from "@triptych/model";
import { JsonNames } from "../json-names.ts";
import { JsonReader } from "../json-reader.ts";
import { isObject, type JsonObject, type JsonValue } from "./json-value.ts";
import {
  NO_SEVERITY,
  type Severity,
  severityOf,
  severityOfNumber,
  severityOfSyslog,
} from "./severity.ts";
import { recogniseTime } from "./time.ts";

type Role =
  | "time"
  | "level"
  | "gelfLevel"
  | "severityNumber"
  | "syslogSeverity"
  | "message"
  | "traceId"
  | "spanId"
  | "traceparent"
  | "traceFlags"
  | "service"
  | "correlationId";

/** Names by role, the one that counts most first. A dot is a step into an object, or part of the name. */
const NAMES: { readonly [R in Role]: readonly string[] } = {
  time: [
    ...["@timestamp", "timestamp", "Timestamp", "@t", "time", "ts", "datetime", "date"],
    ...["asctime", "eventTime", "event_time", "timeMillis", "t"],
  ],
  level: [
    ...["level_name", "levelname", "log.level", "loglevel", "logLevel", "level", "Level", "LEVEL"],
    ...["severity", "Severity", "SEVERITY", "severityText", "severity_text", "SeverityText"],
    ...["lvl", "@l", "LogLevel", "level.name"],
  ],
  // The names of levels, where a small number stands in them.
  gelfLevel: [],
  severityNumber: ["severityNumber", "severity_number", "SeverityNumber"],
  syslogSeverity: [
    ...["log.syslog.severity.code", "syslog.severity.code", "syslog_severity_code"],
    ...["syslog.severity", "syslog_severity", "syslogseverity"],
  ],
  message: [
    ...["message", "msg", "Message", "@message", "@m", "log", "short_message", "MESSAGE", "body"],
    ...["text", "RenderedMessage", "MessageTemplate", "@mt", "event"],
  ],
  traceId: [
    ...["trace_id", "traceId", "trace.id", "traceid", "TraceId", "traceID", "otelTraceID"],
    ...["otel.trace_id", "dd.trace_id", "trace.trace_id", "@tr", "trace"],
  ],
  spanId: [
    ...["span_id", "spanId", "span.id", "spanid", "SpanId", "spanID", "otelSpanID"],
    ...["otel.span_id", "dd.span_id", "span.span_id", "@sp"],
  ],
  traceparent: ["traceparent", "http.request.headers.traceparent"],
  traceFlags: ["trace_flags", "traceFlags", "TraceFlags"],
  service: ["service.name", "service_name", "service", "serviceName", "otelServiceName"],
  correlationId: [
    ...["correlation_id", "correlationId", "correlationID", "correlation.id", "correlationid"],
    ...["CorrelationId", "x-correlation-id", "x_correlation_id", "request_id", "requestId"],
    ...["requestID", "request.id", "http.request.id", "RequestId", "x-request-id", "x_request_id"],
    ...["req_id", "reqId", "req.id"],
  ],
};

const ROLES = new Map<string, { readonly role: Role; readonly rank: number }>();
for (const [role, names] of Object.entries(NAMES) as [Role, readonly string[]][])
  names.forEach((name, rank) => {
    ROLES.set(name, { role, rank });
  });

/** What was found; "" and 0 stand for nothing. */
export interface Recognised {
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint | undefined;
  /** OTLP's SeverityNumber. */
  readonly severityNumber: number;
  /** As the sender wrote it. */
  readonly severityText: string;
  readonly message: string | undefined;
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string;
  /** 16 hexadecimal digits in lower case. */
  readonly spanId: string;
  readonly traceFlags: number;
  readonly service: string;
  readonly correlationId: string;
  /** Dotted paths of members that nothing is lost of when the columns are kept. */
  readonly taken: ReadonlySet<string>;
}

const HEX = /^[0-9a-fA-F]+$/;
const ZERO = /^0*$/;
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;

/** An id of so many digits in lower case, "" for anything else. */
export function hexIdOf(value: JsonValue | undefined, digits: number): string {
  if (typeof value !== "string" || value.length !== digits) return "";
  return HEX.test(value) && !ZERO.test(value) ? value.toLowerCase() : "";
}

/** Ids of 64 bits, as older tracers write them, are filled up with zeros in front. */
function traceIdOf(value: JsonValue | undefined): string {
  if (typeof value !== "string") return "";
  // Sixteen decimal digits are more likely a number of Datadog's than an id of sixteen hexadecimal ones.
  const isShort = value.length === 16 && /[a-fA-F]/.test(value);
  return hexIdOf(isShort ? value.padStart(32, "0") : value, 32);
}

function textOf(value: JsonValue | undefined): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "bigint" ? String(value) : "";
}

/** What a member of each role means; undefined when it means nothing, so that the next best name counts. */
const READERS = {
  time: recogniseTime,
  level: (value: JsonValue) => known(severityOf(value)),
  gelfLevel: (value: JsonValue) => known(severityOfSyslog(value)),
  severityNumber: (value: JsonValue) => known(severityOfNumber(value)),
  syslogSeverity: (value: JsonValue) => known(severityOfSyslog(value)),
  message: (value: JsonValue) => (typeof value === "string" ? value : undefined),
  traceId: (value: JsonValue) => traceIdOf(value) || undefined,
  spanId: (value: JsonValue) => hexIdOf(value, 16) || undefined,
  traceparent: (value: JsonValue) =>
    typeof value === "string" ? (TRACEPARENT.exec(value) ?? undefined) : undefined,
  traceFlags: flagsOf,
  service: (value: JsonValue) => (typeof value === "string" && value !== "" ? value : undefined),
  correlationId: (value: JsonValue) => textOf(value) || undefined,
} satisfies { readonly [R in Role]: (value: JsonValue) => unknown };

const known = (found: Severity): Severity | undefined =>
  found === NO_SEVERITY ? undefined : found;

interface Best<R extends Role> {
  readonly rank: number;
  readonly path: string;
  readonly found: NonNullable<ReturnType<(typeof READERS)[R]>>;
}

/** GELF's name of the text; its levels are those of syslog. */
const GELF_TEXT = "short_message";

/** Takes the leaves of an object one after another; of each role the best name whose value makes sense counts. */
class Recogniser {
  private readonly best: { [R in Role]?: Best<R> } = {};
  private isGelf = false;

  offer(path: string, value: JsonValue): void {
    const named = ROLES.get(path);
    if (named === undefined) return;
    const { rank } = named;
    if (path === GELF_TEXT) this.isGelf = true;
    const isLow = named.role === "level" && typeof value === "number" && value < 8;
    const role = isLow ? "gelfLevel" : named.role;
    const earlier = this.best[role];
    if (earlier !== undefined && earlier.rank < rank) return;
    const found = READERS[role](value);
    if (found === undefined) return;
    (this.best as { [role: string]: object })[role] = { rank, path, found };
  }

  finish(): Recognised {
    const { time, message, service, correlationId, traceId, spanId, traceFlags } = this.best;
    const taken = new Set<string>();
    for (const one of [time, message, service, traceId, spanId, traceFlags])
      if (one !== undefined) taken.add(one.path);
    const severity = this.severity(taken);
    const parent = this.parent();
    return {
      timeNs: time?.found,
      severityNumber: severity.number,
      severityText: severity.text,
      message: message?.found,
      traceId: traceId?.found ?? hexIdOf(parent.traceId, 32),
      spanId: spanId?.found ?? hexIdOf(parent.spanId, 16),
      traceFlags: traceFlags?.found ?? parent.flags,
      service: service?.found ?? "",
      correlationId: correlationId?.found ?? "",
      taken,
    };
  }

  private severity(taken: Set<string>): Severity {
    const { level, gelfLevel, severityNumber, syslogSeverity } = this.best;
    const named = level ?? (this.isGelf ? gelfLevel : undefined);
    if (named !== undefined) taken.add(named.path);
    if (severityNumber === undefined) return named?.found ?? syslogSeverity?.found ?? NO_SEVERITY;
    taken.add(severityNumber.path);
    return { number: severityNumber.found.number, text: named?.found.text ?? "" };
  }

  /** What a `traceparent` says, unless another member names another trace. */
  private parent(): { readonly traceId: string; readonly spanId: string; readonly flags: number } {
    const { traceId, traceparent } = this.best;
    const [, ofTrace = "", spanId = "", flags = "0"] = traceparent?.found ?? [];
    const isOther = traceId !== undefined && traceId.found !== ofTrace;
    if (isOther) return { traceId: "", spanId: "", flags: 0 };
    return { traceId: ofTrace, spanId, flags: Number.parseInt(flags, 16) };
  }
}

function flagsOf(value: JsonValue): number | undefined {
  if (typeof value === "string" && /^[0-9a-fA-F]{2}$/.test(value))
    return Number.parseInt(value, 16);
  const isFlags = typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 256;
  return isFlags ? value : undefined;
}

/** Names deeper than this are in no list. */
const DEPTH_MAX = 5;
/** Members that are looked at: real records have dozens, hostile ones a hundred thousand. */
const MEMBERS_MAX = 1_024;

/** Looks through an object. Nothing in it is an error. */
export function recogniseFields(object: JsonObject): Recognised {
  const recogniser = new Recogniser();
  let left = MEMBERS_MAX;
  const walk = (container: JsonObject, prefix: string, depth: number): void => {
    for (const name in container) {
      if (left-- <= 0) return;
      const value = container[name];
      if (value === undefined || value === null) continue;
      const path = prefix === "" ? name : `${prefix}.${name}`;
      if (isObject(value)) {
        if (depth < DEPTH_MAX && PREFIXES.has(path)) walk(value, path, depth + 1);
      } else recogniser.offer(path, value);
    }
  };
  walk(object, "", 1);
  return recogniser.finish();
}

/** Beginnings of dotted names: objects that are looked into. */
const PREFIXES = new Set<string>();
for (const name of ROLES.keys())
  for (let at = name.indexOf("."); at >= 0; at = name.indexOf(".", at + 1))
    PREFIXES.add(name.slice(0, at));

const OPEN = 0x7b;
const QUOTE = 0x22;
/** In the order of `wanted`; a prefix may be a name too. */
const wantedNames = [
  ...new Set([...ROLES.keys(), ...[...PREFIXES].map((name) => name.split(".", 1)[0] ?? "")]),
];
const wanted = new JsonNames(wantedNames);
const anyNames = new JsonNames([], true);
const decoder = new TextDecoder();
/** Levels, times and ids are short; a long message costs only its own bytes. */
const LINE_DEPTH_MAX = 64;

/**
 * The same from the JSON text `bytes[start .. end)`; undefined when that is not one JSON object. White space around it
 * does not matter.
 */
export function recogniseLine(
  bytes: Uint8Array,
  start: number,
  end: number,
): Recognised | undefined {
  let from = start;
  while (from < end && ((bytes[from] as number) === 0x20 || (bytes[from] as number) === 0x09))
    from++;
  if (bytes[from] !== OPEN || from >= end) return undefined;
  const reader = new JsonReader(bytes.subarray(from, end), LINE_DEPTH_MAX);
  const recogniser = new Recogniser();
  try {
    readTop(reader, recogniser);
    reader.finish();
  } catch (thrown) {
    const error = asTriptychError(thrown);
    if (error.code === "internal") throw thrown;
    return undefined;
  }
  return recogniser.finish();
}

function readTop(reader: JsonReader, recogniser: Recogniser): void {
  let member = reader.firstMember(wanted);
  while (member >= 0) {
    readValue(reader, recogniser, wantedNames[member] as string);
    member = reader.nextMember(wanted);
  }
}

function readValue(reader: JsonReader, recogniser: Recogniser, path: string): void {
  const first = reader.peek();
  if (first === OPEN && PREFIXES.has(path)) {
    let member = reader.firstMember(anyNames);
    while (member >= 0) {
      const name = decoder.decode(reader.text.subarray(reader.textStart, reader.textEnd));
      readValue(reader, recogniser, `${path}.${name}`);
      member = reader.nextMember(anyNames);
    }
    return;
  }
  if (first === QUOTE && ROLES.has(path)) {
    reader.string();
    recogniser.offer(path, decoder.decode(reader.text.subarray(reader.textStart, reader.textEnd)));
    return;
  }
  const at = reader.pos;
  reader.skip();
  if (first !== 0x2d && (first < 0x30 || first > 0x39)) return;
  const text = decoder.decode(reader.bytes.subarray(at, reader.pos));
  recogniser.offer(
    path,
    text.length > 15 && /^-?\d{1,20}$/.test(text) ? BigInt(text) : Number(text),
  );
}
