/**
 * Refuses a request whose items lie on too many days: every day is a partition and an insert of its own, so a request
 * with random times could otherwise keep the store busy for minutes.
 */
import { type Batch, dayOfMs, dayOfNs, TriptychError } from "@triptych/model";
import type { Stage } from "./pipeline.ts";

export function createLimitDays(daysMax: number): Stage {
  return {
    name: "limit_days",
    process(batch) {
      const days = new Set<number>();
      let last = Number.NaN;
      for (const day of daysOf(batch)) {
        if (day === last) continue;
        last = day;
        days.add(day);
        if (days.size > daysMax) {
          const message = `the request has items on more than ${daysMax} different days; check the senders' clocks, or send it in parts`;
          throw new TriptychError("wire_too_many_items", message);
        }
      }
      return { batch };
    },
  };
}

function* daysOf(batch: Batch): Generator<number> {
  switch (batch.signal) {
    case "spans":
      yield* daysOfWords(batch.startWords, batch.rows);
      return;
    case "logs":
      yield* daysOfWords(batch.timeWords, batch.rows);
      return;
    case "samples":
      for (const { rows, timeMs } of [batch.samples, batch.histograms, batch.exemplars]) {
        let last = Number.NaN;
        for (let row = 0; row < rows; row++) {
          const day = dayOfMs(timeMs[row] as number);
          if (day !== last) yield day;
          last = day;
        }
      }
      return;
  }
}

function* daysOfWords(words: Uint32Array, rows: number): Generator<number> {
  for (let row = 0; row < rows; row++)
    yield dayOfNs(words[row * 2] as number, words[row * 2 + 1] as number);
}
