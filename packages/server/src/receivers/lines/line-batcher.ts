/**
 * Gathers records that arrive one by one into batches and makes these durable, one after another. Nobody can be answered,
 * so a batch that cannot be taken now is tried again, and meanwhile `add` refuses: streams wait, datagrams are lost.
 */
import {
  asTriptychError,
  type Clock,
  type Limits,
  type LogBatch,
  type TriptychError,
} from "@triptych/model";
import { type LogDraft, LogDrafts } from "@triptych/wire";
import type { IngestNext } from "../next.ts";
import { createReservation, type Reservation } from "../reservation.ts";

export interface LineBatcherDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours. */
  readonly report: (error: TriptychError) => void;
}

export interface LineBatcher {
  /** False when there is no room; nothing was taken then. Throws `wire_too_deep` for a record of its own fault. */
  add(draft: LogDraft): boolean;
  /** Whether `add` refuses for now. */
  readonly isBusy: boolean;
  /** Resolves when it is worth trying `add` again, at the latest after a moment. */
  room(): Promise<void>;
  /** Makes durable what was taken; what cannot be is counted as discarded. Takes nothing afterwards. */
  close(): Promise<void>;
}

/** A batch is closed at the first of these: a sync for about a megabyte, and lines that are seen at once. */
const ROWS_MAX = 5_000;
const BYTES_MAX = 1024 * 1024;
const HOLD_MS = 100;
/** Batches that wait behind the one under way. */
const WAITING_MAX = 4;
const RETRY_MS = 1_000;
/** Budget that somebody else gives back is not announced. */
const ROOM_MS = 100;
/** What a draft holds besides its text. */
const DRAFT_BYTES = 256;

interface Waiting {
  readonly batch: LogBatch;
  readonly held: Reservation;
}

export function createLineBatcher(deps: LineBatcherDeps): LineBatcher {
  const { next, limits, clock } = deps;
  const waiting: Waiting[] = [];
  const waiters = new Set<() => void>();
  let open: { readonly drafts: LogDrafts; readonly held: Reservation } | undefined;
  let cancelHold = (): void => {};
  let running: Promise<void> | undefined;
  let isClosing = false;
  let cancelRetry = (): void => {};

  const wake = (): void => {
    for (const resolve of waiters) resolve();
    waiters.clear();
  };

  /** Resolves after `delayMs`, or at once when closing begins. */
  const retryAfter = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(delayMs, resolve);
      cancelRetry = () => {
        cancel();
        resolve();
      };
    });

  const makeDurable = async ({ batch }: Waiting): Promise<void> => {
    for (;;) {
      try {
        await next.accept(batch, null);
        return;
      } catch (thrown) {
        const error = asTriptychError(thrown);
        if (!error.spec.retry || isClosing) {
          next.discarded(error.code, batch.rows);
          if (error.code === "internal") deps.report(error);
          return;
        }
        await retryAfter((error.retryAfterSeconds ?? RETRY_MS / 1000) * 1000);
      }
    }
  };

  const run = async (): Promise<void> => {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      await makeDurable(first);
      first.held.release();
      waiting.shift();
      wake();
    }
    running = undefined;
  };

  const flush = (): void => {
    cancelHold();
    if (open === undefined) return;
    const { drafts, held } = open;
    open = undefined;
    if (drafts.timesReplaced > 0) next.discarded("time_out_of_range", drafts.timesReplaced);
    if (drafts.rows === 0) {
      held.release();
      return;
    }
    waiting.push({ batch: drafts.batch, held });
    running ??= run();
  };

  const begin = (): NonNullable<typeof open> => {
    const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
    cancelHold = clock.after(HOLD_MS, flush);
    return { drafts: new LogDrafts({ limits, arrivalNs }), held: createReservation(next) };
  };

  return {
    add(draft) {
      if (isClosing || waiting.length >= WAITING_MAX) return false;
      open ??= begin();
      try {
        open.held.hold(sizeOf(draft));
      } catch (thrown) {
        if (asTriptychError(thrown).code !== "memory_pressure") throw thrown;
        flush();
        return false;
      }
      open.drafts.add(draft);
      if (open.drafts.rows >= ROWS_MAX || open.drafts.bytes >= BYTES_MAX) flush();
      return true;
    },
    get isBusy() {
      return isClosing || waiting.length >= WAITING_MAX;
    },
    room: () =>
      new Promise((resolve) => {
        const cancel = clock.after(ROOM_MS, () => {
          waiters.delete(done);
          resolve();
        });
        const done = (): void => {
          cancel();
          resolve();
        };
        waiters.add(done);
      }),
    async close() {
      isClosing = true;
      cancelRetry();
      flush();
      wake();
      await running;
    },
  };
}

function sizeOf({ body, attributes }: LogDraft): number {
  const text = body instanceof Uint8Array || typeof body === "string" ? body.length : 0;
  return text + attributes.length * 64 + DRAFT_BYTES;
}
