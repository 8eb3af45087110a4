/**
 * Processors between receivers and journal: a list of stages, each takes a batch and returns it (changed in place or
 * another). A stage that remembers something about batches offers `undo` for the case that the batch does not become
 * durable and is sent again.
 */
import type { Batch } from "@triptych/model";

export interface Stage {
  readonly name: string;
  /** Called once per batch, never concurrently. Owns the batch until it returns. */
  process(batch: Batch): Processed;
}

export interface Processed {
  readonly batch: Batch;
  /** Forgets what the stage learned from this batch. */
  readonly undo?: () => void;
}

/** Runs the stages, then `next`; when that fails, the stages forget in reverse order and the error goes on. */
export function createPipeline(
  stages: readonly Stage[],
  next: (batch: Batch, hash: Uint8Array | null) => Promise<void>,
): (batch: Batch, hash: Uint8Array | null) => Promise<void> {
  return async (batch, hash) => {
    let current = batch;
    const undos: (() => void)[] = [];
    for (const stage of stages) {
      const { batch: processed, undo } = stage.process(current);
      current = processed;
      if (undo !== undefined) undos.push(undo);
    }
    try {
      await next(current, hash);
    } catch (error) {
      for (const undo of undos.reverse()) undo();
      throw error;
    }
  };
}
