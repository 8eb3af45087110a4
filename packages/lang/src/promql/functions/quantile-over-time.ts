/** `quantile_over_time`. */
import { messages } from "../annotations.ts";
import { quantile } from "../quantile.ts";
import { noteIgnored } from "./shared/floats-of-range.ts";
import { define } from "./spec.ts";

export const quantileOverTime = define({
  name: "quantile_over_time",
  args: ["scalar", "matrix"],
  params: ["q", "range"],
  doc: [
    "The quantile of the samples of the range, from 0 (the smallest) to 1 (the largest).",
    "Between two samples it is interpolated. -Inf below 0 and +Inf above 1, with a warning.",
    "Native histograms are left out, which is noted; nothing for series without floats in the range.",
  ],
  example: "quantile_over_time(0.9, temperature_celsius[1h])",
  kernel: {
    kind: "range",
    run: (w) => {
      if (w.to === w.from) return undefined;
      const q = w.args[0] ?? Number.NaN;
      if (!(q >= 0 && q <= 1)) w.annotate.warning(messages.quantile(q), w.span);
      noteIgnored(w);
      return quantile(q, w.series.value.slice(w.from, w.to));
    },
  },
});
