/**
 * Which requests were acknowledged lately: a window of 128-bit request hashes, bounded by age and number. A resend
 * that is byte-identical finds itself here and is acknowledged without being stored twice.
 */
import type { Clock } from "@triptych/model";

/** OTLP exporters give up after five minutes; twice that. */
const AGE_MS_MAX = 10 * 60_000;
/** At 24 bytes in the checkpoint each, 2.4 MB; 170 requests a second fill it in ten minutes. */
const HASHES_MAX = 100_000;

export interface HashWindow {
  /** Settles as the request with this hash did; null when unknown. */
  find(hash: Uint8Array): Promise<void> | null;
  /** The request is being made durable; on failure it is forgotten. */
  begin(hash: Uint8Array, durable: Promise<void>): void;
  /** A request known to be durable since `timeMs`: from recovery. */
  restore(hash: Uint8Array, timeMs: number): void;
  /** Durable hashes, oldest first. */
  entries(): { hash: Uint8Array; timeMs: number }[];
}

const DONE = Promise.resolve();

export function createHashWindow(clock: Clock): HashWindow {
  // Map keeps insertion order, which is order of time: eviction takes from the front.
  const known = new Map<
    string,
    { hash: Uint8Array; timeMs: number; pending: Promise<void> | null }
  >();
  const evict = (): void => {
    const oldest = clock.nowMs() - AGE_MS_MAX;
    for (const [key, entry] of known) {
      if (known.size <= HASHES_MAX && entry.timeMs >= oldest) break;
      known.delete(key);
    }
  };
  return {
    find(hash) {
      const entry = known.get(keyOf(hash));
      if (entry === undefined || entry.timeMs < clock.nowMs() - AGE_MS_MAX) return null;
      return entry.pending ?? DONE;
    },
    begin(hash, durable) {
      const key = keyOf(hash);
      const entry = { hash, timeMs: clock.nowMs(), pending: durable as Promise<void> | null };
      known.delete(key);
      known.set(key, entry);
      evict();
      durable.then(
        () => {
          entry.pending = null;
        },
        () => {
          if (known.get(key) === entry) known.delete(key);
        },
      );
    },
    restore(hash, timeMs) {
      known.set(keyOf(hash), { hash, timeMs, pending: null });
      evict();
    },
    entries() {
      const out: { hash: Uint8Array; timeMs: number }[] = [];
      for (const { hash, timeMs, pending } of known.values())
        if (pending === null) out.push({ hash, timeMs });
      return out;
    },
  };
}

function keyOf(hash: Uint8Array): string {
  let key = "";
  for (let i = 0; i < hash.length; i++) key += String.fromCharCode(hash[i] as number);
  return key;
}
