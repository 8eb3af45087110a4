/** Functions of one number, applied to each sample; histograms are left out. */
import { larger, log2, smaller } from "../go-math.ts";
import { define, type FloatKernel, type FunctionSpec } from "./spec.ts";

const float = (name: string, doc: string, run: FloatKernel): FunctionSpec =>
  define({
    name,
    args: ["vector"],
    doc,
    example: `${name}(temperature_celsius)`,
    kernel: { kind: "float", run },
  });

const clampTo = (value: number, min: number, max: number): number =>
  larger(min, smaller(max, value));

/** Ties go up; multiplying by the inverse loses less. */
function roundTo(value: number, nearest: number): number {
  const inverse = 1 / nearest;
  return Math.floor(value * inverse + 0.5) / inverse;
}

export const mathFunctions: readonly FunctionSpec[] = [
  float("abs", "Absolute value.", Math.abs),
  float("ceil", "Rounded up to a whole number.", Math.ceil),
  float("floor", "Rounded down to a whole number.", Math.floor),
  float("exp", "The exponential function.", Math.exp),
  float("sqrt", "Square root.", Math.sqrt),
  float("ln", "Natural logarithm.", Math.log),
  float("log2", "Logarithm to base 2.", log2),
  float("log10", "Logarithm to base 10.", Math.log10),
  float("sgn", "1, -1 or 0, as the sign.", (value) => (value > 0 ? 1 : value < 0 ? -1 : value)),
  float("sin", "Sine of radians.", Math.sin),
  float("cos", "Cosine of radians.", Math.cos),
  float("tan", "Tangent of radians.", Math.tan),
  float("asin", "Arc sine, in radians.", Math.asin),
  float("acos", "Arc cosine, in radians.", Math.acos),
  float("atan", "Arc tangent, in radians.", Math.atan),
  float("sinh", "Hyperbolic sine.", Math.sinh),
  float("cosh", "Hyperbolic cosine.", Math.cosh),
  float("tanh", "Hyperbolic tangent.", Math.tanh),
  float("asinh", "Inverse hyperbolic sine.", Math.asinh),
  float("acosh", "Inverse hyperbolic cosine.", Math.acosh),
  float("atanh", "Inverse hyperbolic tangent.", Math.atanh),
  float("deg", "Radians as degrees.", (value) => (value * 180) / Math.PI),
  float("rad", "Degrees as radians.", (value) => (value * Math.PI) / 180),
  define({
    name: "round",
    args: ["vector", "scalar"],
    variadic: 1,
    doc: "Rounded to the nearest multiple of the second argument, 1 when it is left out; ties go up.",
    example: "round(request_seconds, 0.1)",
    kernel: { kind: "float", run: (value, [nearest = 1]) => roundTo(value, nearest) },
  }),
  define({
    name: "clamp",
    args: ["vector", "scalar", "scalar"],
    doc: "Limited to the range from the second to the third argument; nothing when that range is empty.",
    example: "clamp(load1, 0, 10)",
    kernel: {
      kind: "float",
      keep: ([min = 0, max = 0]) => !(max < min),
      run: (value, [min = 0, max = 0]) => clampTo(value, min, max),
    },
  }),
  define({
    name: "clamp_max",
    args: ["vector", "scalar"],
    doc: "At most the second argument.",
    example: "clamp_max(load1, 10)",
    kernel: {
      kind: "float",
      run: (value, [max = 0]) => clampTo(value, Number.NEGATIVE_INFINITY, max),
    },
  }),
  define({
    name: "clamp_min",
    args: ["vector", "scalar"],
    doc: "At least the second argument.",
    example: "clamp_min(load1, 0)",
    kernel: {
      kind: "float",
      run: (value, [min = 0]) => clampTo(value, min, Number.POSITIVE_INFINITY),
    },
  }),
  define({
    name: "pi",
    args: [],
    returns: "scalar",
    doc: "The number pi.",
    example: "pi()",
    kernel: { kind: "scalar", run: () => Math.PI },
  }),
  define({
    name: "max_of",
    args: ["scalar", "scalar"],
    returns: "scalar",
    experimental: true,
    doc: "The larger of two numbers.",
    example: "max_of(step(), 60)",
    kernel: { kind: "scalar", run: (_t, [a = 0, b = 0]) => larger(a, b) },
  }),
  define({
    name: "min_of",
    args: ["scalar", "scalar"],
    returns: "scalar",
    experimental: true,
    doc: "The smaller of two numbers.",
    example: "min_of(step(), 60)",
    kernel: { kind: "scalar", run: (_t, [a = 0, b = 0]) => smaller(a, b) },
  }),
];
