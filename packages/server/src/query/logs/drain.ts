/**
 * Groups lines into templates as Drain does: lines of equally many words that begin alike are compared word by word,
 * and words in which they differ become `<_>`. One pass, bounded in memory; lines must come in a steady stream, in any
 * order. He, Zhu, Zheng, Lyu: Drain, an online log parsing approach with fixed depth tree, ICWS 2017.
 */

export interface DrainOptions {
  /** Templates that are kept; the ones not seen for longest give way. */
  readonly clustersMax: number;
  /** Words by which a line finds its candidates. */
  readonly depth: number;
  /** Share of words that must be equal. */
  readonly similarity: number;
  /** Words of a line that count; the rest is `<_>`. */
  readonly wordsMax: number;
  /** Lines of one template are counted in slots of this many milliseconds. */
  readonly slotMs: number;
}

export const drainDefaults: DrainOptions = {
  clustersMax: 300,
  depth: 3,
  similarity: 0.5,
  wordsMax: 80,
  slotMs: 10_000,
};

export interface LogTemplate {
  readonly id: number;
  /** Words with `<_>` where lines differ, as they stand in the line. */
  readonly text: string;
  readonly lines: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Lines by the beginning of their slot, in milliseconds. */
  readonly slots: ReadonlyMap<number, number>;
  /** The first line that made it. */
  readonly example: string;
}

export interface Drain {
  /** Returns the number of the line's template. */
  add(line: string, timeMs: number): number;
  /** Most lines first. */
  templates(): LogTemplate[];
}

export const WILDCARD = "<_>";
/** A line is looked at up to here. */
export const LINE_CHARS_MAX = 3_000;
/** Words under one branch of the tree; more are one branch together. */
const BRANCHES_MAX = 100;
const EXAMPLE_CHARS_MAX = 1_000;

interface Cluster {
  readonly id: number;
  readonly path: string;
  words: string[];
  /** What stands between the words. */
  readonly gaps: readonly string[];
  lines: number;
  firstMs: number;
  lastMs: number;
  /** When it was last added to, in lines. */
  seen: number;
  readonly slots: Map<number, number>;
  readonly example: string;
}

export function createDrain(given: Partial<DrainOptions> = {}): Drain {
  const options = { ...drainDefaults, ...given };
  const leaves = new Map<string, Cluster[]>();
  const branches = new Map<string, Set<string>>();
  const clusters = new Map<number, Cluster>();
  let ids = 0;
  let count = 0;

  /** The branch of words that a line belongs to: how many it has, and its first ones, unless they vary. */
  const pathOf = (words: readonly string[]): string => {
    let path = String(words.length);
    for (let i = 0; i < Math.min(options.depth, words.length); i++) {
      const word = words[i] as string;
      let step = hasDigit(word) ? WILDCARD : word;
      const known = branches.get(path) ?? new Set<string>();
      branches.set(path, known);
      if (!known.has(step)) {
        if (known.size >= BRANCHES_MAX) step = WILDCARD;
        known.add(step);
      }
      path += `\u{1}${step}`;
    }
    return path;
  };

  const evict = (): void => {
    let oldest: Cluster | undefined;
    for (const cluster of clusters.values())
      if (oldest === undefined || cluster.seen < oldest.seen) oldest = cluster;
    if (oldest === undefined) return;
    clusters.delete(oldest.id);
    const leaf = leaves.get(oldest.path)?.filter((one) => one !== oldest) ?? [];
    if (leaf.length === 0) leaves.delete(oldest.path);
    else leaves.set(oldest.path, leaf);
    if (leaves.size === 0) branches.clear();
  };

  const make = (path: string, split: Split, line: string): Cluster => {
    if (clusters.size >= options.clustersMax) evict();
    const words = split.words.map((word) => (isVariable(word) ? WILDCARD : word));
    const cluster: Cluster = {
      id: ++ids,
      path,
      words,
      gaps: split.gaps,
      lines: 0,
      firstMs: Number.POSITIVE_INFINITY,
      lastMs: Number.NEGATIVE_INFINITY,
      seen: count,
      slots: new Map(),
      example: line.slice(0, EXAMPLE_CHARS_MAX),
    };
    clusters.set(cluster.id, cluster);
    leaves.set(path, [...(leaves.get(path) ?? []), cluster]);
    return cluster;
  };

  return {
    add(line, timeMs) {
      count++;
      const split = splitLine(line.slice(0, LINE_CHARS_MAX), options.wordsMax);
      const path = pathOf(split.words);
      const best = closest(leaves.get(path) ?? [], split.words, options.similarity);
      const cluster = best ?? make(path, split, line);
      merge(cluster.words, split.words);
      cluster.lines++;
      cluster.seen = count;
      cluster.firstMs = Math.min(cluster.firstMs, timeMs);
      cluster.lastMs = Math.max(cluster.lastMs, timeMs);
      const slot = Math.floor(timeMs / options.slotMs) * options.slotMs;
      cluster.slots.set(slot, (cluster.slots.get(slot) ?? 0) + 1);
      return cluster.id;
    },
    templates: () =>
      [...clusters.values()]
        .sort((a, b) => b.lines - a.lines || a.id - b.id)
        .map((cluster) => ({ ...cluster, text: textOf(cluster) })),
  };
}

