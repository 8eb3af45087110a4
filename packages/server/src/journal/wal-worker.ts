/**
 * The journal's own thread: writes and syncs records with synchronous calls, so that neither the event loop nor the
 * engine's threads stand between a batch and the disk. All requests that wait are written together and synced once.
 */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "@triptych/model";
import { type Checkpoint, writeCheckpoint } from "./checkpoint.ts";
import { nodeFs } from "./fs.ts";
import { openSegmentLog, type RecordPlace, type Recovery, type SegmentLog } from "./segment-log.ts";

export interface WalOptions {
  readonly directory: string;
  readonly segmentBytesMax: number;
  readonly sync: boolean;
}

export type WalRequest =
  | {
      readonly kind: "append";
      readonly id: number;
      readonly seq: number;
      readonly payload: readonly Uint8Array[];
    }
  | {
      readonly kind: "checkpoint";
      readonly id: number;
      readonly checkpoint: Checkpoint;
      readonly keepFrom: number;
    }
  | { readonly kind: "close"; readonly id: number };

export type WalReply =
  | { readonly kind: "opened"; readonly recovery: Recovery }
  | { readonly kind: "appended"; readonly id: number; readonly place: RecordPlace }
  | { readonly kind: "done"; readonly id: number }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly code: string;
      readonly message: string;
    };

/** One sync for at most this much: a larger group only makes everybody in it wait longer. */
const GROUP_BYTES_MAX = 16 * 1024 * 1024;

function serve(options: WalOptions): void {
  const port = parentPort;
  assert(port !== null, "the journal's thread is a worker");
  const log = openSegmentLog({ ...options, fs: nodeFs });
  const reply = (message: WalReply): void => port.postMessage(message);
  reply({ kind: "opened", recovery: log.recovery });
  let waiting: Extract<WalRequest, { kind: "append" }>[] = [];
  const flush = (): void => {
    const all = waiting;
    waiting = [];
    for (const group of groups(all)) appendGroup(log, group, reply);
  };
  port.on("message", (request: WalRequest) => {
    if (request.kind === "append") {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push(request);
      return;
    }
    flush();
    try {
      if (request.kind === "checkpoint") {
        writeCheckpoint(nodeFs, options.directory, request.checkpoint);
        log.dropBefore(request.keepFrom);
      } else {
        log.close();
      }
      reply({ kind: "done", id: request.id });
    } catch (error) {
      reply(failure(request.id, error));
    }
    if (request.kind === "close") port.close();
  });
}

function* groups<R extends { payload: readonly Uint8Array[] }>(all: readonly R[]): Generator<R[]> {
  let group: R[] = [];
  let bytes = 0;
  for (const request of all) {
    group.push(request);
    for (const part of request.payload) bytes += part.length;
    if (bytes < GROUP_BYTES_MAX) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

function appendGroup(
  log: SegmentLog,
  group: readonly Extract<WalRequest, { kind: "append" }>[],
  reply: (message: WalReply) => void,
): void {
  try {
    const places = log.append(group);
    for (const [i, { id }] of group.entries()) {
      const place = places[i];
      assert(place !== undefined, "every entry has a place");
      reply({ kind: "appended", id, place });
    }
  } catch (error) {
    for (const { id } of group) reply(failure(id, error));
  }
}

function failure(id: number, error: unknown): WalReply {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return {
    kind: "failed",
    id,
    code,
    message: error instanceof Error ? error.message : String(error),
  };
}

serve(workerData as WalOptions);
