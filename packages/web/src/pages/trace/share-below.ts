/** Where a duration stands among the counts of a histogram. */
import type { UsualAnswer } from "@triptych/contract";
import { rowPosition } from "../../charts/heat-scale.ts";

/** Share of spans below a duration, spread evenly inside the bucket it falls into. */
export function shareBelow(usual: Pick<UsualAnswer, "boundsNs" | "counts">, ns: number): number {
  const position = rowPosition(usual.boundsNs, ns);
  let sum = 0;
  let below = 0;
  usual.counts.forEach((count, i) => {
    sum += count;
    below += count * Math.max(0, Math.min(1, position - i));
  });
  return sum === 0 ? 0 : below / sum;
}
