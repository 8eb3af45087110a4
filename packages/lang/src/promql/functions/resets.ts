/** `resets`. */
import { wasReset } from "../histogram.ts";
import { countPairs, type Seen } from "./shared/pairs.ts";
import { startTellsReset } from "./shared/start-times.ts";
import { define } from "./spec.ts";

function isReset(previous: Seen, current: Seen): boolean {
  const a = previous.value;
  const b = current.value;
  if (typeof a === "number" && typeof b === "number")
    return b < a || startTellsReset(previous, current);
  if (typeof a === "number" || typeof b === "number") return true;
  return startTellsReset(previous, current) || wasReset(b, a);
}

export const resets = define({
  name: "resets",
  args: ["matrix"],
  params: ["range"],
  extended: ["anchored"],
  doc: [
    "How often a counter was reset within the range.",
    "Each value below the one before is a reset, and so is a change from a float to a native histogram or back. 0 for a single sample.",
  ],
  example: "resets(http_requests_total[1h])",
  kernel: { kind: "range", run: (w) => countPairs(w, isReset) },
});
