/** Work on the main thread in slices, so that a large body does not hold the event loop, and the hash of a request. */
import { createHash } from "node:crypto";
import type { Clock } from "@triptych/model";
import { letOthersRun } from "../self/event-loop.ts";
import type { RequestHash } from "./next.ts";

/** A decoder may hold the event loop this long before others run. */
const SLICE_MS = 5;
/** Hashing runs at some hundred MB/s: this is about 4 ms of it. */
const HASH_SLICE_BYTES = 1024 * 1024;

/** Runs a decoder to its end, letting others run in between. */
export async function drive<T>(steps: Generator<void, T>, clock: Clock): Promise<T> {
  let sliceEndMs = clock.monotonicMs() + SLICE_MS;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (clock.monotonicMs() < sliceEndMs) continue;
    await letOthersRun();
    sliceEndMs = clock.monotonicMs() + SLICE_MS;
  }
}

/** The first 16 bytes of SHA-256 over tenant, path and body; NUL ends the texts, which cannot contain it. */
export async function requestHash(
  request: { readonly tenant: string; readonly path: string; readonly body: Uint8Array },
  clock: Clock,
): Promise<RequestHash> {
  const { tenant, path, body } = request;
  const hash = createHash("sha256").update(`${tenant}\0${path}\0`);
  let sliceEndMs = clock.monotonicMs() + SLICE_MS;
  for (let at = 0; at < body.length; at += HASH_SLICE_BYTES) {
    if (at > 0 && clock.monotonicMs() >= sliceEndMs) {
      await letOthersRun();
      sliceEndMs = clock.monotonicMs() + SLICE_MS;
    }
    hash.update(body.subarray(at, at + HASH_SLICE_BYTES));
  }
  return new Uint8Array(hash.digest().subarray(0, 16));
}
