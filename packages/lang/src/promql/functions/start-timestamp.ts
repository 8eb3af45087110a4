/** `start_timestamp`. */
import { timeOfSample } from "./shared/time-of-sample.ts";
import { define } from "./spec.ts";

export const startTimestamp = define({
  name: "start_timestamp",
  args: ["vector"],
  params: ["v"],
  experimental: true,
  doc: [
    "When the count of each sample began, in seconds since 1970.",
    "0 when the sender did not say; nothing for what is computed, that is for all but a plain selector.",
    "Floats and native histograms.",
  ],
  example: "start_timestamp(http_requests_total)",
  kernel: { kind: "special", run: timeOfSample("start") },
});
