/** The core that Jaeger's transports share: a message in, durable or refused. Knows nothing of HTTP, UDP or gRPC. */
import type { Clock, Limits, TriptychError } from "@triptych/model";
import { decodeJaeger, type JaegerEncoding } from "@triptych/wire";
import type { IngestNext } from "../next.ts";
import { TENANT } from "../otlp/receiver.ts";
import { drive, requestHash } from "../slices.ts";

export interface JaegerDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours; the sender only learns that there was one. */
  readonly report: (error: TriptychError) => void;
}

/** Resolves when the spans are durable; rejects with a `TriptychError`. A byte-identical resend is stored once. */
export async function acceptJaeger(
  body: Uint8Array,
  encoding: JaegerEncoding,
  { next, limits, clock }: JaegerDeps,
): Promise<void> {
  const hash = await requestHash({ tenant: TENANT, path: `/jaeger ${encoding}`, body }, clock);
  const earlier = next.duplicateOf(hash);
  if (earlier !== null) return earlier;
  const batch = await drive(decodeJaeger(body, encoding, { limits }), clock);
  if (batch.rows > 0) await next.accept(batch, hash);
}
