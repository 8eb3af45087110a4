/**
 * What every OTLP decoder hands back, and how its work is cut into steps: a decoder is a generator that yields
 * after some thousand items or some hundred KiB of input, so that whoever drives it can let others run in between.
 */

export type OtlpEncoding = "protobuf" | "json";

export interface Decoded<B> {
  readonly batch: B;
  /** Items refused one by one; what a partial success reports. */
  readonly rejected: number;
  /** Why the first of them was refused, "" when none was. */
  readonly reason: string;
}

/** Runs a decoder to its end at once: for tests and small bodies. */
export function drain<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** About a millisecond of work each. */
const ITEMS_PER_STEP = 2_000;
const BYTES_PER_STEP = 256 * 1024;

/**
 * Items are read in one go, so one that has more fields than this (in protobuf; values in JSON, which cost more) is
 * refused: some 10 ms of work, and ten times what an item with 10,000 attributes has.
 */
export const FIELDS_PER_ITEM_MAX = 400_000;
export const VALUES_PER_ITEM_MAX = 200_000;

/** Counts work and says when a step is over. */
export class StepMeter {
  private items = 0;
  private bytesAt = 0;

  /** Notes one item that ends at byte `pos`; true when it is time to yield. */
  due(pos: number, items = 1): boolean {
    this.items += items;
    // A decoder that defers a part of the message jumps back, so the distance counts in both directions.
    const distance = Math.abs(pos - this.bytesAt);
    if (this.items < ITEMS_PER_STEP && distance < BYTES_PER_STEP) return false;
    this.items = 0;
    this.bytesAt = pos;
    return true;
  }
}
