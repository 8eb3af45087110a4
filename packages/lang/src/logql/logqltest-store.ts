/** Lines of a test script in memory, and the notation of lines and points. */
import { parseDurationMs } from "../promql/go-format.ts";
import type { LabelPair } from "../promql/labels.ts";
import { readQuoted } from "../source.ts";
import type { LogqlQuery } from "./ast.ts";
import { matcherOf } from "./filter-stages.ts";
import type { LineColumns, LineSource, LogqlRange } from "./leaf.ts";
import type { LogqlRegexes } from "./line.ts";
import { type StreamLabels, streamOf } from "./line-labels.ts";
import { parseGoFloat } from "./units.ts";

interface StoredLine {
  readonly timeNs: bigint;
  readonly text: string;
  readonly stream: StreamLabels;
  readonly metadata: readonly LabelPair[];
}

const LABEL = /\s*,?\s*([\p{L}_][\p{L}\p{Nd}_.]*)\s*=\s*/uy;
const ENTRY =
  /^\s*(?:"([^"]*)"|`([^`]*)`)\s*@\s*([^\s[#]+)\s*(?:\[repeat every (\S+) for (\d+)\])?\s*(?:\[metadata([^\]]*)\])?\s*(?:#.*)?$/s;
const ENTRIES_MAX = 1_000_000;

export class LogqlTestStore implements LineSource {
  private stored: StoredLine[] = [];
  private readonly streams = new Map<string, StreamLabels>();
  private readonly regexes: LogqlRegexes;

  constructor(regexes: LogqlRegexes) {
    this.regexes = regexes;
  }

  clear(): void {
    this.stored = [];
    this.streams.clear();
  }

  /** `{a="b"}` at the beginning of a text, in the order of names, and what stands behind it. */
  static labels(text: string): { pairs: LabelPair[]; rest: string } {
    const pairs: LabelPair[] = [];
    let at = 1;
    for (;;) {
      LABEL.lastIndex = at;
      const found = LABEL.exec(text);
      if (found === null) break;
      const { value, end } = readQuoted(text, LABEL.lastIndex);
      pairs.push([found[1] ?? "", value]);
      at = end;
    }
    const close = /^\s*,?\s*\}/.exec(text.slice(at));
    if (!text.startsWith("{") || close === null)
      throw new Error(`invalid labels ${JSON.stringify(text)}`);
    const rest = text.slice(at + close[0].length);
    return { pairs: pairs.sort(([a], [b]) => (a < b ? -1 : 1)), rest };
  }

  load(text: string): void {
    const { pairs, rest } = LogqlTestStore.labels(text);
    const entry = ENTRY.exec(rest);
    if (entry === null) throw new Error(`invalid line ${JSON.stringify(text)}`);
    const [, quoted, raw, start = "", every, times, meta = ""] = entry;
    const body = quoted ?? raw ?? "";
    const count = times === undefined ? 1 : Number(times);
    if (count > ENTRIES_MAX) throw new Error("too many entries");
    const startMs = parseDurationMs(start);
    const everyMs = every === undefined ? 0 : parseDurationMs(every);
    const metadata = LogqlTestStore.labels(
      `{${meta.trim().replace(/"\s+(?=[\p{L}_])/gu, '", ')}}`,
    ).pairs;
    const stream = this.streamFor(pairs);
    for (let i = 0; i < count; i++) {
      const timeNs = BigInt(Math.round((startMs + i * everyMs) * 1e6));
      this.stored.push({ timeNs, text: body.replaceAll("{{.i}}", String(i)), stream, metadata });
    }
  }

  private streamFor(pairs: readonly LabelPair[]): StreamLabels {
    const made = streamOf(pairs);
    const known = this.streams.get(made.labels.key) ?? made;
    this.streams.set(known.labels.key, known);
    return known;
  }

  async lines(
    query: LogqlQuery,
    { afterNs, toNs }: LogqlRange,
  ): Promise<{ applied: number; batches: AsyncIterable<LineColumns> }> {
    const { regexes } = this;
    const tests = query.matchers.map((matcher) => {
      const matches = matcherOf(matcher, regexes);
      return (stream: StreamLabels) => matches(stream.values.get(matcher.name) ?? "");
    });
    const found = this.stored
      .filter(
        ({ timeNs, stream }) =>
          timeNs > afterNs && timeNs <= toNs && tests.every((test) => test(stream)),
      )
      .sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
    return { applied: 0, batches: oneBatch(found) };
  }
}

async function* oneBatch(lines: readonly StoredLine[]): AsyncGenerator<LineColumns> {
  const at = (row: number): StoredLine => lines[row] as StoredLine;
  yield {
    rows: lines.length,
    timeNs: (row) => at(row).timeNs,
    text: (row) => at(row).text,
    stream: (row) => at(row).stream,
    metadata: (row) => at(row).metadata,
  };
}

const SEQUENCE = /^([+-]?[^x+-]+(?:e[+-]?\d+)?)([+-][^x+-]+(?:e[+-]?\d+)?)?x(\d+)$/;

/** `1 _ 2+3x4`, up to a comment. A sequence has one point more than it says. */
export function expandPoints(text: string): (number | undefined)[] {
  const out: (number | undefined)[] = [];
  for (const word of text.replace(/#.*$/s, "").trim().split(/\s+/)) {
    if (word === "") continue;
    const gap = /^_(?:x(\d+))?$/.exec(word);
    const sequence = SEQUENCE.exec(word);
    if (gap !== null) {
      for (let i = 0; i < Number(gap[1] ?? 1); i++) out.push(undefined);
    } else if (sequence !== null) {
      const [, first = "", delta = "0", times = "0"] = sequence;
      if (Number(times) > ENTRIES_MAX) throw new Error("too many points");
      for (let i = 0; i <= Number(times); i++)
        out.push(parseGoFloat(first) + i * parseGoFloat(delta));
    } else {
      out.push(parseGoFloat(word));
    }
  }
  return out;
}
