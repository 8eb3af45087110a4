/**
 * Reads OpenMetrics text 1.0 (`application/openmetrics-text`): one space where there is a space, exemplars, units,
 * times in seconds, and `# EOF` at the end. What is checked is what Prometheus checks.
 */
import type { MetricType } from "@triptych/model";
import { StepMeter } from "../otlp/steps.ts";
import { type ExpositionWriter, temporalityOf } from "./exposition-writer.ts";
import { readFloat } from "./float-text.ts";
import { normalized } from "./prometheus-text.ts";
import { type LabelSink, type Piece, readLabels, SeriesSink } from "./text-labels.ts";
import { BRACE_OPEN, HASH, NEWLINE, SPACE, TextScanner, unescaped } from "./text-scanner.ts";

const types: readonly MetricType[] = [
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
];
const keywords = ["HELP", "TYPE", "UNIT"] as const;
const HELP_BYTES_MAX = 4096;
const rules = { isLoose: false } as const;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function* readOpenMetricsText(bytes: Uint8Array, writer: ExpositionWriter): Generator<void> {
  const reader = new Reader(bytes, writer);
  const meter = new StepMeter();
  while (reader.line()) if (meter.due(reader.pos)) yield;
}

class Reader {
  private readonly scanner: TextScanner;
  private readonly writer: ExpositionWriter;
  private readonly sink: SeriesSink;
  private readonly exemplarSink: LabelSink;
  private type: MetricType = "unknown";
  private readonly leLabel: number;
  private readonly quantileLabel: number;

  constructor(bytes: Uint8Array, writer: ExpositionWriter) {
    this.scanner = new TextScanner(bytes);
    this.writer = writer;
    this.sink = new SeriesSink(this.scanner, writer);
    this.exemplarSink = {
      label: (name: Piece, value: Piece) => {
        writer.exemplars.add(name.source, name.start, name.end);
        writer.exemplars.add(value.source, value.start, value.end);
      },
    };
    this.leLabel = writer.batch.series.names.internText("le");
    this.quantileLabel = writer.batch.series.names.internText("quantile");
  }

  get pos(): number {
    return this.scanner.pos;
  }

  /** Reads one line; false when it was the last. */
  line(): boolean {
    const { scanner } = this;
    const byte = scanner.peek();
    if (byte < 0) scanner.expected('"# EOF"');
    if (byte !== HASH) this.series();
    else if (this.comment()) return false;
    if (scanner.peek() !== NEWLINE) scanner.expected("the end of the line");
    scanner.pos++;
    this.writer.closeLine();
    return true;
  }

  /** True when it is the end. */
  private comment(): boolean {
    const { scanner } = this;
    const at = scanner.pos;
    if (scanner.takes("# EOF")) {
      if (scanner.peek() === NEWLINE) scanner.pos++;
      if (scanner.pos < scanner.end) scanner.expected("nothing after # EOF");
      return true;
    }
    const keyword = keywords.find((word) => scanner.takes(`# ${word} `));
    if (keyword === undefined) return scanner.expected("# HELP, # TYPE, # UNIT or # EOF", at);
    this.metadata(keyword);
    return false;
  }

  private metadata(keyword: (typeof keywords)[number]): void {
    const { writer } = this;
    const scanner: TextScanner = this.scanner;
    const at = scanner.pos;
    const isQuoted = scanner.quoted(true);
    if (!isQuoted && !scanner.name(true)) scanner.expected(`a metric name after ${keyword}`, at);
    const name = decoder.decode(
      isQuoted
        ? unescaped(scanner.bytes, scanner.start, scanner.stop)
        : scanner.bytes.subarray(scanner.start, scanner.stop),
    );
    if (scanner.peek() !== SPACE) scanner.expected(`a space and text in ${keyword}`);
    scanner.pos++;
    scanner.rest();
    const { start, stop } = scanner;
    if (keyword === "HELP") scanner.checkUtf8("HELP");
    const family = writer.family(name, at);
    if (keyword === "HELP") {
      const cut = Math.min(stop, start + HELP_BYTES_MAX);
      family.help = decoder.decode(unescaped(scanner.bytes, start, cut));
      return;
    }
    const text = scanner.text(start, Math.min(stop, start + HELP_BYTES_MAX));
    if (keyword === "UNIT") {
      if (text !== "" && !(name.endsWith(`_${text}`) && name.length > text.length + 1))
        scanner.fail(`unit ${JSON.stringify(text)} is not the end of the metric's name`, start);
      family.unit = text;
      return;
    }
    const type = types.find((one) => one === text);
    if (type === undefined)
      scanner.fail(`unknown metric type ${JSON.stringify(text.slice(0, 50))}`, start);
    family.type = type;
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
    else if (scanner.peek() !== BRACE_OPEN) scanner.expected("a metric name or a comment");
    if (scanner.peek() === BRACE_OPEN) {
      scanner.pos++;
      readLabels(scanner, sink, rules);
    }
    sink.checkMetric(at);
    const value = this.number("a space and a value");
    if (scanner.peek() === SPACE && !this.isExemplarNext()) this.time();
    const series = writer.end(temporalityOf(this.type));
    const isKept = writer.sample(series, value);
    if (this.isExemplarNext()) this.exemplar(isKept ? series : -1);
  }

  private isExemplarNext(): boolean {
    const { bytes, pos } = this.scanner;
    return (
      bytes[pos] === SPACE &&
      bytes[pos + 1] === HASH &&
      bytes[pos + 2] === SPACE &&
      bytes[pos + 3] === BRACE_OPEN
    );
  }

  /** A space, then a number. */
  private number(what: string): number {
    const { scanner } = this;
    const at = scanner.pos;
    if (scanner.peek() !== SPACE) scanner.expected(what);
    scanner.pos++;
    scanner.word();
    const value = readFloat(scanner.bytes, scanner.start, scanner.stop);
    if (value === undefined) return scanner.expected(what, at);
    return value;
  }

  /** A space, then seconds, as milliseconds. */
  private seconds(): number {
    const at = this.scanner.pos;
    const value = this.number("a time in seconds");
    if (!Number.isFinite(value)) this.scanner.expected("a time that is a number", at);
    return Math.trunc(value * 1000);
  }

  private time(): void {
    this.writer.setTime(this.seconds());
  }

  private exemplar(series: number): void {
    const { scanner, writer } = this;
    scanner.pos += 4;
    writer.exemplars.begin();
    readLabels(scanner, this.exemplarSink, rules);
    const value = this.number("a space and a value after the labels of an exemplar");
    const timeMs = scanner.peek() === SPACE ? this.seconds() : undefined;
    writer.exemplar(series, value, timeMs);
  }
}
