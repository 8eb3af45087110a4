/** Which values the loaded lines carry, and how often: for the panel of fields and the shares beside a line's own. */
import type { LogLine } from "@triptych/contract";

export interface FieldValue {
  readonly value: string;
  readonly lines: number;
}
export interface Field {
  readonly key: string;
  readonly scope: "log" | "resource";
  /** Lines that have the key. */
  readonly lines: number;
  readonly distinct: number;
  /** Most frequent first, at most ten. */
  readonly top: readonly FieldValue[];
}

const topMax = 10;

export interface FieldCounts {
  readonly fields: readonly Field[];
  /** Share of the counted lines that carry this key with this value. */
  readonly share: (key: string, value: string) => number;
}

export function countFields(lines: readonly LogLine[]): FieldCounts {
  const keys = new Map<
    string,
    { scope: "log" | "resource"; lines: number; values: Map<string, number> }
  >();
  const count = (scope: "log" | "resource", key: string, value: string) => {
    let entry = keys.get(key);
    if (entry === undefined) {
      entry = { scope, lines: 0, values: new Map() };
      keys.set(key, entry);
    }
    entry.lines++;
    entry.values.set(value, (entry.values.get(value) ?? 0) + 1);
  };
  for (const line of lines) {
    for (const [key, , value] of line.attributes) count("log", key, value);
    for (const [key, , value] of line.resource) count("resource", key, value);
  }
  const fields = [...keys].map(([key, entry]) => ({
    key,
    scope: entry.scope,
    lines: entry.lines,
    distinct: entry.values.size,
    top: [...entry.values]
      .map(([value, n]) => ({ value, lines: n }))
      .sort((a, b) => b.lines - a.lines)
      .slice(0, topMax),
  }));
  // Own fields before the resource's, frequent ones first.
  fields.sort((a, b) => (a.scope === b.scope ? b.lines - a.lines : a.scope === "log" ? -1 : 1));
  return {
    fields,
    share: (key, value) => (keys.get(key)?.values.get(value) ?? 0) / Math.max(1, lines.length),
  };
}
