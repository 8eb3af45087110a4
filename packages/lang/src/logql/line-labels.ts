/**
 * The labels of one line while it goes through a pipeline: those of its stream, its structured metadata, and what
 * stages parsed. One object serves line after line. Parsed labels stand before metadata, metadata before the stream.
 */
import { type LabelPair, type Labels, labelsOf } from "../promql/labels.ts";

/** Labels of a stream, with a way to look one up. One object for each stream: lines share it. */
export interface StreamLabels {
  readonly labels: Labels;
  readonly values: ReadonlyMap<string, string>;
  /** Its lines have the labels that they were sent with: `level` does not fall back on what was found in them. */
  readonly isExact: boolean;
}

export function streamOf(pairs: Iterable<LabelPair>, isExact = false): StreamLabels {
  const kept = [...pairs].filter(([, value]) => value !== "").sort(byName);
  return { labels: labelsOf(kept), values: new Map(kept), isExact };
}

const byName = ([a]: LabelPair, [b]: LabelPair): number => (a < b ? -1 : a > b ? 1 : 0);

export const ERROR = "__error__";
export const ERROR_DETAILS = "__error_details__";
const EXTRACTED = "_extracted";

export type Category = "stream" | "metadata" | "parsed";

/** Names that fall back on the level that was found in a line, where no label has them. */
const LEVEL_NAMES = new Set(["level", "severity"]);

export class LineLabels {
  error = "";
  errorDetails = "";
  private stream: StreamLabels = streamOf([]);
  private readonly changed = new Map<string, string>();
  private readonly metadata = new Map<string, string>();
  private readonly parsed = new Map<string, string>();
  /** Names that a parser gave this line a value for: a second parser does not. */
  private readonly extracted = new Set<string>();
  private readonly deleted = new Set<string>();
  private readonly levelFallback: boolean;

  constructor(options: { readonly levelFallback?: boolean | undefined } = {}) {
    this.levelFallback = options.levelFallback ?? false;
  }

  reset(stream: StreamLabels, metadata: Iterable<LabelPair>): void {
    this.stream = stream;
    this.error = "";
    this.errorDetails = "";
    if (this.changed.size > 0) this.changed.clear();
    if (this.deleted.size > 0) this.deleted.clear();
    if (this.extracted.size > 0) this.extracted.clear();
    if (this.parsed.size > 0) this.parsed.clear();
    this.metadata.clear();
    for (const [name, value] of metadata) {
      if (name === ERROR) this.error = value;
      else if (name === ERROR_DETAILS) this.errorDetails = value;
      else this.metadata.set(stream.values.has(name) ? name + EXTRACTED : name, value);
    }
  }

  categoryOf(name: string): Category | undefined {
    if (this.parsed.has(name)) return "parsed";
    if (this.metadata.has(name)) return "metadata";
    if (this.changed.has(name)) return "stream";
    return !this.deleted.has(name) && this.stream.values.has(name) ? "stream" : undefined;
  }

  get(name: string): string | undefined {
    const found = this.parsed.get(name) ?? this.metadata.get(name) ?? this.changed.get(name);
    if (found !== undefined) return found;
    const own = this.deleted.has(name) ? undefined : this.stream.values.get(name);
    if (own !== undefined || !this.levelFallback || !LEVEL_NAMES.has(name)) return own;
    return this.stream.isExact || this.deleted.has(name)
      ? undefined
      : this.metadata.get("detected_level");
  }

  /**
   * The value that lines are grouped by. Loki's own lines have no `level` unless it was sent, and stages see none; but
   * who groups by it wants to see how many lines there are of each, so here it is the level that was found, too.
   */
  groupValue(name: string): string | undefined {
    const own = this.get(name);
    if (own !== undefined || !this.levelFallback || !LEVEL_NAMES.has(name)) return own;
    const found = this.deleted.has(name) ? undefined : this.metadata.get("detected_level");
    return found === "unknown" ? undefined : found;
  }

  /**
   * The level in its sender's letters, where the level that was found in the line stands for a label: who knows that a
   * service writes `ERROR` asks for `level="ERROR"`.
   */
  writtenLevel(name: string): string | undefined {
    if (!this.levelFallback || !LEVEL_NAMES.has(name) || this.categoryOf(name) !== undefined)
      return undefined;
    return this.stream.isExact || this.deleted.has(name)
      ? undefined
      : this.metadata.get("severity_text");
  }

  /** The value that a condition on text sees: that of the error too, and "" for what is not there. */
  textOf(name: string): string {
    if (name === ERROR) return this.error;
    return name === ERROR_DETAILS ? this.errorDetails : (this.get(name) ?? "");
  }

  set(category: Category, name: string, value: string): void {
    if (category === "parsed") {
      this.metadata.delete(name);
      this.changed.delete(name);
      this.parsed.set(name, value);
      this.extracted.add(name);
    } else if (category === "metadata") {
      if (this.parsed.has(name)) return;
      this.changed.delete(name);
      this.metadata.set(name, value);
    } else if (!this.parsed.has(name) && !this.metadata.has(name)) {
      this.changed.set(name, value);
    }
  }

  /** The name under which a parser may set a value: with a suffix where the stream or the metadata has it. */
  parsedName(name: string): string {
    return this.stream.values.has(name) || this.metadata.has(name) ? name + EXTRACTED : name;
  }

  wasExtracted(name: string): boolean {
    return this.extracted.has(name);
  }

  /** Whether the stream or the metadata has it. */
  isTaken(name: string): boolean {
    return this.stream.values.has(name) || this.metadata.has(name);
  }

  delete(name: string): void {
    this.parsed.delete(name);
    this.metadata.delete(name);
    this.changed.delete(name);
    this.deleted.add(name);
  }

  /** Every label, each once, in no order. */
  each(take: (name: string, value: string, category: Category) => void): void {
    for (const [name, value] of this.stream.labels.pairs) {
      if (this.metadata.has(name) || this.parsed.has(name)) continue;
      const changed = this.changed.get(name);
      if (changed !== undefined) take(name, changed, "stream");
      else if (!this.deleted.has(name)) take(name, value, "stream");
    }
    if (this.changed.size > 0)
      for (const [name, value] of this.changed)
        if (!this.stream.values.has(name)) take(name, value, "stream");
    for (const [name, value] of this.metadata)
      if (!this.parsed.has(name)) take(name, value, "metadata");
    for (const [name, value] of this.parsed) take(name, value, "parsed");
    if (this.error !== "") take(ERROR, this.error, "parsed");
    if (this.errorDetails !== "") take(ERROR_DETAILS, this.errorDetails, "parsed");
  }

  /** Equal for lines with the same labels in the same order; such lines are one series. */
  key(): string {
    let key = "";
    this.each((name, value) => {
      key += `${name}\u{1}${value}\u{2}`;
    });
    return key;
  }

  labels(): Labels {
    const pairs: LabelPair[] = [];
    this.each((name, value) => pairs.push([name, value]));
    return labelsOf(pairs.sort(byName));
  }
}
