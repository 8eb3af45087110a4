/** A name's series colour: a hash picks one of the twelve, so a service looks the same on every page. */

export const seriesColours = 12;

/**
 * FNV-1a over UTF-16 units from our own start, then a mixing step. The start was searched for: with it the services of
 * the demo shop all differ.
 */
export function hashName(name: string): number {
  let hash = 1_776_686;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** 1 to 12: the number of the token `--series-N`. */
export function seriesOf(name: string): number {
  return (hashName(name) % seriesColours) + 1;
}

export function seriesVariable(name: string): string {
  return `var(--series-${seriesOf(name)})`;
}

/**
 * Colours for series on one chart: each keeps the colour of its hash unless that one is taken, then it moves to
 * the next free one. Order of `names` decides who keeps.
 */
export function distinctSeries(names: readonly string[]): number[] {
  const taken = new Set<number>();
  return names.map((name) => {
    const own = seriesOf(name);
    if (taken.size >= seriesColours) return own;
    let number = own;
    while (taken.has(number)) number = (number % seriesColours) + 1;
    taken.add(number);
    return number;
  });
}
