/**
 * What receivers hand their batches to. It lies right of them (pipeline, then journal) and is given to them by
 * `main.ts`; receivers never reach for it.
 */
import type { Batch } from "@triptych/model";

/** 16 bytes over tenant, path and decoded body: a byte-identical resend has the same one. */
export type RequestHash = Uint8Array;

/** Parts of a batch that the pipeline refused for good. */
export interface Refused {
  readonly samples: number;
  readonly histograms: number;
  readonly exemplars: number;
  /** Spans or log records. */
  readonly others: number;
  /** Why, for the sender. */
  readonly message: string;
}

/** What the sender counts as items: exemplars belong to them. */
export function itemsOf({ samples, histograms, others }: Refused): number {
  return samples + histograms + others;
}

export interface IngestNext {
  /**
   * A promise when a request with this hash was accepted within the last ten minutes or is being made durable right
   * now; it settles as that request did. `null` when the hash is new. Ask before decoding.
   */
  duplicateOf(hash: RequestHash): Promise<void> | null;
  /**
   * Takes over the batch and resolves when it is durable. `hash` is null for requests without identity (our own
   * telemetry). Rejects with a `TriptychError` whose catalogue entry says whether the sender may try again. Resolves
   * with what was refused for good while the rest was taken; that is counted already.
   */
  accept(batch: Batch, hash: RequestHash | null): Promise<Refused | void>;
  /**
   * Reserves `bytes` of the budget for decoded bodies in flight; throws `memory_pressure` when it is spent. The
   * returned function gives them back; calling it twice is safe.
   */
  admit(bytes: number): () => void;
  /** Counts what is refused, as `triptych_discarded_total{reason}`. */
  discarded(reason: string, items: number): void;
}
