/**
 * How well a name fits what somebody types: the measures of Prometheus' search API. A score is from 0 (does not fit)
 * to 1; the same search and name give the same score there and here.
 * Source: Prometheus' HTTP API documentation, "Searching metric names, label names, and label values".
 */

/** Whether a name fits at all, and how well. */
export type NameTest = (name: string) => number | undefined;

/** What is not exact stays below what is, also when scores are rounded. */
const NOT_EXACT = 0.999;

export interface NameSearch {
  /** One of them must fit; without any all names fit. Empty ones count for nothing. */
  readonly terms: readonly string[];
  readonly algorithm: "subsequence" | "jarowinkler";
  /** From 0 to 1. */
  readonly threshold: number;
  readonly caseSensitive: boolean;
}

/** `undefined` for names that do not fit. */
export function nameTest(search: NameSearch): NameTest {
  const fold = search.caseSensitive ? (text: string) => text : (text: string) => text.toLowerCase();
  const terms = search.terms.filter((term) => term !== "").map((term) => [...fold(term)]);
  if (terms.length === 0) return () => 1;
  const score = search.algorithm === "subsequence" ? bySubsequence : bySimilarity;
  return (name) => {
    const chars = [...fold(name)];
    let best: number | undefined;
    for (const term of terms) {
      const one = score(term, chars, search.threshold);
      if (one !== undefined && (best === undefined || one > best)) best = one;
    }
    return best;
  };
}

type Chars = readonly string[];

function indexOfRun(term: Chars, name: Chars): number {
  return name.findIndex(
    (_, at) => at + term.length <= name.length && term.every((char, i) => name[at + i] === char),
  );
}

function bySubsequence(term: Chars, name: Chars, threshold: number): number | undefined {
  if (term.length <= name.length && term.every((char, at) => name[at] === char)) return 1;
  const score = subsequenceScore(term, name);
  return score > 0 && score >= threshold ? score : undefined;
}

/** The term as a part of the name, the earlier the better; else how alike they are, when that is asked for. */
function bySimilarity(term: Chars, name: Chars, threshold: number): number | undefined {
  const at = indexOfRun(term, name);
  if (at === 0) return 1;
  if (at > 0) return 1 - (0.9 * at) / (name.length - term.length);
  if (threshold <= 0) return undefined;
  const score = jaroWinkler(term, name);
  return score >= threshold ? score : undefined;
}

/**
 * Characters in order, not necessarily side by side: long runs raise the score by their square, gaps lower it, and what
 * is left at the end by half. The best of all places where the first character stands counts.
 */
export function subsequenceScore(term: Chars, name: Chars): number {
  if (term.length === 0 || (term.length === name.length && term.every((c, i) => name[i] === c)))
    return 1;
  let best = -1;
  for (let start = 0; start <= name.length - term.length; start++) {
    if (name[start] !== term[0]) continue;
    const score = scoreFrom(start, term, name);
    // What cannot be completed from here cannot be completed from later either.
    if (score === undefined) break;
    best = Math.max(best, score);
  }
  return best < 0 ? 0 : (best / term.length ** 2) * NOT_EXACT;
}

function scoreFrom(start: number, term: Chars, name: Chars): number | undefined {
  let score = 0;
  let matched = 0;
  let at = start;
  let previousEnd = 0;
  while (matched < term.length) {
    while (at < name.length && name[at] !== term[matched]) at++;
    if (at >= name.length) return undefined;
    const from = at;
    while (at < name.length && matched < term.length && name[at] === term[matched]) {
      at++;
      matched++;
    }
    score += (at - from) ** 2 - (from - previousEnd) / name.length;
    previousEnd = at;
  }
  return score - (name.length - previousEnd) / (2 * name.length);
}

/** The similarity of Jaro with Winkler's bonus for up to four equal characters at the beginning. */
export function jaroWinkler(a: Chars, b: Chars): number {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (short.length === 0) return long.length === 0 ? 1 : 0;
  const jaro = jaroOf(short, long);
  let prefix = 0;
  while (prefix < Math.min(4, short.length) && short[prefix] === long[prefix]) prefix++;
  return jaro + prefix * 0.1 * (1 - jaro);
}

function jaroOf(short: Chars, long: Chars): number {
  const reach = Math.max(Math.floor(long.length / 2) - 1, 0);
  const taken = new Uint8Array(long.length);
  const inShort: string[] = [];
  for (const [at, char] of short.entries()) {
    const end = Math.min(at + reach + 1, long.length);
    for (let other = Math.max(at - reach, 0); other < end; other++) {
      if (taken[other] === 1 || long[other] !== char) continue;
      taken[other] = 1;
      inShort.push(char);
      break;
    }
  }
  const matches = inShort.length;
  if (matches === 0) return 0;
  const inLong = long.filter((_, at) => taken[at] === 1);
  const moved = inShort.filter((char, at) => char !== inLong[at]).length;
  return (matches / short.length + matches / long.length + (matches - moved / 2) / matches) / 3;
}
