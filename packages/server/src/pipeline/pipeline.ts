/**
 * Processors between receivers and journal: a list of stages, each takes a batch and returns it (changed in place or
 * another). A stage that remembers something about batches offers `undo` for the case that the batch does not become
 * durable and is sent again.
 */
import type { Batch } from "@triptych/model";
import type { Refused } from "../receivers/next.ts";

export interface Stage {
  readonly name: string;
  /** Called once per batch, never concurrently. Owns the batch until it returns. */
  process(batch: Batch): Processed;
  /** Called instead for batches too large for one go; others may overtake it. */
  processInSteps?(batch: Batch): Promise<Processed>;
}

export interface Processed {
  readonly batch: Batch;
  /** Forgets what the stage learned from this batch. */
  readonly undo?: () => void;
  /** What was cut out of the batch for good, when the sender is to be told. */
  readonly refused?: Refused;
}

/** A stage that takes some 100 ns a row is done with them in a few milliseconds. */
export const ROWS_AT_ONCE = 25_000;

/**
 * Runs the stages, then `next`; when that fails, the stages forget in reverse order and the error goes on. Resolves
 * with what a stage refused; a batch of which nothing is left is not handed on.
 */
export function createPipeline(
  stages: readonly Stage[],
  next: (batch: Batch, hash: Uint8Array | null) => Promise<void>,
): (batch: Batch, hash: Uint8Array | null) => Promise<Refused | undefined> {
  return async (batch, hash) => {
    let current = batch;
    const undos: (() => void)[] = [];
    let refused: Refused | undefined;
    try {
      for (const stage of stages) {
        // Small batches go on at once, so that they stay in the order they came in.
        const processed =
          current.rows > ROWS_AT_ONCE && stage.processInSteps !== undefined
            ? await stage.processInSteps(current)
            : stage.process(current);
        current = processed.batch;
        if (processed.undo !== undefined) undos.push(processed.undo);
        refused ??= processed.refused;
      }
      if (refused === undefined || hasContent(current)) await next(current, hash);
      return refused;
    } catch (error) {
      for (const undo of undos.reverse()) undo();
      throw error;
    }
  };
}

function hasContent(batch: Batch): boolean {
  if (batch.rows > 0) return true;
  if (batch.signal !== "samples") return false;
  return batch.exemplars.rows > 0 || batch.metadata.length > 0;
}
