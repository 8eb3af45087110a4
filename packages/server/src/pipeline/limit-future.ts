/**
 * Refuses spans and log records whose time is further in the future than the limit: a clock that is wrong by hours
 * would put them where nobody looks, and keep a day alive that retention should drop. Samples are refused where they
 * are decoded, before they make series.
 */
import { type Clock, keepRows } from "@triptych/model";
import type { Stage } from "./pipeline.ts";

export const FUTURE = "future";

export function createLimitFuture(options: {
  readonly futureMsMax: number;
  readonly clock: Clock;
  readonly discarded: (reason: string, items: number) => void;
}): Stage {
  const { futureMsMax, clock, discarded } = options;
  return {
    name: "limit_future",
    process(batch) {
      if (batch.signal === "samples") return { batch };
      const words = batch.signal === "spans" ? batch.startWords : batch.timeWords;
      const newestNs = BigInt(Math.floor(clock.nowMs() + futureMsMax)) * 1_000_000n;
      const high = Number(newestNs >> 32n);
      const low = Number(newestNs & 0xffff_ffffn);
      const isTaken = (row: number): boolean => {
        const mine = words[row * 2 + 1] as number;
        return mine < high || (mine === high && (words[row * 2] as number) <= low);
      };
      const others = keepRows(batch, isTaken);
      if (others === 0) return { batch };
      discarded(FUTURE, others);
      const what = batch.signal === "spans" ? "a span starts" : "a log record is";
      const message = `${what} more than ${futureMsMax / 1000} s in the future; check the sender's clock`;
      return { batch, refused: { samples: 0, histograms: 0, exemplars: 0, others, message } };
    },
  };
}
