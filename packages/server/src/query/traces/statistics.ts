/**
 * Tests of whether two groups differ, for `difference.ts`. Pure; all p-values are two-sided.
 */

/** Lanczos' approximation with g = 7 and nine terms (Numerical Recipes, 6.1), right to about 15 digits. */
const lanczos: readonly number[] = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
];

/** The natural logarithm of n!, for n from 0. */
export function logFactorial(n: number): number {
  let sum = lanczos[0] ?? 0;
  for (let i = 1; i < lanczos.length; i++) sum += (lanczos[i] ?? 0) / (n + i);
  const t = n + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (n + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Counts of two groups: with a property and without. */
export interface FourCounts {
  readonly insideWith: number;
  readonly insideWithout: number;
  readonly outsideWith: number;
  readonly outsideWithout: number;
}

/** More tables than this are not added up; by then the approximation is as good. */
const FISHER_TABLES_MAX = 2_000;
/** Probabilities this close to that of the table seen count as equal to it, as in R's `fisher.test`. */
const EQUAL = 1 + 1e-7;

export interface Tested {
  readonly p: number;
  readonly test: "fisher" | "chi-squared";
}

/**
 * Whether a property is as common in one group as in the other: Fisher's exact test, and where too many tables would
 * have to be added up Pearson's chi-squared with one degree of freedom and without Yates' correction.
 */
export function testShares(counts: FourCounts): Tested {
  const [low, high] = boundsOf(counts);
  return high - low < FISHER_TABLES_MAX
    ? { p: fisherExact(counts), test: "fisher" }
    : { p: chiSquared(counts), test: "chi-squared" };
}

/** How small and how large the first count can be with the same margins. */
function boundsOf(counts: FourCounts): readonly [number, number] {
  const inside = counts.insideWith + counts.insideWithout;
  const withIt = counts.insideWith + counts.outsideWith;
  const outside = counts.outsideWith + counts.outsideWithout;
  return [Math.max(0, withIt - outside), Math.min(inside, withIt)];
}

/** Fisher (1922): the probability, with the margins given, of this table and of all that are no likelier. */
export function fisherExact(counts: FourCounts): number {
  const inside = counts.insideWith + counts.insideWithout;
  const outside = counts.outsideWith + counts.outsideWithout;
  const withIt = counts.insideWith + counts.outsideWith;
  const [low, high] = boundsOf(counts);
  const margins =
    logFactorial(inside) +
    logFactorial(outside) +
    logFactorial(withIt) +
    logFactorial(inside + outside - withIt) -
    logFactorial(inside + outside);
  const probability = (a: number): number =>
    Math.exp(
      margins -
        logFactorial(a) -
        logFactorial(inside - a) -
        logFactorial(withIt - a) -
        logFactorial(outside - withIt + a),
    );
  const seen = probability(counts.insideWith);
  let sum = 0;
  for (let a = low; a <= high; a++) {
    const each = probability(a);
    if (each <= seen * EQUAL) sum += each;
  }
  return Math.min(1, sum);
}

/** Pearson's chi-squared of a table of four, one degree of freedom. 1 when a margin is empty. */
export function chiSquared(counts: FourCounts): number {
  const { insideWith: a, insideWithout: b, outsideWith: c, outsideWithout: d } = counts;
  const margins = (a + b) * (c + d) * (a + c) * (b + d);
  if (margins === 0) return 1;
  const cross = a * d - b * c;
  return chiSquaredTail(cross * (cross / margins) * (a + b + c + d));
}

/** The chance of at least this much with one degree of freedom. */
export function chiSquaredTail(value: number): number {
  return erfc(Math.sqrt(value / 2));
}

/** The complementary error function of a number from 0: a series near 0, a continued fraction beyond. */
export function erfc(x: number): number {
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
      if (n > 200) break;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

export interface Distance {
  /** The largest gap between the two cumulative distributions, 0 to 1. */
  readonly gap: number;
  readonly p: number;
}

/**
 * The two-sample test of Kolmogorov and Smirnov: whether numbers of two groups come from one distribution. The
 * p-value is the asymptotic one with Stephens' correction (1970); with fewer than about ten numbers a side it is rough.
 */
export function kolmogorovSmirnov(a: readonly number[], b: readonly number[]): Distance {
  if (a.length === 0 || b.length === 0) return { gap: 0, p: 1 };
  const left = Float64Array.from(a).sort();
  const right = Float64Array.from(b).sort();
  let gap = 0;
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const at = Math.min(left[i] ?? 0, right[j] ?? 0);
    while (i < left.length && (left[i] ?? 0) <= at) i++;
    while (j < right.length && (right[j] ?? 0) <= at) j++;
    gap = Math.max(gap, Math.abs(i / left.length - j / right.length));
  }
  const root = Math.sqrt((left.length * right.length) / (left.length + right.length));
  return { gap, p: kolmogorovTail((root + 0.12 + 0.11 / root) * gap) };
}

/** The chance that Kolmogorov's statistic is at least this large. */
export function kolmogorovTail(lambda: number): number {
  // Below this the series needs very many terms, and the answer is 1 to twelve digits.
  if (lambda < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * lambda * lambda);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-18) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

/**
 * Benjamini and Hochberg's adjustment (1995) for many comparisons: what is called different below an adjusted value of
 * 0.05 is wrong in at most one of twenty cases on average. `comparisons` counts those made, also the ones not given
 * here; these must be the ones with the largest p-values.
 */
export function benjaminiHochberg(ps: readonly number[], comparisons: number): number[] {
  const count = Math.max(comparisons, ps.length);
  const order = [...ps.keys()].sort((a, b) => (ps[b] ?? 1) - (ps[a] ?? 1));
  const adjusted = new Array<number>(ps.length).fill(1);
  let least = 1;
  order.forEach((index, i) => {
    const rank = ps.length - i;
    least = Math.min(least, ((ps[index] ?? 1) * count) / rank);
    adjusted[index] = least;
  });
  return adjusted;
}
