/** Events of the Beats protocol on their way to the journal. */
import { asTriptychError, type Clock, type Limits, type TriptychError } from "@triptych/model";
import { type BeatsEvent, decodeBeatsEvents } from "@triptych/wire";
import type { IngestNext } from "../next.ts";
import { TENANT } from "../otlp/receiver.ts";
import { drive, requestHash } from "../slices.ts";

export interface BeatsReceiverDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours. */
  readonly report: (error: TriptychError) => void;
}

export interface BeatsReceiver {
  /**
   * Resolves when the events are durable, or dropped and counted because they will never be taken. Rejects with an
   * error that may pass; then nothing was taken.
   */
  accept(events: readonly BeatsEvent[], peer: string): Promise<void>;
}

export function createBeatsReceiver(deps: BeatsReceiverDeps): BeatsReceiver {
  const { next, limits, clock } = deps;
  /**
   * Who got no acknowledgement sends its events again, numbered anew. They are stored once if each has a time of its
   * own; events without one may well be equal and meant twice.
   */
  const store = async (events: readonly BeatsEvent[], peer: string): Promise<void> => {
    const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
    const steps = decodeBeatsEvents(events, { limits, arrivalNs, peer });
    const { batch, isRepeatable, timesReplaced } = await drive(steps, clock);
    const hash = isRepeatable ? await hashOf(events, clock) : null;
    const earlier = hash === null ? null : next.duplicateOf(hash);
    if (earlier !== null) return await earlier;
    await next.accept(batch, hash);
    if (timesReplaced > 0) next.discarded("time_out_of_range", timesReplaced);
  };
  return {
    async accept(events, peer) {
      if (events.length === 0) return;
      try {
        await store(events, peer);
      } catch (thrown) {
        const error = asTriptychError(thrown);
        if (error.spec.retry) throw error;
        next.discarded(error.code, events.length);
        if (error.code === "internal") deps.report(error);
      }
    },
  };
}

/** Over what the events say, with their lengths between, and not over their numbers. */
function hashOf(events: readonly BeatsEvent[], clock: Clock): Promise<Uint8Array> {
  const bytes = events.reduce((sum, event) => sum + event.bytes.length + 4, 0);
  const body = new Uint8Array(bytes);
  const view = new DataView(body.buffer);
  let at = 0;
  for (const event of events) {
    view.setUint32(at, event.bytes.length);
    body.set(event.bytes, at + 4);
    at += event.bytes.length + 4;
  }
  return requestHash({ tenant: TENANT, path: "/beats", body }, clock);
}
