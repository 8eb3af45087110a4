/**
 * Messages of the forward protocol on their way to the journal. Those that want an acknowledgement are made durable one
 * by one, so that a resend is recognised; the others of a read share a batch.
 */
import { asTriptychError, type Clock, type Limits, type TriptychError } from "@triptych/model";
import {
  addForwardEvents,
  type ForwardMessage,
  LogDrafts,
  readForwardMessage,
} from "@triptych/wire";
import { decompress } from "../decompress.ts";
import type { IngestNext } from "../next.ts";
import { TENANT } from "../otlp/receiver.ts";
import { createReservation } from "../reservation.ts";
import { drive, requestHash } from "../slices.ts";

export interface FluentdReceiverDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Bytes of the events of a message after decompression. */
  readonly messageBytesMax: number;
  /** Told of errors that are bugs of ours. */
  readonly report: (error: TriptychError) => void;
}

export interface FluentdReceiver {
  /**
   * Makes messages durable, or drops and counts what will never be taken; `acknowledge` is called for each that asked
   * for it as soon as that is so. Rejects with an error that may be retried, when some were not taken: those are
   * given back in `left`.
   */
  accept(messages: readonly Uint8Array[], acknowledge: (chunk: string) => void): Promise<Outcome>;
}

export interface Outcome {
  /** Messages that were not taken because of `error`, which may pass. */
  readonly left: readonly Uint8Array[];
  readonly error: TriptychError | undefined;
  /** One was no message of the protocol; it and all behind it were dropped, and the connection is worth nothing. */
  readonly isBroken: boolean;
}

const REASON_EVENT = "fluentd_event_invalid";
const REASON_SIGNAL = "fluentd_not_logs";

export function createFluentdReceiver(deps: FluentdReceiverDeps): FluentdReceiver {
  const { next, limits, clock } = deps;
  const newDrafts = (): LogDrafts => {
    const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
    return new LogDrafts({ limits, arrivalNs });
  };
  const decode = async (message: ForwardMessage, drafts: LogDrafts): Promise<void> => {
    const held = createReservation(next);
    try {
      const { events, compression } = message;
      const plain =
        compression === "none"
          ? events
          : { ...events, ...(await unpacked(events.bytes, compression, held.hold)) };
      const steps = addForwardEvents(message.tag, plain, { drafts, limits });
      const { rejected } = await drive(steps, clock);
      if (rejected > 0) next.discarded(REASON_EVENT, rejected);
    } finally {
      held.release();
    }
  };
  const unpacked = async (
    bytes: Uint8Array,
    compression: "gzip" | "zstd",
    hold: (bytes: number) => void,
  ): Promise<{ bytes: Uint8Array; start: number; end: number }> => {
    const plain = await decompress(bytes, compression, deps.messageBytesMax, hold);
    return { bytes: plain, start: 0, end: plain.length };
  };
  /** What can never be taken is counted and done with; what may be taken later goes on as an error. */
  const refused = (thrown: unknown): void => {
    const error = asTriptychError(thrown);
    if (error.spec.retry) throw error;
    next.discarded(error.code, 1);
    if (error.code === "internal") deps.report(error);
  };
  const acceptOne = async (bytes: Uint8Array, message: ForwardMessage): Promise<void> => {
    try {
      const hash = await requestHash({ tenant: TENANT, path: "/fluentd", body: bytes }, clock);
      const earlier = next.duplicateOf(hash);
      if (earlier !== null) return await earlier;
      const drafts = newDrafts();
      await decode(message, drafts);
      if (drafts.rows > 0) await next.accept(drafts.batch, hash);
    } catch (thrown) {
      refused(thrown);
    }
  };
  const acceptAll = async (messages: readonly ForwardMessage[]): Promise<void> => {
    let drafts = newDrafts();
    for (const message of messages) {
      try {
        await decode(message, drafts);
      } catch (thrown) {
        refused(thrown);
        // What a broken message had before it broke is kept; one that is too many begins another batch.
        if (drafts.rows >= limits.linesPerRequestMax) {
          await next.accept(drafts.batch, null);
          drafts = newDrafts();
        }
      }
    }
    try {
      if (drafts.rows > 0) await next.accept(drafts.batch, null);
    } catch (thrown) {
      refused(thrown);
    }
  };
  const read = (bytes: Uint8Array): ForwardMessage | "broken" | undefined => {
    try {
      const message = readForwardMessage(bytes);
      if (message?.signal === "other") next.discarded(REASON_SIGNAL, 1);
      return message;
    } catch (thrown) {
      refused(thrown);
      return "broken";
    }
  };
  return {
    async accept(all, acknowledge) {
      const plain: { readonly bytes: Uint8Array; readonly message: ForwardMessage }[] = [];
      const left: Uint8Array[] = [];
      const work: Promise<void>[] = [];
      let error: TriptychError | undefined;
      let isBroken = false;
      const failed = (messages: readonly Uint8Array[]) => (thrown: unknown) => {
        error = asTriptychError(thrown);
        left.push(...messages);
      };
      for (const bytes of all) {
        const message = read(bytes);
        if (message === undefined) continue;
        if (message === "broken") {
          isBroken = true;
          break;
        }
        const { chunk } = message;
        if (chunk === undefined) {
          if (message.signal === "logs") plain.push({ bytes, message });
          continue;
        }
        const one = message.signal === "logs" ? acceptOne(bytes, message) : Promise.resolve();
        work.push(one.then(() => acknowledge(chunk), failed([bytes])));
      }
      if (plain.length > 0)
        work.push(
          acceptAll(plain.map(({ message }) => message)).catch(
            failed(plain.map(({ bytes }) => bytes)),
          ),
        );
      await Promise.all(work);
      return { left, error, isBroken };
    },
  };
}