interface Split {
  readonly words: string[];
  /** One more than words: before the first, between them, behind the last. */
  readonly gaps: string[];
}

/** Words end at spaces and at the signs that structured lines are made of. */
export const GAP_SIGNS = "=,;:\"'()[]{}<>|";
const WORD = /[^\s=,;:"'()[\]{}<>|]+/g;

function splitLine(line: string, wordsMax: number): Split {
  const words: string[] = [];
  const gaps: string[] = [];
  let from = 0;
  for (const found of line.matchAll(WORD)) {
    gaps.push(line.slice(from, found.index));
    if (words.length === wordsMax) {
      words.push(WILDCARD);
      return { words, gaps: [...gaps, ""] };
    }
    words.push(found[0]);
    from = found.index + found[0].length;
  }
  gaps.push(line.slice(from));
  return { words, gaps };
}

function hasDigit(word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i);
    if (code >= 48 && code <= 57) return true;
  }
  return false;
}

/** Numbers, ids, times and addresses: they vary from line to line. */
function isVariable(word: string): boolean {
  if (!hasDigit(word)) return word.length > 30 && !/[aeiou]{1}/i.test(word);
  return (
    /^[-+]?[\d.,/%:-]+[a-zµ]{0,3}$/i.test(word) ||
    /^(?:0x)?[0-9a-f-]{6,}$/i.test(word) ||
    /\d{4,}/.test(word)
  );
}

function closest(
  candidates: readonly Cluster[],
  words: readonly string[],
  similarity: number,
): Cluster | undefined {
  let best: Cluster | undefined;
  let bestShare = -1;
  for (const candidate of candidates) {
    let same = 0;
    let wild = 0;
    for (let i = 0; i < words.length; i++) {
      if (candidate.words[i] === words[i]) same++;
      else if (candidate.words[i] === WILDCARD) wild++;
    }
    // What varies anyway neither speaks for nor against.
    const fixed = words.length - wild;
    const share = fixed === 0 ? 1 : same / fixed;
    if (share > bestShare) {
      best = candidate;
      bestShare = share;
    }
  }
  return bestShare >= similarity ? best : undefined;
}

function merge(template: string[], words: readonly string[]): void {
  for (let i = 0; i < template.length; i++) if (template[i] !== words[i]) template[i] = WILDCARD;
}

/** Neighbouring wildcards are one. */
function textOf({ words, gaps }: Cluster): string {
  let out = gaps[0] ?? "";
  for (const [i, word] of words.entries()) out += word + (gaps[i + 1] ?? "");
  return out.replace(/<_>(?:[\s,.:;/-]*<_>)+/g, WILDCARD);
}
