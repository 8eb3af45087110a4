/** Reads the Prometheus text format 0.0.4 (`text/plain`), as strictly and as loosely as Prometheus does. */
import type { MetricType } from "@triptych/model";
import { StepMeter } from "../otlp/steps.ts";
import { type ExpositionWriter, temporalityOf } from "./exposition-writer.ts";
import { readFloat } from "./float-text.ts";
import { readLabels, SeriesSink } from "./text-labels.ts";
import { BRACE_OPEN, HASH, NEWLINE, SPACE, TAB, TextScanner, unescaped } from "./text-scanner.ts";

const types: ReadonlyMap<string, MetricType> = new Map([
  ["counter", "counter"],
  ["gauge", "gauge"],
  ["histogram", "histogram"],
  ["summary", "summary"],
  ["untyped", "unknown"],
]);
const HELP_BYTES_MAX = 4096;
const rules = { isLoose: true } as const;

export function* readPrometheusText(bytes: Uint8Array, writer: ExpositionWriter): Generator<void> {
  const reader = new Reader(bytes, writer);
  const meter = new StepMeter();
  while (reader.line()) if (meter.due(reader.pos)) yield;
}

class Reader {
  private readonly scanner: TextScanner;
  private readonly writer: ExpositionWriter;
  private readonly sink: SeriesSink;
  /** Of the family whose TYPE was last. */
  private type: MetricType = "unknown";
  private readonly leLabel: number;
  private readonly quantileLabel: number;

  constructor(bytes: Uint8Array, writer: ExpositionWriter) {
    this.scanner = new TextScanner(bytes);
    this.writer = writer;
    this.sink = new SeriesSink(this.scanner, writer);
    this.leLabel = writer.batch.series.names.internText("le");
    this.quantileLabel = writer.batch.series.names.internText("quantile");
  }

  get pos(): number {
    return this.scanner.pos;
  }

  /** Reads one line; false when there is none. */
  line(): boolean {
    const { scanner } = this;
    scanner.skipBlanks();
    const byte = scanner.peek();
    if (byte < 0) return false;
    if (byte === HASH) this.comment();
    else if (byte !== NEWLINE) this.series();
    if (scanner.pos < scanner.end) {
      if (scanner.peek() !== NEWLINE) scanner.expected("the end of the line");
      scanner.pos++;
    }
    this.writer.closeLine();
    return true;
  }

  /** HELP and TYPE say something; any other comment does not, whatever it looks like. */
  private comment(): void {
    const { scanner } = this;
    scanner.pos++;
    const next = scanner.peek();
    if (next === SPACE || next === TAB) {
      scanner.skipBlanks();
      for (const keyword of ["HELP", "TYPE"] as const) {
        const at = scanner.pos;
        if (scanner.takes(keyword) && (scanner.peek() === SPACE || scanner.peek() === TAB)) {
          scanner.skipBlanks();
          this.metadata(keyword);
          return;
        }
        scanner.pos = at;
      }
    }
    scanner.rest();
  }

  private metadata(keyword: "HELP" | "TYPE"): void {
    const { writer } = this;
    const scanner: TextScanner = this.scanner;
    const at = scanner.pos;
    const isQuoted = scanner.quoted(true);
    if (!isQuoted && !scanner.name(true)) scanner.expected(`a metric name after ${keyword}`, at);
    const name = isQuoted ? unescaped(scanner.bytes, scanner.start, scanner.stop) : undefined;
    const family =
      name === undefined
        ? scanner.text(scanner.start, scanner.stop)
        : new TextDecoder().decode(name);
    const next = scanner.peek();
    if (next !== SPACE && next !== TAB && next !== NEWLINE && next !== -1)
      scanner.expected(`a blank after the metric name of ${keyword}`);
    scanner.skipBlanks();
    scanner.rest();
    if (keyword === "HELP") scanner.checkUtf8("HELP");
    const known = writer.family(family, at);
    if (keyword === "HELP") {
      const stop = Math.min(scanner.stop, scanner.start + HELP_BYTES_MAX);
      known.help = helpText(scanner.bytes, scanner.start, stop);
      return;
    }
    const word = scanner.text(scanner.start, scanner.stop);
    const type = types.get(word);
    if (type === undefined)
      scanner.fail(`unknown metric type ${JSON.stringify(word.slice(0, 50))}`, scanner.start);
    known.type = type;
    this.type = type;
  }

  private series(): void {
    const { scanner, writer, sink } = this;
    const at = scanner.pos;
    writer.openLine();
    sink.begin(at);
    sink.normalizes = normalized(this.type, this.leLabel, this.quantileLabel);
    if (scanner.name(true))
      sink.metric({ source: scanner.bytes, start: scanner.start, end: scanner.stop }, at);
    else if (scanner.peek() !== BRACE_OPEN) scanner.expected("a metric name");
    scanner.skipBlanks();
    if (scanner.peek() === BRACE_OPEN) {
      scanner.pos++;
      readLabels(scanner, sink, rules);
    }
    sink.checkMetric(at);
    scanner.skipBlanks();
    const value = this.number("a value");
    scanner.skipBlanks();
    if (scanner.pos < scanner.end && scanner.peek() !== NEWLINE) this.time();
    writer.sample(writer.end(temporalityOf(this.type)), value);
  }

  private number(what: string): number {
    const { scanner } = this;
    const at = scanner.pos;
    wordOfBlanks(scanner);
    const value = readFloat(scanner.bytes, scanner.start, scanner.stop);
    if (value === undefined) return scanner.expected(what, at);
    return value;
  }

  private time(): void {
    const { scanner, writer } = this;
    const at = scanner.pos;
    wordOfBlanks(scanner);
    const digits = scanner.text(scanner.start, Math.min(scanner.stop, scanner.start + 20));
    if (!/^-?\d{1,19}$/.test(digits) || scanner.stop - scanner.start > 20)
      scanner.expected("a time in whole milliseconds", at);
    writer.setTime(Number(digits));
    scanner.skipBlanks();
  }
}

/** Prometheus 3 gives these labels one form, whatever the client writes. */
export function normalized(type: MetricType, leLabel: number, quantileLabel: number): number {
  if (type === "histogram") return leLabel;
  return type === "summary" ? quantileLabel : -1;
}

/** What reaches to the next blank, also a tab, or line end. */
function wordOfBlanks(scanner: TextScanner): void {
  const { bytes, end } = scanner;
  scanner.start = scanner.pos;
  while (scanner.pos < end) {
    const byte = bytes[scanner.pos] as number;
    if (byte === SPACE || byte === TAB || byte === NEWLINE) break;
    scanner.pos++;
  }
  scanner.stop = scanner.pos;
}

/** HELP knows no escaped quotes. */
function helpText(bytes: Uint8Array, start: number, stop: number): string {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start, stop));
  return text.includes("\\")
    ? text.replace(/\\([\\n])/g, (_, letter: string) => (letter === "n" ? "\n" : "\\"))
    : text;
}
