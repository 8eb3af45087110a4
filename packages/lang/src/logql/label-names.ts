/** Names of fields in lines as names of labels. */

/** As Loki does: a name does not begin with a digit, and has letters, digits and underscores only. */
export function labelNameOf(key: string): string {
  const name = namePartOf(key);
  return /^\d/.test(name) ? `_${name}` : name;
}

/** What stands behind another part of a name. */
export const namePartOf = (key: string): string => key.trim().replace(/[^a-zA-Z0-9_]/gu, "_");

const NAMES_MAX = 10_000;

/** The same, remembered: lines have the same keys again and again. */
export function createNames(make = labelNameOf): (key: string) => string {
  const known = new Map<string, string>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const name = make(key);
    if (known.size < NAMES_MAX) known.set(key, name);
    return name;
  };
}
