/** Summation that keeps what rounding loses (Kahan and Neumaier). One accumulator, reused: no object for each step. */

export interface KahanSum {
  sum: number;
  compensation: number;
}

/** Adds `value` to `into`. */
export function kahanAdd(into: KahanSum, value: number): void {
  const { sum } = into;
  const total = sum + value;
  if (total === Number.POSITIVE_INFINITY || total === Number.NEGATIVE_INFINITY) {
    into.compensation = 0;
  } else if (Math.abs(sum) >= Math.abs(value)) {
    into.compensation += sum - total + value;
  } else {
    into.compensation += value - total + sum;
  }
  into.sum = total;
}

export const isInfinite = (value: number): boolean =>
  value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
