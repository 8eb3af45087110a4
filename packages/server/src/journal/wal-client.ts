/** The event loop's side of the journal's thread: requests out, promises back. */
import { Worker } from "node:worker_threads";
import { TriptychError } from "@triptych/model";
import type { Checkpoint } from "./checkpoint.ts";
import type { RecordPlace, Recovery } from "./segment-log.ts";
import type { WalOptions, WalReply, WalRequest } from "./wal-worker.ts";

export interface WalClient {
  readonly recovery: Recovery;
  /** Resolves when the record is durable. The payload's buffers are moved to the other thread: do not touch them. */
  append(seq: number, payload: readonly Uint8Array[]): Promise<RecordPlace>;
  /** Writes the checkpoint, then deletes segments before `keepFrom`. */
  checkpoint(checkpoint: Checkpoint, keepFrom: number): Promise<void>;
  close(): Promise<void>;
}

interface Waiter {
  readonly resolve: (place: RecordPlace | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** `onDeath` is called when the thread ends by itself: nothing can be acknowledged any more. */
export async function openWal(
  options: WalOptions & { readonly workerUrl: URL },
  onDeath: (error: Error) => void,
): Promise<WalClient> {
  const { workerUrl, ...workerData } = options;
  const worker = new Worker(workerUrl, { workerData });
  const waiters = new Map<number, Waiter>();
  let nextId = 1;
  let closing = false;
  /** Why the thread is gone: who asks after that is told at once. */
  let dead: Error | undefined;
  const die = (error: Error): void => {
    if (dead !== undefined) return;
    dead = error;
    for (const waiter of waiters.values()) waiter.reject(error);
    waiters.clear();
    if (!closing) onDeath(error);
  };
  const recovery = await new Promise<Recovery>((resolve, reject) => {
    worker.on("message", (reply: WalReply) => {
      if (reply.kind === "opened") resolve(reply.recovery);
      else settle(waiters, reply);
    });
    worker.on("error", (error) => {
      reject(openError(options.directory, error));
      die(error);
    });
    worker.on("exit", (code) => die(new Error(`the journal's thread ended with code ${code}`)));
  });
  const ask = (
    make: (id: number) => WalRequest,
    transfer: ArrayBuffer[],
  ): Promise<RecordPlace | undefined> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) return reject(writeError("", dead.message));
      const id = nextId++;
      waiters.set(id, { resolve, reject });
      worker.postMessage(make(id), transfer);
    });
  return {
    recovery,
    async append(seq, payload) {
      const buffers = new Set(payload.map((part) => part.buffer as ArrayBuffer));
      const place = await ask((id) => ({ kind: "append", id, seq, payload }), [...buffers]);
      if (place === undefined)
        throw new TriptychError("journal_failed", "the journal gave no place for a record");
      return place;
    },
    async checkpoint(checkpoint, keepFrom) {
      await ask((id) => ({ kind: "checkpoint", id, checkpoint, keepFrom }), []);
    },
    async close() {
      if (closing) return;
      closing = true;
      if (dead === undefined) await ask((id) => ({ kind: "close", id }), []);
      await worker.terminate();
    },
  };
}

function settle(waiters: Map<number, Waiter>, reply: Exclude<WalReply, { kind: "opened" }>): void {
  const waiter = waiters.get(reply.id);
  waiters.delete(reply.id);
  if (waiter === undefined) return;
  if (reply.kind === "failed") waiter.reject(writeError(reply.code, reply.message));
  else waiter.resolve(reply.kind === "appended" ? reply.place : undefined);
}

const RETRY_SECONDS = 5;

function writeError(code: string, message: string): TriptychError {
  const retryAfterSeconds = RETRY_SECONDS;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new TriptychError("disk_full", `cannot write the journal: ${message}; free disk space`, {
      retryAfterSeconds,
    });
  }
  return new TriptychError("journal_failed", `cannot write the journal: ${message}`, {
    retryAfterSeconds,
  });
}

function openError(directory: string, error: Error): TriptychError {
  return new TriptychError(
    "data_dir_unusable",
    `cannot open the journal in ${directory}: ${error.message}`,
    {
      cause: error,
    },
  );
}
