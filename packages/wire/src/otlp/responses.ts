/** Bodies of OTLP answers: export responses with partial success, and `google.rpc.Status` for errors. */
import { ProtobufWriter } from "../protobuf-writer.ts";
import type { OtlpEncoding } from "./steps.ts";

/** OTLP answers are at most 4 MiB; no reader wants more of a message than this. */
const MESSAGE_CHARACTERS_MAX = 4_096;
const TYPE_PREFIX = "type.googleapis.com/google.rpc.";
const encoder = new TextEncoder();

const rejectedNames = {
  traces: "rejectedSpans",
  logs: "rejectedLogRecords",
  metrics: "rejectedDataPoints",
} as const;

function shortened(message: string): string {
  // Half of a surrogate pair would not survive the encoding.
  const cut = message.slice(0, MESSAGE_CHARACTERS_MAX).replace(/[\uD800-\uDBFF]$/, "");
  return message.length > MESSAGE_CHARACTERS_MAX ? `${cut}…` : message;
}

/** The answer to a request that was taken; with nothing rejected and nothing to say it is empty. */
export function encodeExportResponse(
  signal: keyof typeof rejectedNames,
  encoding: OtlpEncoding,
  rejected: number,
  message: string,
): Uint8Array {
  if (rejected === 0) return encoder.encode(encoding === "json" ? "{}" : "");
  const text = shortened(message);
  if (encoding === "json") {
    const partialSuccess = { [rejectedNames[signal]]: String(rejected), errorMessage: text };
    return encoder.encode(JSON.stringify({ partialSuccess }));
  }
  // The three messages have the same field numbers.
  const partial = new ProtobufWriter().int(1, rejected).text(2, text);
  return new ProtobufWriter().message(1, partial).finish();
}

export interface StatusFields {
  /** The canonical gRPC code. */
  readonly code: number;
  readonly message: string;
  /** Tells the sender to try again after this time, as RetryInfo. */
  readonly retryAfterSeconds?: number;
  /** What is wrong with the request's body, as BadRequest. */
  readonly fieldViolation?: string;
}

export function encodeStatus(encoding: OtlpEncoding, status: StatusFields): Uint8Array {
  const short = { ...status, message: shortened(status.message) };
  return encoding === "json" ? jsonStatus(short) : protobufStatus(short);
}

function protobufStatus(status: StatusFields): Uint8Array {
  const { code, message, retryAfterSeconds, fieldViolation } = status;
  const out = new ProtobufWriter().int(1, code).text(2, message);
  const detail = (type: string, value: ProtobufWriter): void => {
    const any = new ProtobufWriter().text(1, TYPE_PREFIX + type).bytes(2, value.finish());
    out.message(3, any);
  };
  if (fieldViolation !== undefined) {
    const violation = new ProtobufWriter().text(1, "body").text(2, shortened(fieldViolation));
    detail("BadRequest", new ProtobufWriter().message(1, violation));
  }
  if (retryAfterSeconds !== undefined) {
    const { seconds, nanos } = durationOf(retryAfterSeconds);
    const delay = new ProtobufWriter().int(1, seconds).int(2, nanos);
    detail("RetryInfo", new ProtobufWriter().message(1, delay));
  }
  return out.finish();
}

function jsonStatus(status: StatusFields): Uint8Array {
  const { code, message, retryAfterSeconds, fieldViolation } = status;
  const details: object[] = [];
  if (fieldViolation !== undefined) {
    const fieldViolations = [{ field: "body", description: shortened(fieldViolation) }];
    details.push({ "@type": `${TYPE_PREFIX}BadRequest`, fieldViolations });
  }
  if (retryAfterSeconds !== undefined) {
    const { seconds, nanos } = durationOf(retryAfterSeconds);
    const fraction = nanos === 0 ? "" : `.${String(nanos).padStart(9, "0").replace(/0+$/, "")}`;
    details.push({ "@type": `${TYPE_PREFIX}RetryInfo`, retryDelay: `${seconds}${fraction}s` });
  }
  return encoder.encode(
    JSON.stringify(details.length > 0 ? { code, message, details } : { code, message }),
  );
}

function durationOf(seconds: number): { seconds: number; nanos: number } {
  const nanos = Math.round(Math.max(0, seconds) * 1e9);
  const whole = Math.floor(nanos / 1e9);
  return { seconds: whole, nanos: nanos - whole * 1e9 };
}
