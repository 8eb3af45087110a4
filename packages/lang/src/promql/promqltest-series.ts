/** The notation of series in test scripts: `name{label="value"} 1 2+3x4 _ stale {{schema:0 count:1 buckets:[1]}}x3`. */
import { STALE_NAN_WORDS } from "@triptych/model";
import { readQuoted } from "../source.ts";
import {
  add,
  CUSTOM_SCHEMA,
  emptyHistogram,
  type Histogram,
  type ResetHint,
  subtract,
} from "./histogram.ts";
import { parseDurationMs } from "./go-format.ts";
import { type LabelPair, type Labels, labelsFrom, METRIC_NAME } from "./labels.ts";

/** One place of a sequence; `undefined` is a gap. */
export interface SequenceValue {
  readonly value: number | Histogram;
  /** The histogram says what is known of its resets: it is compared too. */
  readonly hintSet: boolean;
}

export interface SeriesLine {
  readonly labels: Labels;
  readonly values: readonly (SequenceValue | undefined)[];
}

const REPEATS_MAX = 1_000_000;

export const staleMarker: number = (() => {
  const value = new Float64Array(1);
  const words = new Uint32Array(value.buffer);
  words[0] = STALE_NAN_WORDS.low;
  words[1] = STALE_NAN_WORDS.high;
  return value[0] as number;
})();

/** Throws an `Error` that says what is wrong. */
export function parseSeriesLine(line: string): SeriesLine {
  const reader = new Reader(line);
  const labels = reader.labels();
  return { labels, values: reader.values() };
}

