/**
 * The core that OTLP over HTTP and over gRPC share: a decoded request body in, durable or refused, response bytes
 * out. Transports do the framing, the decompression and the budget; this file knows none of them.
 */
import type { Batch, Clock, Limits, TriptychError } from "@triptych/model";
import {
  decodeOtlpLogs,
  decodeOtlpMetrics,
  decodeOtlpTraces,
  encodeExportResponse,
  type OtlpEncoding,
} from "@triptych/wire";
import { type IngestNext, itemsOf, type RequestHash } from "../next.ts";
import { drive, requestHash } from "../slices.ts";

export type OtlpSignal = "traces" | "metrics" | "logs";

export interface OtlpRequest {
  /** Decompressed. The caller keeps it unchanged and in its budget until the promise settles. */
  readonly body: Uint8Array;
  readonly encoding: OtlpEncoding;
  /** Both go into the hash that recognises a resend. */
  readonly tenant: string;
  readonly path: string;
}

export interface OtlpReceiverDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
}

/**
 * One function a signal. Each resolves with an `Export…ServiceResponse` in the request's encoding when the items are
 * durable (or some were refused for good: partial success), and rejects with a `TriptychError` otherwise. Calls may
 * run concurrently; a byte-identical request that arrives while the first is still running shares its outcome.
 */
export type OtlpReceiver = Readonly<
  Record<OtlpSignal, (request: OtlpRequest) => Promise<Uint8Array>>
>;

/** The label under which single refused items are counted. */
const ITEM_INVALID = "item_invalid";

interface Decoded {
  readonly batch: Batch;
  readonly rejected: number;
  readonly reason: string;
}
type Decode = (request: OtlpRequest, deps: OtlpReceiverDeps) => Generator<void, Decoded>;

const decoders: Readonly<Record<OtlpSignal, Decode>> = {
  traces: ({ body, encoding }, { limits }) => decodeOtlpTraces(body, encoding, { limits }),
  metrics: ({ body, encoding }, { limits, clock }) =>
    decodeOtlpMetrics(body, encoding, { limits, nowMs: clock.nowMs() }),
  logs: ({ body, encoding }, { limits, clock }) =>
    decodeOtlpLogs(body, encoding, { limits, arrivalNs: nanoseconds(clock.nowMs()) }),
};

export function createOtlpReceiver(deps: OtlpReceiverDeps): OtlpReceiver {
  /** Requests between hash and durability, by hash: a twin that arrives meanwhile waits for the first. */
  const running = new Map<string, Promise<Uint8Array>>();

  const receive = async (signal: OtlpSignal, request: OtlpRequest): Promise<Uint8Array> => {
    const hash = await requestHash(request, deps.clock);
    // Bytes that are the same in two encodings (none at all) do not mean the same.
    const key = `${request.encoding} ${Buffer.from(hash).toString("latin1")}`;
    const twin = running.get(key);
    if (twin !== undefined) return twin;
    const earlier = deps.next.duplicateOf(hash);
    if (earlier !== null) {
      await earlier;
      return encodeExportResponse(signal, request.encoding, 0, "");
    }
    const work = ingest({ signal, request, hash, deps });
    running.set(key, work);
    try {
      return await work;
    } finally {
      running.delete(key);
    }
  };

  return {
    traces: (request) => receive("traces", request),
    metrics: (request) => receive("metrics", request),
    logs: (request) => receive("logs", request),
  };
}

async function ingest(job: {
  signal: OtlpSignal;
  request: OtlpRequest;
  hash: RequestHash;
  deps: OtlpReceiverDeps;
}): Promise<Uint8Array> {
  const { signal, request, hash, deps } = job;
  const steps = decoders[signal](request, deps);
  const { batch, rejected, reason } = await drive(steps, deps.clock);
  const refused = batch.rows > 0 ? await deps.next.accept(batch, hash) : undefined;
  if (rejected > 0) deps.next.discarded(ITEM_INVALID, rejected);
  const others = refused === undefined ? 0 : itemsOf(refused);
  const text = [reason, refused?.message ?? ""].filter((one) => one !== "").join("; ");
  return encodeExportResponse(signal, request.encoding, rejected + others, cutMessage(text));
}

function nanoseconds(ms: number): bigint {
  // Whole milliseconds are exact in a number; the fraction carries microseconds at best.
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.floor((ms - whole) * 1_000_000));
}

/** Responses must stay small and quote the sender's input: enough to understand, far below 4 MiB. */
const MESSAGE_CHARS_MAX = 1024;

/** Cuts a message that may quote input; half a surrogate pair becomes U+FFFD, which every encoding can carry. */
export function cutMessage(message: string, charsMax = MESSAGE_CHARS_MAX): string {
  const cut = message.length <= charsMax ? message : `${message.slice(0, charsMax)}…`;
  return Buffer.from(cut).toString();
}

/** What a refused request is answered with, the same over HTTP and gRPC. */
export interface Refusal {
  readonly error: TriptychError;
  readonly message: string;
  /** Set exactly when the sender should try again. */
  readonly retryAfterSeconds?: number;
}

/** When whoever refused did not say how long to wait: short, because what was acknowledged is visible in a second. */
const RETRY_AFTER_SECONDS = 2;

/** Turns an error into the answer for the sender. What went wrong inside of us stays inside. */
export function refusal(error: TriptychError): Refusal {
  const inside = error.code === "internal" || error.code === "store_failed";
  const text = inside
    ? "The request could not be handled; the server's log says why."
    : error.message;
  const located =
    error.offset === undefined || text.includes(String(error.offset))
      ? text
      : `${text} (at byte ${error.offset})`;
  const answer = { error, message: cutMessage(located) };
  if (!error.spec.retry) return answer;
  const retryAfterSeconds = Math.max(1, Math.ceil(error.retryAfterSeconds ?? RETRY_AFTER_SECONDS));
  return { ...answer, retryAfterSeconds };
}

/** What a transport needs besides the core. */
export interface OtlpTransportDeps {
  readonly receiver: OtlpReceiver;
  readonly next: IngestNext;
  readonly limits: Limits;
  /** Told of errors that are bugs of ours; the sender only learns that there was one. */
  readonly report: (error: TriptychError) => void;
}

/** Counts and reports a refused request. What may be retried is counted by whoever was full. */
export function noteRefusal(error: TriptychError, deps: OtlpTransportDeps): void {
  if (!error.spec.retry) deps.next.discarded(error.code, 1);
  if (error.code === "internal") deps.report(error);
}

/** There is one tenant so far. */
export const TENANT = "default";
