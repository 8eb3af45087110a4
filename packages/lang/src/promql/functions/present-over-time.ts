/** `present_over_time`. */
import { define } from "./spec.ts";

export const presentOverTime = define({
  name: "present_over_time",
  args: ["matrix"],
  params: ["range"],
  doc: [
    "1 for each series that has a sample in the range.",
    "Nothing for the others; what a sample is does not matter.",
  ],
  example: "present_over_time(up[10m])",
  kernel: { kind: "range", run: () => 1 },
});
