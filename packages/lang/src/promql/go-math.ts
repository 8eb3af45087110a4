/**
 * Powers and logarithms to the base 2 to the last digit as Go computes them, which Prometheus does: JavaScript's own may
 * differ in that digit. And comparisons with NaN. The method is that of FreeBSD's `e_exp.c`.
 */

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const OVERFLOW = 1024;
const UNDERFLOW = -1074;
/** Of the rational function that stands for `r * (exp(r) + 1) / (exp(r) - 1)`, by powers of the square of `r`. */
const COEFFICIENTS = [
  0.16666666666666666, -0.0027777777777015593, 6.613756321437934e-5, -1.6533902205465252e-6,
  4.1381367970572385e-8,
] as const;

export function exp2(x: number): number {
  if (Number.isNaN(x) || x >= OVERFLOW) return x > 0 ? Number.POSITIVE_INFINITY : x;
  if (x < UNDERFLOW) return 0;
  const power = Math.trunc(x > 0 ? x + 0.5 : x - 0.5);
  const rest = x - power;
  const high = rest * LN2_HIGH;
  const low = -rest * LN2_LOW;
  const r = high - low;
  const t = r * r;
  const [p1, p2, p3, p4, p5] = COEFFICIENTS;
  const c = r - t * (p1 + t * (p2 + t * (p3 + t * (p4 + t * p5))));
  const y = 1 - (low - (r * c) / (2 - c) - high);
  // In two steps: 2 ** 1024 is no number, and 2 ** -1074 times something below 1 would lose digits.
  const half = Math.trunc(power / 2);
  return y * 2 ** half * 2 ** (power - half);
}

/** Exact for powers of 2. */
export function log2(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return Math.log2(x);
  // Subnormal numbers have no exponent of their own.
  const scaled = x < 2 ** -1022 ? x * 2 ** 60 : x;
  words64[0] = scaled;
  const high = words32[1] as number;
  let exponent = ((high >>> 20) & 0x7ff) - 1022;
  words32[1] = (high & 0x800fffff) | (1022 << 20);
  const fraction = words64[0] as number;
  if (scaled !== x) exponent -= 60;
  return fraction === 0.5 ? exponent - 1 : Math.log(fraction) * (1 / Math.LN2) + exponent;
}

/** The larger of two as Go has it: an infinity that decides does so against NaN too. */
export function larger(a: number, b: number): number {
  const top = Number.POSITIVE_INFINITY;
  return a === top || b === top ? top : Math.max(a, b);
}

export function smaller(a: number, b: number): number {
  const bottom = Number.NEGATIVE_INFINITY;
  return a === bottom || b === bottom ? bottom : Math.min(a, b);
}

const words64 = new Float64Array(1);
const words32 = new Uint32Array(words64.buffer);
