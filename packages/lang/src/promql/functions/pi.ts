/** `pi`. */
import { define } from "./spec.ts";

export const pi = define({
  name: "pi",
  args: [],
  params: [],
  returns: "scalar",
  doc: ["The number pi."],
  example: "2 * pi()",
  kernel: { kind: "scalar", run: () => Math.PI },
});
