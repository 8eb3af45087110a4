/** `round`. */
import { define } from "./spec.ts";

/** Ties go up; multiplying by the inverse loses less. */
function roundTo(value: number, nearest: number): number {
  const inverse = 1 / nearest;
  return Math.floor(value * inverse + 0.5) / inverse;
}

export const round = define({
  name: "round",
  args: ["vector", "scalar"],
  params: ["v", "nearest"],
  variadic: 1,
  doc: [
    "Each sample rounded to the nearest multiple of a number.",
    "That number is 1 when it is left out and may be a fraction; ties go up.",
    "Native histograms are left out.",
  ],
  example: "round(temperature_celsius, 0.5)",
  kernel: { kind: "float", run: (value, [nearest = 1]) => roundTo(value, nearest) },
});
