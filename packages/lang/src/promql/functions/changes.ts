/** `changes`. */
import { equals } from "../histogram.ts";
import { countPairs, type Seen } from "./shared/pairs.ts";
import { define } from "./spec.ts";

function isChange({ value: a }: Seen, { value: b }: Seen): boolean {
  if (typeof a === "number" && typeof b === "number")
    return a !== b && !(Number.isNaN(a) && Number.isNaN(b));
  if (typeof a === "number" || typeof b === "number") return true;
  return !equals(b, a);
}

export const changes = define({
  name: "changes",
  args: ["matrix"],
  params: ["range"],
  extended: ["anchored"],
  doc: [
    "How often the value changed within the range.",
    "From NaN to NaN is no change; from a float to a native histogram is one. 0 for a single sample.",
  ],
  example: "changes(up[1h])",
  kernel: { kind: "range", run: (w) => countPairs(w, isChange) },
});
