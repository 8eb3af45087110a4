/** Bounds of the exponential buckets of native histograms, as Prometheus has them. */

/** The upper bound of the positive exponential bucket `index`. */
export function exponentialBound(index: number, schema: number): number {
  const exponent = schema < 0 ? index * 2 ** -schema : index / 2 ** schema;
  // The last bucket of finite values ends at the largest of them.
  if (exponent === 1024) return Number.MAX_VALUE;
  if (schema <= 0) return 2 ** exponent;
  const whole = Math.floor(exponent);
  return (fractions[(exponent - whole) * FRACTIONS] as number) * 2 ** (whole + 1);
}

const SCHEMA_MAX = 8;
const FRACTIONS = 2 ** SCHEMA_MAX;

/**
 * The bounds from 1/2 to 1 of the finest schema, to the last digit as Prometheus has them: half of them are those of the
 * schema before, and each other one is its neighbour times a constant, of which the first lies below the square root of 2.
 */
const fractions = ((): Float64Array => {
  const out = new Float64Array(FRACTIONS).fill(0.5);
  for (let schema = 1; schema <= SCHEMA_MAX; schema++) {
    const factor = schema === 1 ? 1.414213562373095 : 2 ** (2 ** -schema);
    const apart = FRACTIONS / 2 ** schema;
    for (let i = apart; i < FRACTIONS; i += 2 * apart) out[i] = (out[i - apart] as number) * factor;
  }
  return out;
})();
