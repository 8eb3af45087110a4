/** Requests in both encodings, decoded under test defaults. For tests only. */
import { defaultLimits, type Limits, TriptychError } from "@triptych/model";
import { encodeForTests } from "./encode-for-tests.ts";
import { decodeOtlpLogs } from "./logs.ts";
import { decodeOtlpMetrics } from "./metrics.ts";
import { logRows, sampleRows, spanRows } from "./rows-for-tests.ts";
import { drain, type OtlpEncoding } from "./steps.ts";
import { decodeOtlpTraces } from "./traces.ts";

export const ARRIVAL_NS = 1_700_000_123_456_789_012n;
export const NOW_MS = 1_800_000_000_000;
export type Message = "Traces" | "Logs" | "Metrics";

const encoder = new TextEncoder();
export const jsonBytes = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value));

/** Decodes and turns the batch into rows. */
export function decodeRows(
  message: Message,
  encoding: OtlpEncoding,
  body: Uint8Array,
  limits: Limits = defaultLimits,
): { rows: unknown; rejected: number; reason: string } {
  if (message === "Traces") {
    const { batch, rejected, reason } = drain(decodeOtlpTraces(body, encoding, { limits }));
    return { rows: spanRows(batch), rejected, reason };
  }
  if (message === "Logs") {
    const { batch, rejected, reason } = drain(
      decodeOtlpLogs(body, encoding, { limits, arrivalNs: ARRIVAL_NS }),
    );
    return { rows: logRows(batch), rejected, reason };
  }
  const { batch, rejected, reason } = drain(
    decodeOtlpMetrics(body, encoding, { limits, nowMs: NOW_MS }),
  );
  return { rows: sampleRows(batch), rejected, reason };
}

/** The same request in both encodings. */
export function bothEncodings(message: Message, request: unknown): [OtlpEncoding, Uint8Array][] {
  return [
    ["protobuf", encodeForTests(message, request)],
    ["json", jsonBytes(request)],
  ];
}

/** The members of all objects turned around: decoders must not depend on their order. */
export function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

/** Decodes; returns the error's code, "" when there is none. Throws what is not a well-formed error of the wire. */
export function outcome(
  message: Message,
  encoding: OtlpEncoding,
  body: Uint8Array,
  limits: Limits = defaultLimits,
): string {
  try {
    decodeRows(message, encoding, body, limits);
    return "";
  } catch (error) {
    if (!(error instanceof TriptychError) || !error.code.startsWith("wire_")) throw error;
    const { offset = -1 } = error;
    if (offset < 0 || offset > body.length || !error.message.includes(`at byte ${offset}`))
      throw error;
    return error.code;
  }
}
