/** Labels in braces, as both text formats write them: `{a="b"}`, and `{"any name","any label"="b"}`. */
import { isUtf8 } from "../remote-write/utf8.ts";
import type { ExpositionWriter } from "./exposition-writer.ts";
import { BRACE_CLOSE, COMMA, EQUALS, type TextScanner, unescaped } from "./text-scanner.ts";

/** One format's rules. */
export interface LabelRules {
  /** Blanks may stand between names, signs and values, and values may go over line ends (0.0.4). */
  readonly isLoose: boolean;
}

/** What takes labels: a series or an exemplar. Name and value are pieces of bytes, escapes undone. */
export interface LabelSink {
  /** A name without a value: that of the metric. Undefined where no metric name may be. */
  readonly metric?: (name: Piece, at: number) => void;
  readonly label: (name: Piece, value: Piece, at: number) => void;
}

export interface Piece {
  readonly source: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Reads what follows the opening brace, and the closing one. */
export function readLabels(scanner: TextScanner, sink: LabelSink, rules: LabelRules): void {
  const blanks = (): void => {
    if (rules.isLoose) scanner.skipBlanks();
  };
  blanks();
  while (scanner.peek() !== BRACE_CLOSE) {
    const at = scanner.pos;
    const isQuoted = scanner.quoted(true);
    if (!isQuoted && !scanner.name(false)) scanner.expected("a label name", at);
    const name = piece(scanner, isQuoted);
    blanks();
    if (scanner.peek() === EQUALS) {
      scanner.pos++;
      blanks();
      const valueAt = scanner.pos;
      if (!scanner.quoted(rules.isLoose)) scanner.expected("a label value in quotes", valueAt);
      const value = piece(scanner, true);
      if (!isUtf8(value.source, value.start, value.end))
        scanner.fail("a label value is not UTF-8", valueAt);
      sink.label(name, value, at);
    } else if (isQuoted && sink.metric !== undefined) sink.metric(name, at);
    else scanner.expected('"=" after a label name');
    blanks();
    if (scanner.peek() === COMMA) {
      scanner.pos++;
      blanks();
    } else if (scanner.peek() !== BRACE_CLOSE) scanner.expected("a comma or a closing brace");
  }
  scanner.pos++;
}

function piece(scanner: TextScanner, isQuoted: boolean): Piece {
  const { bytes, start, stop } = scanner;
  if (!isQuoted || !scanner.hasEscape) return { source: bytes, start, end: stop };
  const source = unescaped(bytes, start, stop);
  return { source, start: 0, end: source.length };
}

/** The series being read, as a sink; `normalizes` names the label whose numbers get their canonical form, if any. */
export class SeriesSink implements LabelSink {
  normalizes = -1;
  private readonly scanner: TextScanner;
  private readonly writer: ExpositionWriter;
  private readonly metricLabel: number;
  private hasMetric = false;

  constructor(scanner: TextScanner, writer: ExpositionWriter) {
    this.scanner = scanner;
    this.writer = writer;
    this.metricLabel = writer.batch.series.names.internText("__name__");
  }

  begin(at: number): void {
    this.hasMetric = false;
    this.writer.begin(at);
  }

  readonly metric = (name: Piece, at: number): void => {
    if (this.hasMetric) this.scanner.fail("the metric name stands twice", at);
    if (!isUtf8(name.source, name.start, name.end))
      this.scanner.fail("the metric name is not UTF-8", at);
    this.hasMetric = true;
    const value = this.writer.batch.series.values.intern(name.source, name.start, name.end);
    this.writer.label(this.metricLabel, value);
  };

  readonly label = (name: Piece, value: Piece, at: number): void => {
    const { names, values } = this.writer.batch.series;
    const nameId = names.intern(name.source, name.start, name.end);
    if (this.writer.labels.has(nameId))
      this.scanner.fail(
        `label ${JSON.stringify(names.text(nameId).slice(0, 100))} stands twice`,
        at,
      );
    if (nameId === this.metricLabel) this.hasMetric = true;
    let valueId = values.intern(value.source, value.start, value.end);
    if (nameId === this.normalizes) valueId = this.writer.bound(valueId);
    this.writer.label(nameId, valueId);
  };

  /** Refuses a series that names no metric. */
  checkMetric(at: number): void {
    if (!this.hasMetric) this.scanner.fail("the metric name is missing", at);
  }
}
