/**
 * Sends one request of remote write until it is taken, refused for good, or nobody waits for it any more: errors of
 * the network and 5xx are tried again, 429 when configured, other answers are final.
 */
import { type Clock, sleep } from "@triptych/model";
import { encodeSnappy, type RemoteWriteVersion } from "@triptych/wire";
import { backoffMs } from "./backoff.ts";
import type { RemoteAnswer, RemoteTransport } from "./transport.ts";

export interface DeliveryDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly transport: RemoteTransport;
  readonly version: RemoteWriteVersion;
  readonly timeoutMs: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly retryOn429: boolean;
  readonly signal: AbortSignal;
}

export interface Delivery {
  /** The body for an attempt, before compression; undefined when there is nothing left to send. */
  body(attempt: number): Uint8Array | undefined;
  /** Called before each further attempt. */
  onRetry(reason: string): void;
  /** Called after each attempt with an answer or an error. */
  onAttempt(bytes: number, seconds: number): void;
}

export type DeliveryEnd =
  | { readonly kind: "taken"; readonly answer: RemoteAnswer }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "nothing_left" }
  | { readonly kind: "stopped" };

const contentTypes: { readonly [version in RemoteWriteVersion]: string } = {
  "1.0": "application/x-protobuf",
  "2.0": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
};
const versionHeaders: { readonly [version in RemoteWriteVersion]: string } = {
  "1.0": "0.1.0",
  "2.0": "2.0.0",
};
const REASON_CHARS_MAX = 512;

export async function deliver(deps: DeliveryDeps, delivery: Delivery): Promise<DeliveryEnd> {
  for (let attempt = 0; ; attempt++) {
    const body = delivery.body(attempt);
    if (body === undefined) return { kind: "nothing_left" };
    const outcome = await attemptOnce(deps, delivery, { body, attempt });
    if (deps.signal.aborted && outcome.kind !== "taken") return { kind: "stopped" };
    if (outcome.kind !== "again") return outcome;
    delivery.onRetry(outcome.reason);
    const waitMs = backoffMs({ minMs: deps.minBackoffMs, maxMs: deps.maxBackoffMs }, attempt, {
      retryAfter: outcome.retryAfter,
      nowMs: deps.clock.nowMs(),
      random: deps.random(),
    });
    await unlessAborted(deps.signal, sleep(deps.clock, waitMs));
    if (deps.signal.aborted) return { kind: "stopped" };
  }
}

interface Again {
  readonly kind: "again";
  readonly reason: string;
  readonly retryAfter: string | undefined;
}

async function attemptOnce(
  deps: DeliveryDeps,
  delivery: Delivery,
  { body, attempt }: { readonly body: Uint8Array; readonly attempt: number },
): Promise<Extract<DeliveryEnd, { kind: "taken" | "refused" }> | Again> {
  const compressed = encodeSnappy(body);
  const startedMs = deps.clock.monotonicMs();
  const done = (): void =>
    delivery.onAttempt(compressed.length, (deps.clock.monotonicMs() - startedMs) / 1000);
  let answer: RemoteAnswer;
  try {
    answer = await deps.transport.post({
      body: compressed,
      headers: {
        "content-encoding": "snappy",
        "content-type": contentTypes[deps.version],
        "x-prometheus-remote-write-version": versionHeaders[deps.version],
        ...(attempt === 0 ? {} : { "retry-attempt": String(attempt) }),
      },
      timeoutMs: deps.timeoutMs,
      signal: deps.signal,
    });
  } catch (error) {
    done();
    return {
      kind: "again",
      reason: String(error).slice(0, REASON_CHARS_MAX),
      retryAfter: undefined,
    };
  }
  done();
  const { status, text, headers } = answer;
  if (status >= 200 && status < 300) return { kind: "taken", answer };
  const reason = `server returned HTTP status ${status}: ${text.slice(0, REASON_CHARS_MAX)}`;
  const again = status >= 500 || (status === 429 && deps.retryOn429);
  return again
    ? { kind: "again", reason, retryAfter: headers["retry-after"] }
    : { kind: "refused", reason };
}

/** The work's promise, or earlier when the signal fires. */
function unlessAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    void work.then(end);
  });
}
