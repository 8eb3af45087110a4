/** Label sets: sorted pairs, and a text that is equal exactly for equal sets. */
import { goQuote } from "./go-format.ts";

export type LabelPair = readonly [name: string, value: string];

export interface Labels {
  /** Sorted by name; no value is empty. */
  readonly pairs: readonly LabelPair[];
  /** Equal for equal sets only. */
  readonly key: string;
}

export const METRIC_NAME = "__name__";
/** What a computed value no longer has: name, type and unit. */
const METADATA = new Set([METRIC_NAME, "__type__", "__unit__"]);

/** Many label sets are never asked for their key: it is made when it is. */
class LabelSet implements Labels {
  readonly pairs: readonly LabelPair[];
  private made: string | undefined;

  constructor(pairs: readonly LabelPair[]) {
    this.pairs = pairs;
  }

  get key(): string {
    if (this.made === undefined) {
      let key = "";
      for (const [name, value] of this.pairs) key += `${name}\u{1}${value}\u{2}`;
      this.made = key;
    }
    return this.made;
  }
}

/** `pairs` must be sorted by name. */
export function labelsOf(pairs: readonly LabelPair[]): Labels {
  return new LabelSet(pairs);
}

export const noLabels: Labels = labelsOf([]);

export function labelsFrom(pairs: Iterable<LabelPair>): Labels {
  const kept = [...pairs].filter(([, value]) => value !== "");
  return labelsOf(kept.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** "" for a label that is not there. */
export function labelValue(labels: Labels, name: string): string {
  const { pairs } = labels;
  // Asked for each row of large queries.
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i] as LabelPair;
    if (pair[0] === name) return pair[1];
  }
  return "";
}

export const metricName = (labels: Labels): string => labelValue(labels, METRIC_NAME);

/** With `name` set; an empty value takes the label away. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  const rest = labels.pairs.filter(([candidate]) => candidate !== name);
  return value === "" && rest.length === labels.pairs.length
    ? labels
    : labelsFrom([...rest, [name, value]]);
}

export function keepLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  const pairs = labels.pairs.filter(([name]) => names.has(name));
  return pairs.length === labels.pairs.length ? labels : labelsOf(pairs);
}

export function dropLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  const pairs = labels.pairs.filter(([name]) => !names.has(name));
  return pairs.length === labels.pairs.length ? labels : labelsOf(pairs);
}

export const dropMetadata = (labels: Labels): Labels => dropLabels(labels, METADATA);

/** What two series must share to match: these labels, or all but these and the name. */
export function matchLabels(labels: Labels, on: boolean, names: ReadonlySet<string>): Labels {
  if (on) return keepLabels(labels, names);
  return dropLabels(labels, new Set([...names, METRIC_NAME]));
}

export function compareLabels(a: Labels, b: Labels): number {
  const shorter = Math.min(a.pairs.length, b.pairs.length);
  for (let i = 0; i < shorter; i++) {
    const [nameA, valueA] = a.pairs[i] as LabelPair;
    const [nameB, valueB] = b.pairs[i] as LabelPair;
    if (nameA !== nameB) return nameA < nameB ? -1 : 1;
    if (valueA !== valueB) return valueA < valueB ? -1 : 1;
  }
  return a.pairs.length - b.pairs.length;
}

export function printLabels(labels: Labels): string {
  const texts = labels.pairs.map(([name, value]) => {
    const plain = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
    return `${plain ? name : goQuote(name)}=${goQuote(value)}`;
  });
  return `{${texts.join(", ")}}`;
}
