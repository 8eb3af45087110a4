/** `abs`. */
import { define } from "./spec.ts";

export const abs = define({
  name: "abs",
  args: ["vector"],
  params: ["v"],
  doc: ["The absolute value of each sample.", "Native histograms are left out."],
  example: "abs(delta(temperature_celsius[1h]))",
  kernel: { kind: "float", run: Math.abs },
});