const NUMBER = /[+-]?(?:inf|nan|(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)/iy;
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;

class Reader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private take(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  private need(text: string): void {
    if (!this.take(text)) throw this.wrong(`expected ${JSON.stringify(text)}`);
  }

  private wrong(why: string): Error {
    return new Error(`${why} at ${JSON.stringify(this.text.slice(this.at, this.at + 20))}`);
  }

  private space(): boolean {
    const start = this.at;
    while (/[ \t\r\n]/.test(this.text[this.at] ?? "x")) this.at++;
    return this.at > start;
  }

  labels(): Labels {
    this.space();
    const pairs: LabelPair[] = [];
    const isValue = this.text.startsWith("{{", this.at);
    const name = isValue ? undefined : this.match(NAME);
    if (name !== undefined) pairs.push([METRIC_NAME, name]);
    // A space before a brace may belong to the labels; before two it begins a value.
    const beforeBrace = /[ \t]*\{(?!\{)/y;
    if (!isValue && this.match(beforeBrace) !== undefined) this.labelSet(pairs);
    return labelsFrom(pairs);
  }

  private labelSet(pairs: LabelPair[]): void {
    this.space();
    while (!this.take("}")) {
      pairs.push(this.label());
      this.space();
      if (this.take(",")) this.space();
      else if (this.text[this.at] !== "}") throw this.wrong('expected "," or "}"');
    }
  }

  private label(): LabelPair {
    const isQuoted = /["'`]/.test(this.text[this.at] ?? "");
    const name = isQuoted ? this.quoted() : this.match(LABEL);
    if (name === undefined) throw this.wrong("expected a label name");
    this.space();
    if (!this.take("=")) {
      if (isQuoted) return [METRIC_NAME, name];
      throw this.wrong('expected "="');
    }
    this.space();
    return [name, this.quoted()];
  }

  private quoted(): string {
    if (!/["'`]/.test(this.text[this.at] ?? "")) throw this.wrong("expected a string");
    const { value, end } = readQuoted(this.text, this.at);
    this.at = end;
    return value;
  }

  values(): (SequenceValue | undefined)[] {
    const out: (SequenceValue | undefined)[] = [];
    while (this.at < this.text.length) {
      if (!this.space()) throw this.wrong("expected a space");
      if (this.at >= this.text.length) break;
      out.push(...this.item());
      if (out.length > REPEATS_MAX) throw new Error("too many values");
    }
    return out;
  }

  private repeats(): number | undefined {
    if (!this.take("x")) return undefined;
    const digits = this.match(/\d+/y);
    if (digits === undefined) throw this.wrong("invalid repetition in series values");
    if (Number(digits) > REPEATS_MAX) throw new Error("too many values");
    return Number(digits);
  }

  private item(): (SequenceValue | undefined)[] {
    if (this.text.startsWith("{{", this.at)) return this.histogramItem();
    if (this.take("_")) return new Array<undefined>(this.repeats() ?? 1).fill(undefined);
    const plain = (value: number): SequenceValue => ({ value, hintSet: false });
    if (this.take("stale")) return this.repeated(plain(staleMarker));
    const first = this.match(NUMBER);
    if (first === undefined) throw this.wrong('expected a number or "stale"');
    let value = toNumber(first);
    if (!/[+-]/.test(this.text[this.at] ?? "")) return this.repeated(plain(value));
    const delta = toNumber(this.match(NUMBER) ?? "");
    const times = this.repeats();
    if (times === undefined || Number.isNaN(delta)) throw this.wrong("expected a repetition");
    const out = [plain(value)];
    for (let i = 0; i < times; i++) {
      value += delta;
      out.push(plain(value));
    }
    return out;
  }

  private repeated(value: SequenceValue): SequenceValue[] {
    return new Array<SequenceValue>((this.repeats() ?? 0) + 1).fill(value);
  }

  private histogramItem(): SequenceValue[] {
    const first = this.histogram();
    const sign = this.take("+") ? 1 : this.take("-") ? -1 : 0;
    if (sign === 0) return this.repeated(first);
    const delta = this.histogram();
    const times = this.repeats();
    if (times === undefined) throw this.wrong("expected a repetition");
    const { hintSet } = delta;
    const out = [{ ...first, hintSet }];
    let current = first.value as Histogram;
    const change = delta.value as Histogram;
    if (current.schema > change.schema)
      throw new Error(
        `error combining histograms: cannot merge from schema ${change.schema} to ${current.schema}`,
      );
    for (let i = 0; i < times; i++) {
      const combined = sign > 0 ? add(current, change) : subtract(current, change);
      if (combined === undefined) throw new Error("histograms do not fit each other");
      current = combined.histogram;
      out.push({ value: current, hintSet });
    }
    return out;
  }

  private histogram(): SequenceValue {
    this.need("{{");
    const fields = new Map<string, string>();
    for (;;) {
      const space = this.space();
      if (this.take("}}")) break;
      if (space === (fields.size === 0)) throw this.wrong("expected a histogram description");
      const key = this.match(/[a-z_]+/iy)?.toLowerCase() ?? "";
      if (!FIELDS.has(key)) throw this.wrong(`bad histogram descriptor found: "${key}"`);
      if (fields.has(key)) throw new Error(`duplicate key "${key}" in histogram`);
      this.need(":");
      const value = this.match(/\[[^\]]*\]|[^\s}]+/y);
      if (value === undefined) throw this.wrong("expected a value");
      fields.set(key, value);
    }
    return { value: histogramOf(fields), hintSet: fields.has("counter_reset_hint") };
  }
}

const FIELDS = new Set([
  ...["sum", "count", "schema", "offset", "n_offset", "buckets", "n_buckets", "z_bucket"],
  ...["z_bucket_w", "custom_values", "counter_reset_hint"],
]);

function toNumber(text: string): number {
  const match = /^([+-]?)(.+)$/.exec(text.replaceAll("_", ""));
  const body = match?.[2] ?? "";
  const sign = match?.[1] === "-" ? -1 : 1;
  if (/^inf$/i.test(body)) return sign * Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(body)) return Number.NaN;
  return sign * Number(body);
}

function numberField(fields: ReadonlyMap<string, string>, name: string): number {
  const text = fields.get(name);
  if (text === undefined) return 0;
  NUMBER.lastIndex = 0;
  if (NUMBER.exec(text)?.[0] !== text) throw new Error(`error parsing ${name}: ${text}`);
  return toNumber(text);
}

function listField(fields: ReadonlyMap<string, string>, name: string): number[] {
  const text = fields.get(name);
  if (text === undefined) return [];
  if (!text.startsWith("[")) throw new Error(`error parsing ${name}: ${text}`);
  const parts = text
    .slice(1, -1)
    .split(/\s+/)
    .filter((part) => part !== "");
  const numbers = parts.map(toNumber);
  if (parts.some((part, i) => Number.isNaN(numbers[i]) && !/^[+-]?nan$/i.test(part)))
    throw new Error(`error parsing ${name}: ${text}`);
  return numbers;
}

const HINTS = new Set<string>(["unknown", "reset", "not_reset", "gauge"]);

function histogramOf(fields: ReadonlyMap<string, string>): Histogram {
  const hint = fields.get("counter_reset_hint") ?? "unknown";
  if (!HINTS.has(hint)) throw new Error(`unknown counter_reset_hint ${hint}`);
  const side = (buckets: string, offset: string) => {
    const count = Float64Array.from(listField(fields, buckets));
    const first = numberField(fields, offset);
    return { index: Int32Array.from(count, (_count, i) => first + i), count };
  };
  const schema = numberField(fields, "schema");
  return {
    ...emptyHistogram,
    hint: hint as ResetHint,
    schema,
    sum: numberField(fields, "sum"),
    count: numberField(fields, "count"),
    zeroCount: numberField(fields, "z_bucket"),
    zeroThreshold: numberField(fields, "z_bucket_w"),
    customValues: schema === CUSTOM_SCHEMA ? listField(fields, "custom_values") : [],
    positive: side("buckets", "offset"),
    negative: side("n_buckets", "n_offset"),
  };
}

const START_ITEM = /^([+-]?)(\d+[a-wyz]*)(?:([+-])(\d+[a-wyz]*))?(?:x(\d+))?$/;

/** Start times of samples, as distances from them: `-1m`, `-1m+5sx3`, `_`. */
export function parseStartTimes(text: string): (number | undefined)[] {
  const out: (number | undefined)[] = [];
  for (const item of text.split(/\s+/).filter((one) => one !== "")) {
    const gap = /^_(?:x(\d+))?$/.exec(item);
    if (gap !== null) {
      for (let i = 0; i < Number(gap[1] ?? 1); i++) out.push(undefined);
      continue;
    }
    const parts = START_ITEM.exec(item);
    if (parts === null) throw new Error(`invalid start time ${JSON.stringify(item)}`);
    let ms = (parts[1] === "-" ? -1 : 1) * parseDurationMs(parts[2] ?? "");
    const delta = (parts[3] === "-" ? -1 : 1) * parseDurationMs(parts[4] ?? "0");
    for (let i = 0; i <= Number(parts[5] ?? 0); i++, ms += delta) out.push(ms);
  }
  return out;
}
