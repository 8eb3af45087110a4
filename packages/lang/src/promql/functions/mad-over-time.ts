/** `mad_over_time`. */
import { quantile } from "../quantile.ts";
import type { RangeWindow } from "../window.ts";
import { floatsOnly } from "./shared/floats-of-range.ts";
import { define } from "./spec.ts";

function medianDeviation(w: RangeWindow): number {
  const values = w.series.value.slice(w.from, w.to);
  if (values.some(Number.isNaN)) return Number.NaN;
  const median = quantile(0.5, values);
  return quantile(
    0.5,
    values.map((value) => Math.abs(value - median)),
  );
}

export const madOverTime = define({
  name: "mad_over_time",
  args: ["matrix"],
  params: ["range"],
  experimental: true,
  doc: [
    "The median of the samples' distances from their median.",
    "A spread that single outliers do not change. NaN when a sample is NaN.",
    "Native histograms are left out, which is noted; nothing for series without floats in the range.",
  ],
  example: "mad_over_time(temperature_celsius[1h])",
  kernel: { kind: "range", run: floatsOnly(medianDeviation) },
});
