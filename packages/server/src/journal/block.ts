/**
 * What the journal carries: Native blocks, each with rows of one kind and one partition. The journal does not look
 * inside; the encoder that makes blocks of batches lies right of it and is handed in.
 */
import type { Batch } from "@triptych/model";

export interface Block {
  /** The name of a block kind of the store's table list. */
  readonly kind: string;
  /** Partition number, e.g. 20261121, or 0 for tables without partitions. */
  readonly partition: number;
  readonly rows: number;
  /** One Native block. */
  readonly bytes: Uint8Array;
}

export interface BlockEncoder {
  /** Merges the batches into blocks; yields often enough that no step takes longer than about 10 ms. */
  encode(batches: readonly Batch[]): Generator<void, Block[]>;
  /** The blocks of the last `encode` did not become durable: forget what they made known. */
  forget(): void;
}
